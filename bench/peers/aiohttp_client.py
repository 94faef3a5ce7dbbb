"""aiohttp: one ClientSession, no limit on connections."""

import aiohttp

from bench.peers.closed_loop import closed_loop, run
from bench.peers.job import Job
from bench.peers.window import Window


async def main() -> None:
    """Runs the cell that the command line names."""
    job = Job.from_command_line()
    window = Window(job)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0, ssl=False)) as session:

        async def user(index: int) -> None:
            while window.running:
                async with session.get(job.url) as response:
                    body = await response.read()
                if response.status == 200 and len(body) == job.size:
                    window.good[index] += 1
                else:
                    window.bad[index] += 1

        window.report(await closed_loop(window, job.concurrency, user))


if __name__ == "__main__":
    run(main)
