"""What idle sessions of acurl cost, which made two requests each: arguments URL COUNT."""

import asyncio
import json
import sys
from collections.abc import Iterator

import acurl
from bench.peers.closed_loop import run
from bench.peers.resident import resident_bytes

USERS = 100


async def work(wrapper: acurl.CurlWrapper, url: str, count: int) -> list[acurl.Session]:
    """So many sessions, open, each of which has made two requests; a hundred at a time."""
    sessions = [wrapper.session(verify=False) for _ in range(count)]
    waiting: Iterator[acurl.Session] = iter(sessions)

    async def user() -> None:
        for session in waiting:
            for _ in range(2):
                response = await session.get(url)
                if response.status_code != 200 or not response.body:
                    raise SystemExit(f"status {response.status_code}: this run does not count")

    await asyncio.gather(*(user() for _ in range(USERS)))
    return sessions


async def main() -> None:
    """Prints the growth as a JSON line; the engine has its connections and handles beforehand."""
    url, count = sys.argv[1], int(sys.argv[2])
    wrapper = acurl.CurlWrapper(asyncio.get_running_loop())
    for session in await work(wrapper, url, USERS):
        session.close()
    before = resident_bytes()
    sessions = await work(wrapper, url, count)
    after = resident_bytes()
    print(json.dumps({"before": before, "after": after, "count": count}))
    for session in sessions:
        session.close()
    wrapper.close()


if __name__ == "__main__":
    run(main)
