"""acurl under load, with limits: arguments URL CONCURRENCY SECONDS SIZE CONNECTIONS MAXIMUM.

A session per user; MAXIMUM is the ceiling on open connections, 0 for none.
"""

import asyncio
import sys
from typing import Any

import acurl
from bench.peers.closed_loop import closed_loop, run
from bench.peers.job import Job
from bench.peers.window import Window


async def main() -> None:
    """Runs the cell that the command line names."""
    url, users, seconds, size, options, maximum = sys.argv[1:]
    job = Job(url, int(users), float(seconds), int(size))
    window = Window(job)
    limits: dict[str, Any] = {"max_connections": int(maximum)} if int(maximum) else {}
    wrapper = acurl.CurlWrapper(asyncio.get_running_loop(), **limits)
    connections: Any = options

    async def user(index: int) -> None:
        session = wrapper.session(verify=False, connections=connections)
        get, url, size, good, bad = session.get, job.url, job.size, window.good, window.bad
        try:
            while window.running:
                response = await get(url)
                if response.status_code == 200 and len(response.body) == size:
                    good[index] += 1
                else:
                    bad[index] += 1
        finally:
            session.close()

    unfinished = await closed_loop(window, job.concurrency, user)
    window.report(unfinished, acurl.libcurl_version())
    wrapper.close()


if __name__ == "__main__":
    run(main)
