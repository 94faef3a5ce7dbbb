"""The one clock for durations, and a fake of it that only moves when told."""

from __future__ import annotations

import time
from collections.abc import Callable

Clock = Callable[[], float]
"""Returns seconds that never go backwards; only differences mean anything."""

monotonic: Clock = time.monotonic


class FakeClock:
    """A clock for tests: stands still until ``advance`` moves it."""

    __slots__ = ("_now",)

    def __init__(self, start: float = 0.0) -> None:
        self._now = start

    def __call__(self) -> float:
        return self._now

    def __repr__(self) -> str:
        return f"FakeClock({self._now:g})"

    def advance(self, seconds: float) -> float:
        """Move on by ``seconds`` and return the new time."""
        self._now += seconds
        return self._now
