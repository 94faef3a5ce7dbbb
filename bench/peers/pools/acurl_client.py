"""acurl: one CurlWrapper with a ceiling, a session per user."""

import asyncio
from typing import Any

import acurl
from bench.peers.closed_loop import run
from bench.peers.pools.burst import Answer, burst
from bench.peers.pools.job import PoolJob
from bench.peers.pools.tally import Tally


def limits(job: PoolJob) -> dict[str, Any]:
    """The job's limits as options of CurlWrapper; without any, its defaults."""
    named = {"max_connections": job.maximum, "max_connects": job.keep}
    return {name: value for name, value in named.items() if value is not None}


async def main() -> None:
    """Runs the job of the command line."""
    job = PoolJob.from_command_line()
    tally = Tally((acurl.PoolTimeout,))
    wrapper = acurl.CurlWrapper(asyncio.get_running_loop(), **limits(job))
    timeout = acurl.Timeout(pool=job.pool_timeout)
    connections: Any = job.connections
    sessions = [
        wrapper.session(verify=False, timeout=timeout, connections=connections)
        for _ in range(job.users)
    ]

    async def ask(index: int) -> Answer:
        response = await sessions[index].get(job.url)
        return response.status_code, len(response.body), response.pool_wait_time

    await burst(job, tally, ask)
    tally.report(f"{acurl.__version__} (libcurl {acurl.libcurl_version()})")
    wrapper.close()


if __name__ == "__main__":
    run(main)
