"""httpx, and requestx which says of itself that it is used alike: one AsyncClient."""

from importlib.metadata import version
from typing import Any

from bench.peers.closed_loop import run
from bench.peers.pools.burst import Answer, burst
from bench.peers.pools.job import PoolJob
from bench.peers.pools.tally import Tally


async def bounded(library: Any, job: PoolJob) -> None:
    """Runs the burst through the library's AsyncClient and reports."""
    limits = library.Limits(max_connections=job.maximum, max_keepalive_connections=job.keep)
    timeout = library.Timeout(60.0, pool=job.pool_timeout)
    tally = Tally((library.PoolTimeout,))
    async with library.AsyncClient(limits=limits, timeout=timeout, trust_env=False) as client:

        async def ask(_index: int) -> Answer:
            response = await client.get(job.url)
            return response.status_code, len(response.content), None

        await burst(job, tally, ask)
        tally.report(version(library.__name__))


async def main() -> None:
    """Runs the job of the command line."""
    import httpx  # noqa: PLC0415 - requestx lives in an environment without it

    await bounded(httpx, PoolJob.from_command_line())


if __name__ == "__main__":
    run(main)
