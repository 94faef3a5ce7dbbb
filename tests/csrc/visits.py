"""What runs under valgrind and under AddressSanitizer: 10,000 requests of every kind, while the
limits of their pool change.

    python tests/csrc/visits.py NGINX_HTTP NGINX_HTTPS NGINX_H2C CADDY_HTTPS CA_FILE

The origins are those of tests/servers. Prints how many requests were answered, failed as they
should, and were cancelled.
"""

import asyncio
import contextlib
import itertools
import sys
from collections import Counter
from collections.abc import AsyncIterator

import acurl
from acurl.options import Connections, HttpVersion, OptionsBesidesVersion

USERS = 20
ROUNDS = 50  # of ten requests each, so 10,000 in all
FILES = {"one": b"x" * 1000, "two": ("name", b"y" * 30_000, "text/plain")}
SPREAD: list[Connections] = ["shared", "shared", "shared", "lanes:3", "lanes:2"]
SMALL = b"hello from nginx\n"


async def pieces() -> AsyncIterator[bytes]:
    for _ in range(3):
        yield b"0123456789" * 400


async def plain(session: acurl.Session, origin: str, path: str) -> None:
    """Four requests: small and larger answers, cookies, a redirect."""
    assert (await session.get(origin + "/small")).body == SMALL
    assert len((await session.get(origin + path)).body) >= 28_000
    await session.get(origin + "/cookie/set")
    shown = await session.get(origin + "/cookie/show", headers={"X-Test": "yes"})
    assert "flavour=oat" in shown.text


async def exchanges(session: acurl.Session, origin: str) -> None:
    """Three requests whose bodies come or go in pieces."""
    async with await session.get(origin + "/text", stream=True) as answer:
        got = [len(piece) async for piece in answer.stream()]
    assert sum(got) >= 28_000
    assert (await session.post(origin + "/sink", data=pieces())).status_code == 200
    sent = await session.post(origin + "/sink", data={"a": "b"}, files=FILES)
    assert int(sent.text) > 31_000


async def ended(session: acurl.Session, origin: str, seen: Counter[str], *, cancel: bool) -> None:
    """One request that comes to no good end."""
    slow = asyncio.ensure_future(session.get(origin + "/slow", timeout=0.05))
    await asyncio.sleep(0.01)
    if cancel:
        slow.cancel()
    try:
        await slow
    except acurl.AcurlError:
        seen["failed"] += 1
    except asyncio.CancelledError:
        seen["cancelled"] += 1


async def user(
    wrapper: acurl.CurlWrapper,
    origins: list[str],
    version: HttpVersion,
    spread: Connections,
    seen: Counter[str],
) -> None:
    origin, quic, ca_file = origins
    options: OptionsBesidesVersion = {"verify": ca_file, "timeout": 60, "connections": spread}
    alone: OptionsBesidesVersion = {"connections": "session", "discard_body": True}
    for nth in range(ROUNDS):
        async with contextlib.AsyncExitStack() as stack:
            session = wrapper.session(version, **options)
            private = wrapper.session(version, **(options | alone))
            stack.callback(session.close)
            stack.callback(private.close)
            await plain(session, origin, "/large" if nth % 10 == 0 else "/text")
            await exchanges(session, origin)
            assert (await private.get(origin + "/text")).body == b""
            third = await session.get(quic + "/", http_version="3")
            assert third.text.startswith("HTTP/3")
            await ended(session, origin, seen, cancel=bool(nth % 2))
        seen["answered"] += 9


async def resizing(wrapper: acurl.CurlWrapper) -> None:
    """Ceilings that come and go, so that requests wait and idle connections make room."""
    for nth in itertools.count():
        limit = (None, 12, 5, 40)[nth % 4]
        wrapper.resize(
            max_connections=limit,
            max_host_connections=(None, 3)[nth // 4 % 2],
            max_host_keepalive=(None, 0)[nth // 2 % 2],
            max_connects=(5, 0, 2)[nth % 3],
            max_streams=(100, 4)[nth % 2],
        )
        await asyncio.sleep(0.2)


async def main(http: str, https: str, h2c: str, quic: str, ca_file: str) -> None:
    seen: Counter[str] = Counter()
    wrapper = acurl.CurlWrapper(asyncio.get_running_loop(), max_connects=5)
    kinds: list[tuple[str, HttpVersion]] = [
        (http, "auto"),
        (https, "auto"),
        (https, "1.1"),
        (h2c, "2-prior-knowledge"),
    ]
    users = [kinds[number % len(kinds)] for number in range(USERS)]
    resizer = asyncio.ensure_future(resizing(wrapper))
    await asyncio.gather(
        *(
            user(wrapper, [origin, quic, ca_file], version, spread, seen)
            for (origin, version), spread in zip(users, SPREAD * USERS, strict=False)
        )
    )
    resizer.cancel()
    wrapper.close()
    print(seen["answered"], seen["failed"], seen["cancelled"])


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
