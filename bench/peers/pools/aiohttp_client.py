"""aiohttp: one ClientSession with a limit; its tracing tells when a request queues."""

import time
from types import SimpleNamespace
from typing import Any

import aiohttp

from bench.peers.closed_loop import run
from bench.peers.pools.burst import Answer, burst
from bench.peers.pools.job import PoolJob
from bench.peers.pools.tally import Tally


class Wait:
    """How long one request queued."""

    __slots__ = ("seconds",)

    def __init__(self) -> None:
        self.seconds = 0.0


async def _queued(_session: Any, context: SimpleNamespace, _params: Any) -> None:
    context.since = time.monotonic()


async def _served(_session: Any, context: SimpleNamespace, _params: Any) -> None:
    context.trace_request_ctx.seconds = time.monotonic() - context.since


def _tracing() -> aiohttp.TraceConfig:
    tracing = aiohttp.TraceConfig()
    tracing.on_connection_queued_start.append(_queued)
    tracing.on_connection_queued_end.append(_served)
    return tracing


async def main() -> None:
    """Runs the job of the command line."""
    job = PoolJob.from_command_line()
    tally = Tally((aiohttp.ConnectionTimeoutError,))
    connector = aiohttp.TCPConnector(limit=job.maximum or 0)
    timeout = aiohttp.ClientTimeout(total=60, connect=job.pool_timeout)
    async with aiohttp.ClientSession(
        connector=connector, timeout=timeout, trace_configs=[_tracing()]
    ) as session:

        async def ask(_index: int) -> Answer:
            wait = Wait()
            async with session.get(job.url, trace_request_ctx=wait) as response:
                return response.status, len(await response.read()), wait.seconds

        await burst(job, tally, ask)
        tally.report(aiohttp.__version__)


if __name__ == "__main__":
    run(main)
