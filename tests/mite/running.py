"""Running scenario lines on a clock that the runner itself moves: hours pass in no time."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from mite.clock import FakeClock
from mite.datapools import DataPool
from mite.run import Run
from mite.runner import Outcome, Runner, Settings
from mite.scenario import Line, VolumeModel
from mite.transport import Message
from mite.transport.local import LocalBus

Journey = Callable[..., Awaitable[Any]]


class Kept:
    """A consumer that keeps every message."""

    types = None

    def __init__(self) -> None:
        self.messages: list[Message] = []

    def describe(self) -> str:
        return "kept"

    def start(self) -> None:
        pass

    def add(self, message: Message) -> None:
        self.messages.append(message)

    def stop(self) -> None:
        pass

    def of(self, message_type: str) -> list[Message]:
        """The messages of one type."""
        return [message for message in self.messages if message["type"] == message_type]


class Rig:
    """A runner with all that is around it; `clock` moves only while the runner sleeps."""

    def __init__(self, *lines: Line, settings: Settings | None = None, **config: Any) -> None:
        self.clock = FakeClock()
        self.kept = Kept()
        self.bus = LocalBus()
        self.bus.attach(self.kept)
        self.cpu = 0.0
        self.run = Run(self.clock, seed=7)
        self.at_tick: Callable[[], None] = lambda: None
        self.runner = Runner(
            "the test",
            lines,
            config,
            self.bus,
            settings or Settings(),
            run=self.run,
            sleep=self._sleep,
            cpu_clock=lambda: self.cpu,
        )

    async def _sleep(self, seconds: float) -> None:
        self.at_tick()
        self.clock.advance(seconds)
        await asyncio.sleep(0)

    async def outcome(self) -> Outcome:
        """Run to the end."""
        return await self.runner.run()


def line(
    journey: Journey, volume: VolumeModel, datapool: DataPool | None = None, number: int = 1
) -> Line:
    """A scenario line of a journey that needs no import."""
    return Line(number, f"here:{journey.__name__}", journey, datapool, volume)
