"""What the decorator of mite_http costs, of whichever mite is installed: argument REPEATS."""

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from statistics import median
from typing import Any

from bench.peers.closed_loop import run
from mite.context import Context
from mite_http import mite_http

CALLS = 20_000

Journey = Callable[[Any], Awaitable[None]]


async def bare(ctx: Any) -> None:
    """A journey that does nothing."""


decorated: Journey = mite_http(bare)


async def cost(journey: Journey, ctx: Context) -> float:
    """CPU microseconds of one call."""
    before = time.process_time()
    for _ in range(CALLS):
        await journey(ctx)
    return (time.process_time() - before) / CALLS * 1e6


async def main() -> None:
    """Prints the median of what the decorator adds; the two journeys alternate."""
    ctx = Context(lambda _message: None, {})
    await decorated(ctx)
    added = []
    for _ in range(int(sys.argv[1])):
        without = await cost(bare, ctx)
        added.append(await cost(decorated, ctx) - without)
        await asyncio.sleep(0)
    print(json.dumps({"us": median(added), "least": min(added), "most": max(added)}))


if __name__ == "__main__":
    run(main)
