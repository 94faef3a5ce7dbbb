"""Runs a scenario in this process: follows its volume models, watches itself, ends cleanly.

One coroutine, the pulse, ticks twenty times a second: it asks ``Assignments`` how many journeys
may run, resizes the crews accordingly, and notes how late it was.  Journeys themselves never wait
for the pulse.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from mite.assignments import Assignments
from mite.clock import Clock
from mite.crew import Crew, Surroundings
from mite.exceptions import ConfigurationError
from mite.health import BLOCKED, Health
from mite.run import Run
from mite.scenario import Line
from mite.transport import Bus
from mite.watchdog import Watchdog

logger = logging.getLogger(__name__)

TICK = 0.05


class State(Enum):
    """A run passes through these in this order; an interrupt may skip some."""

    WAITING = "waiting to start"
    LOADING = "running"
    DRAINING = "waiting for journeys to end"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Settings:
    """How to run; times in seconds."""

    period: float = 1.0
    spawn_rate: float = 1000.0
    max_journeys: int | None = None
    start_delay: float = 0.0
    graceful_stop: float = 30.0
    debug: bool = False


@dataclass(frozen=True, slots=True)
class Progress:
    """A snapshot of a run."""

    state: State
    elapsed: float
    """Seconds since the first journey could start."""
    in_flight: int
    target: int
    finished: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended."""

    elapsed: float
    finished: int
    cancelled: int
    """Journeys that did not end by themselves in time and were cancelled."""
    stuck: int
    """Journeys that would not end even then."""
    interrupted: bool
    fault: ConfigurationError | None


class Runner:
    """One run of some scenario lines.  All state belongs to the loop's thread."""

    def __init__(
        self,
        test: str,
        lines: Sequence[Line],
        config: Mapping[str, Any],
        bus: Bus,
        settings: Settings,
        *,
        run: Run | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        cpu_clock: Callable[[], float] = time.process_time,
        runner_id: int = 1,
    ) -> None:
        self._run = run or Run()
        self._clock: Clock = self._run.clock
        self._sleep = sleep
        self._cpu_clock = cpu_clock
        self._test = test
        self._bus = bus
        self._settings = settings
        self._assignments = Assignments(
            {line.id: line.volume for line in lines},
            period=settings.period,
            spawn_rate=settings.spawn_rate,
            ceiling=settings.max_journeys,
        )
        around = Surroundings(
            run=self._run,
            send=bus.send,
            config=config,
            identity={"test": test, "runner_id": runner_id},
            fail=self._fail,
            debug=settings.debug,
        )
        self._crews = {line.id: Crew(line, around) for line in lines}
        self.health = Health()
        self._watchdog = Watchdog(Crew.perform.__code__, self._clock)
        self._planned: Mapping[int, int] = dict.fromkeys(self._crews, 0)
        self._state = State.WAITING
        self._began = self._clock()
        self._ended: float | None = None
        self._interrupts = 0
        self._cancelled = 0
        self._fault: ConfigurationError | None = None

    def __repr__(self) -> str:
        now = self.progress()
        return f"Runner({self._test}: {now.state.value}, {now.in_flight} of {now.target} journeys)"

    def progress(self) -> Progress:
        """Where the run stands."""
        crews = self._crews.values()
        now = self._clock() if self._ended is None else self._ended
        return Progress(
            state=self._state,
            elapsed=0.0 if self._state is State.WAITING else now - self._began,
            in_flight=sum(crew.running for crew in crews),
            target=sum(crew.target for crew in crews),
            finished=sum(crew.finished for crew in crews),
        )

    def interrupt(self) -> None:
        """Drain and end early; called again, cancel what still runs."""
        self._interrupts += 1

    def abandon(self, error: ConfigurationError) -> None:
        """Drain and end early, because of ``error``."""
        self._fail(error)

    async def run(self) -> Outcome:
        """Run until every line has ended, or until interrupted."""
        self._watchdog.start()
        try:
            await self._pulse()
        finally:
            self._watchdog.stop()
            self._run.cancelling = True
            ended = await asyncio.gather(*(crew.cancel() for crew in self._crews.values()))
            self._cancelled = sum(ended)
            self._ended = self._clock()
            self.health.cpu(self._ended, self._cpu_clock())
            self._move(State.ENDED)
            await self._run.close()
        now = self.progress()
        if now.finished + self._cancelled + now.in_flight == 0 and self._interrupts == 0:
            self._nothing_ran()
        return Outcome(
            elapsed=self._ended - self._began,
            finished=now.finished,
            cancelled=self._cancelled,
            stuck=now.in_flight,
            interrupted=self._interrupts > 0,
            fault=self._fault,
        )

    async def _pulse(self) -> None:
        first = due = self._clock()
        deadline = 0.0
        second = -1
        tick = 0
        while True:
            now = await self._tick(due)
            if self._state is State.WAITING and now - first >= self._settings.start_delay:
                self._began = now
                self._move(State.LOADING)
            if self._state is State.LOADING and self._load(now - self._began):
                deadline = now + self._settings.graceful_stop
                self._drain()
            if self._state is State.WAITING and self._interrupts:
                return
            if self._state is State.DRAINING and self._drained(now, deadline):
                return
            if int(now - first) > second:
                second = int(now - first)
                self._every_second(now)
            # Ticks that were missed are skipped; those to come stay on their grid.
            tick = max(tick, int((now - first) / TICK)) + 1
            due = first + tick * TICK

    async def _tick(self, due: float) -> float:
        await self._sleep(max(0.0, due - self._clock()))
        now = self._clock()
        lag = now - due
        self.health.tick(lag)
        if lag >= BLOCKED:
            seen = self._watchdog.take()
            self.health.blocked(lag, seen.journey, seen.location)
        self._watchdog.beat()
        return now

    def _load(self, elapsed: float) -> bool:
        """Bring the crews to their targets; True when the load is over."""
        for crew in self._crews.values():
            if crew.exhausted:
                self._assignments.end(crew.line.id)
        try:
            decision = self._assignments.advance(elapsed)
        except ConfigurationError as error:
            self._fail(error)
            return True
        self._planned = decision.planned
        busy = False
        for line, crew in self._crews.items():
            crew.resize(decision.targets[line])
            crew.stopping = line in decision.ended and not crew.exhausted
            busy = busy or line not in decision.ended or (crew.exhausted and not crew.over)
        return not busy or self._interrupts > 0 or self._fault is not None

    def _drain(self) -> None:
        self._move(State.DRAINING)
        for crew in self._crews.values():
            crew.stopping = True
            crew.resize(0)

    def _drained(self, now: float, deadline: float) -> bool:
        idle = all(crew.running == 0 for crew in self._crews.values())
        return idle or now >= deadline or self._interrupts > 1

    def _every_second(self, now: float) -> None:
        self.health.cpu(now, self._cpu_clock())
        self._bus.send(
            {
                "type": "controller_report",
                "time": time.time(),
                "test": self._test,
                "required": dict(self._planned),
                "actual": {line: crew.running for line, crew in self._crews.items()},
                "num_runners": 1,
            }
        )

    def _nothing_ran(self) -> None:
        dry = [crew.line.journey_spec for crew in self._crews.values() if crew.wanted]
        if dry:
            fault = f"no journey ran: the datapool of {', '.join(dry)} gave no item."
            self._fail(ConfigurationError(fault))

    def _fail(self, error: ConfigurationError) -> None:
        self._fault = self._fault or error

    def _move(self, state: State) -> None:
        logger.debug("%s -> %s", self._state.value, state.value)
        self._state = state
