"""What runs under valgrind: 2,000 requests of every kind through the Python module.

    python tests/csrc/visits.py HTTP HTTPS CA_FILE      the two origins of tests/servers/nginx.py

Prints how many requests were answered, failed as they should, and were cancelled.
"""

import asyncio
import sys
from collections import Counter

import acurl

USERS = 20
ROUNDS = 20  # of five requests each, so 2,000 in all


async def visit(session: acurl.Session, origin: str, seen: Counter[str]) -> None:
    """Five requests: plain, with a large body, with cookies and a redirect, failing, cancelled."""
    assert (await session.get(origin + "/small")).body == b"hello from nginx\n"
    large = await session.get(origin + "/large")
    assert len(large.body) == 1 << 20
    await session.get(origin + "/cookie/set")
    sent = await session.post(origin + "/mirror", data={"a": "b"}, headers={"X-Test": "yes"})
    assert sent.text.startswith("POST")
    seen["answered"] += 4
    slow = asyncio.ensure_future(session.get(origin + "/slow", timeout=0.05))
    await asyncio.sleep(0.01)
    if seen["answered"] % 8:  # every other one
        slow.cancel()
    try:
        await slow
    except acurl.AcurlError:
        seen["failed"] += 1
    except asyncio.CancelledError:
        seen["cancelled"] += 1


async def user(wrapper: acurl.CurlWrapper, origin: str, ca_file: str, seen: Counter[str]) -> None:
    for _ in range(ROUNDS):
        session = wrapper.session(verify=ca_file)
        await visit(session, origin, seen)
        session.close()


async def main(http: str, https: str, ca_file: str) -> None:
    seen: Counter[str] = Counter()
    wrapper = acurl.CurlWrapper(asyncio.get_running_loop(), max_connects=5)
    origins = [http, https] * (USERS // 2)
    await asyncio.gather(*(user(wrapper, origin, ca_file, seen) for origin in origins))
    wrapper.close()
    print(seen["answered"], seen["failed"], seen["cancelled"])


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
