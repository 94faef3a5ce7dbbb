"""httpx: one AsyncClient, no limit on connections."""

import httpx

from bench.peers.closed_loop import closed_loop, run
from bench.peers.job import Job
from bench.peers.window import Window


async def main() -> None:
    """Runs the cell that the command line names."""
    job = Job.from_command_line()
    window = Window(job)
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    async with httpx.AsyncClient(
        http2=job.http2, verify=False, limits=limits, timeout=60, trust_env=False
    ) as client:

        async def user(index: int) -> None:
            while window.running:
                response = await client.get(job.url)
                if response.status_code == 200 and len(response.content) == job.size:
                    window.good[index] += 1
                else:
                    window.bad[index] += 1

        window.report(await closed_loop(window, job.concurrency, user))


if __name__ == "__main__":
    run(main)
