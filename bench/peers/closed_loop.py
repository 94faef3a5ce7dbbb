"""Users in a closed loop on one event loop: each asks again as soon as it has been answered."""

import asyncio
from collections.abc import Awaitable, Callable

import uvloop

from bench.peers.window import DRAIN_LIMIT, Window

User = Callable[[int], Awaitable[None]]
"""Asks again and again, as the user of that index, while the window is running."""

BACK_OFF = 0.05
"""Seconds a user waits after a request that raised."""


async def _persist(user: User, index: int, window: Window) -> None:
    while window.running:
        try:
            await user(index)
        except Exception as error:  # noqa: BLE001 - whatever a client raises is counted
            window.fail(index, error)
            await asyncio.sleep(BACK_OFF)


async def closed_loop(window: Window, concurrency: int, user: User) -> int:
    """Runs the users until the window has closed; returns how many still waited after that."""
    users = [asyncio.create_task(_persist(user, index, window)) for index in range(concurrency)]
    for pause in window.phases():
        await asyncio.sleep(pause)
    _, waiting = await asyncio.wait(users, timeout=DRAIN_LIMIT)
    for task in waiting:
        task.cancel()
    return len(waiting)


def run(main: Callable[[], Awaitable[None]]) -> None:
    """Runs a client's main coroutine on uvloop."""

    async def started() -> None:
        await main()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(started())
