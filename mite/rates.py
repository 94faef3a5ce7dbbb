"""Counts per second over a run: the latest, the mean, and how much they vary."""

from __future__ import annotations

from math import sqrt


class Rates:
    """Fed with a growing total; keeps the mean and the variance of its steps, not the steps."""

    def __init__(self) -> None:
        self._last: tuple[float, int] | None = None
        self.latest = 0.0
        """Per second, over the last step."""
        self.mean = 0.0
        self.least = float("inf")
        self.most = 0.0
        self._steps = 0
        self._squares = 0.0

    def __repr__(self) -> str:
        return f"Rates({self._steps} steps, mean {self.mean:.1f}/s, latest {self.latest:.1f}/s)"

    @property
    def deviation(self) -> float:
        """Standard deviation of the rates; 0.0 below two steps."""
        return sqrt(self._squares / (self._steps - 1)) if self._steps > 1 else 0.0

    def add(self, now: float, total: int) -> None:
        """By ``now`` there were ``total``."""
        before, self._last = self._last, (now, total)
        if before is None or now <= before[0]:
            return
        self.latest = (total - before[1]) / (now - before[0])
        self.least = min(self.least, self.latest)
        self.most = max(self.most, self.latest)
        self._steps += 1
        delta = self.latest - self.mean
        self.mean += delta / self._steps
        self._squares += delta * (self.latest - self.mean)
