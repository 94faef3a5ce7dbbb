"""niquests: one AsyncSession, which keeps to the size of its pool without being told to."""

import warnings

import niquests

from bench.peers.closed_loop import run
from bench.peers.pools.burst import Answer, burst
from bench.peers.pools.job import PoolJob
from bench.peers.pools.tally import Tally


async def main() -> None:
    """Runs the job of the command line."""
    warnings.simplefilter("ignore")
    job = PoolJob.from_command_line()
    tally = Tally()
    size = job.maximum or job.users
    async with niquests.AsyncSession(pool_connections=1, pool_maxsize=size) as session:
        session.trust_env = False

        async def ask(_index: int) -> Answer:
            response = await session.get(job.url, timeout=60)
            return response.status_code or 0, len(response.content or b""), None

        await burst(job, tally, ask)
        tally.report(niquests.__version__)


if __name__ == "__main__":
    run(main)
