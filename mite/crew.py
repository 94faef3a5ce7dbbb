"""The journeys of one scenario line that run at once: a task per simulated user.

Each task (a slot) runs one journey after the other without asking anybody; between two journeys it
looks whether it is still wanted.  Slots are started by ``resize`` and leave by themselves.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Mapping
from itertools import count
from typing import Any

from mite import specs
from mite.context import Context, RootTransaction, SendFunction
from mite.datapools import DataPoolExhausted, DataPoolItem, DataPoolTooSmall
from mite.exceptions import ConfigurationError
from mite.run import Run
from mite.scenario import Line

_EMPTY_POOL_PAUSE = 0.05
_BURST = 1_000
_CANCEL_GRACE = 2.0


class Surroundings:
    """What all crews of a runner share."""

    def __init__(
        self,
        *,
        run: Run,
        send: SendFunction,
        config: Mapping[str, Any],
        identity: Mapping[str, Any],
        fail: Callable[[ConfigurationError], None],
        debug: bool = False,
    ) -> None:
        self.run = run
        self.send = send
        self.config = config
        self.identity = identity
        self.fail = fail
        self.debug = debug
        self.context_ids = count(1)


class Crew:
    """The slots of one line.  All state belongs to the loop's thread."""

    def __init__(self, line: Line, around: Surroundings) -> None:
        self.line = line
        self.target = 0
        self.running = 0
        """Slots alive, each with a journey or about to have one."""
        self.finished = 0
        self.exhausted = False
        """Nothing more can be started: the datapool is empty, or the only start was made."""
        self.wanted = False
        """Whether it ever had a target."""
        self.stopping = False
        self._around = around
        self._starts: int | None = getattr(line.volume, "starts", None)
        self._tasks: set[asyncio.Task[None]] = set()
        self._identity = {
            **around.identity,
            "journey": line.journey_spec,
            "scenario_id": line.id,
        }

    def __repr__(self) -> str:
        spec = self.line.journey_spec
        return f"Crew({spec}: {self.running} of {self.target} running, {self.finished} finished)"

    @property
    def over(self) -> bool:
        """Whether this line is done for good: nothing runs and nothing can start."""
        return self.exhausted and self.running == 0

    def resize(self, target: int) -> None:
        """Have ``target`` slots: missing ones start now, surplus ones end with their journey."""
        self.target = 0 if self.exhausted else target
        self.wanted = self.wanted or self.target > 0
        while self.running < self.target:
            self.running += 1
            task = asyncio.get_running_loop().create_task(self._slot())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def cancel(self) -> int:
        """End all journeys where they stand; how many did.  Those that would not still run."""
        tasks = [task for task in self._tasks if not task.done()]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=_CANCEL_GRACE)
        return sum(task.done() for task in tasks)

    def should_stop(self) -> bool:
        """What ``ctx.should_stop`` says to this line's journeys."""
        return self.stopping

    async def _slot(self) -> None:
        task = asyncio.current_task()
        around = self._around
        since_pause = 0
        try:
            while self.running <= self.target and not self.exhausted:
                item = None
                if self.line.datapool is not None:
                    item = await self._checkout()
                    if item is None:
                        continue
                self._count_start()
                await self.perform(item)
                self.finished += 1
                if task is not None and task.cancelling() and not around.run.cancelling:
                    await _uncancel(task)
                since_pause += self.running
                if since_pause >= _BURST:
                    # A journey that waits for nothing must not keep the loop to itself.
                    since_pause = 0
                    await asyncio.sleep(0)
        finally:
            self.running -= 1

    async def perform(self, item: DataPoolItem | None) -> None:
        """Run the journey once, from its context to its datapool item's return."""
        around = self._around
        context = Context(
            around.send,
            around.config,
            {
                **self._identity,
                "context_id": next(around.context_ids),
                "scenario_data_id": None if item is None else item.id,
            },
            self.should_stop,
            around.debug,
            around.run,
        )
        try:
            async with RootTransaction(context):
                if item is None or item.data is None:
                    await self.line.journey(context)
                else:
                    await self.line.journey(context, *_row(item))
        except BaseException as error:
            # The transaction has reported it; what is left to decide is whether the slot goes on.
            if around.run.cancelling or around.debug or _is_closing(error):
                raise
        finally:
            if item is not None:
                await self._checkin(item)

    async def _checkout(self) -> DataPoolItem | None:
        pool = self.line.datapool
        assert pool is not None  # noqa: S101 - for the type checker
        try:
            item = await pool.checkout(self._around.config)
        except DataPoolExhausted:
            self.exhausted = True
            return None
        except BaseException as error:
            # Whatever a user's pool does, the run ends in order.
            if self._around.run.cancelling or _is_closing(error):
                raise
            self._pool_failed(error)
            return None
        if item is None:
            await asyncio.sleep(_EMPTY_POOL_PAUSE)
        elif not (hasattr(item, "id") and hasattr(item, "data")):
            self._pool_failed(TypeError(f"checkout gave {item!r}, which is no DataPoolItem"))
            return None
        return item

    async def _checkin(self, item: DataPoolItem) -> None:
        pool = self.line.datapool
        assert pool is not None  # noqa: S101 - for the type checker
        try:
            await pool.checkin(item.id)
        except BaseException as error:
            if self._around.run.cancelling or _is_closing(error):
                raise
            self._pool_failed(error)

    def _pool_failed(self, error: BaseException) -> None:
        self.exhausted = True
        journey = self.line.journey_spec
        if isinstance(error, DataPoolTooSmall):
            fault = f"the datapool of {journey} is too small: {error}."
        else:
            fault = f"the datapool of {journey} failed: {specs.described(error)}."
        self._around.fail(ConfigurationError(fault))

    def _count_start(self) -> None:
        if self._starts is not None:
            self._starts -= 1
            self.exhausted = self._starts <= 0


def _row(item: DataPoolItem) -> Iterable[Any]:
    row = item.data
    if isinstance(row, Iterable):
        return row
    raise TypeError(
        f"item {item.id!r} of the datapool is {row!r}; an item must be a tuple of the journey's "
        f"arguments after its context, such as ({row!r},)"
    )


def _is_closing(error: BaseException) -> bool:
    """Whether the coroutine is being closed, which no task does: it must not go on then."""
    try:
        return isinstance(error, GeneratorExit) and asyncio.current_task() is None
    except RuntimeError:
        return True


async def _uncancel(task: asyncio.Task[Any]) -> None:
    """Undo what a journey that cancelled itself did to its slot."""
    while task.cancelling():
        task.uncancel()
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.sleep(0)
