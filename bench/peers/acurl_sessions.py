"""What sessions of acurl cost between requests: arguments URL COUNT CONNECTIONS USERS.

Each has made one request. CONNECTIONS is the option of that name; with USERS 1 all requests go one
after the other, over one connection.
"""

import asyncio
import json
import sys
from collections.abc import Iterator
from typing import Any

import acurl
from bench.peers.closed_loop import run
from bench.peers.resident import memory


async def work(
    wrapper: acurl.CurlWrapper, url: str, count: int, connections: Any, users: int
) -> list[acurl.Session]:
    """So many sessions, open, each of which has made a request."""
    sessions = [
        wrapper.session(verify=False, connections=connections, timeout=None) for _ in range(count)
    ]
    waiting: Iterator[acurl.Session] = iter(sessions)

    async def user() -> None:
        for session in waiting:
            response = await session.get(url)
            if response.status_code != 200 or not response.body:
                raise SystemExit(f"status {response.status_code}: this run does not count")

    await asyncio.gather(*(user() for _ in range(users)))
    return sessions


async def main() -> None:
    """Prints the growth as a JSON line, and how many cookies and connections there are."""
    url, count, connections, users = sys.argv[1:]
    wrapper = acurl.CurlWrapper(asyncio.get_running_loop())
    for session in await work(wrapper, url, 100, connections, int(users)):
        session.close()
    before = memory()
    sessions = await work(wrapper, url, int(count), connections, int(users))
    after = memory()
    counters = wrapper.stats()
    line = {
        "before": before.rss,
        "after": after.rss,
        "count": len(sessions),
        "cookies": sum(len(session.cookies()) for session in sessions[:10]),
        "connections": counters.in_use + counters.idle,
    }
    print(json.dumps(line))
    for session in sessions:
        session.close()
    wrapper.close()


if __name__ == "__main__":
    run(main)
