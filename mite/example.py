"""The smallest journey, datapool and scenario; needs no server::

mite scenario test mite.example:scenario
"""

from __future__ import annotations

import asyncio

from mite.context import Context
from mite.datapools import DataPool, RecyclableIterableDataPool
from mite.scenario import VolumeModel
from mite.volume import Constant


async def journey(ctx: Context, arg1: int, arg2: int) -> None:
    """Send a message, and take half a second."""
    async with ctx.transaction("test1"):
        ctx.send("test_message", content=ctx.config.get("test_msg", "Not set"), sum=arg1 + arg2)
        await asyncio.sleep(0.5)


datapool = RecyclableIterableDataPool([(i, i + 2) for i in range(5000)])

volumemodel = Constant(duration=10, tps=10)


def scenario() -> list[tuple[str, DataPool, VolumeModel]]:
    """Ten journeys at once for ten seconds."""
    return [("mite.example:journey", datapool, volumemodel)]
