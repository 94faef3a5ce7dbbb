"""A burst of users on one event loop, each of whom asks one request after the other."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable

from bench.peers.pools.job import PoolJob
from bench.peers.pools.tally import Tally

Answer = tuple[int, int, float | None]
"""Status, bytes of the body, seconds waited for a connection or None when the client is mute."""

Ask = Callable[[int], Awaitable[Answer]]
"""One request of the user of that index."""

BACK_OFF = 0.05
"""Seconds a user waits after a request that failed for another reason than the pool's timeout."""


async def _user(index: int, job: PoolJob, tally: Tally, ask: Ask, end: float) -> None:
    # Users who pause do not all ask at the same moment, nor fall into step later.
    pauses = random.Random(index)
    await asyncio.sleep(job.pause * index / job.users)
    while (began := time.monotonic()) < end:
        try:
            status, size, wait = await ask(index)
        except Exception as error:  # noqa: BLE001 - whatever a client raises is counted
            if not tally.raised(began, error):
                await asyncio.sleep(BACK_OFF)
        else:
            tally.answered(began, status, size, wait)
        if job.pause:
            await asyncio.sleep(pauses.uniform(0, 2 * job.pause))


async def burst(job: PoolJob, tally: Tally, ask: Ask) -> None:
    """Runs the users from the job's start to its end, then keeps the pool open for a while."""
    await asyncio.sleep(max(0.0, job.start - time.monotonic()))
    end = tally.begin() + job.seconds
    users = [_user(index, job, tally, ask, end) for index in range(job.users)]
    await asyncio.gather(*users)
    tally.end()
    await asyncio.sleep(job.linger)
