"""requestx, used as httpx is."""

import requestx

from bench.peers.closed_loop import run
from bench.peers.pools.httpx_client import bounded
from bench.peers.pools.job import PoolJob


async def main() -> None:
    """Runs the job of the command line."""
    await bounded(requestx, PoolJob.from_command_line())


if __name__ == "__main__":
    run(main)
