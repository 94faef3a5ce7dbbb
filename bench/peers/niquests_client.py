"""niquests: one AsyncSession with as many connections as users."""

import warnings

import niquests

from bench.peers.closed_loop import closed_loop, run
from bench.peers.job import Job
from bench.peers.window import Window


async def main() -> None:
    """Runs the cell that the command line names."""
    warnings.simplefilter("ignore")
    job = Job.from_command_line()
    window = Window(job)
    users = job.concurrency
    async with niquests.AsyncSession(
        pool_connections=users, pool_maxsize=users, disable_http3=True
    ) as session:
        session.trust_env = False

        async def user(index: int) -> None:
            while window.running:
                response = await session.get(job.url, verify=False, timeout=60)
                if response.status_code == 200 and len(response.content or b"") == job.size:
                    window.good[index] += 1
                else:
                    window.bad[index] += 1

        window.report(await closed_loop(window, job.concurrency, user))


if __name__ == "__main__":
    run(main)
