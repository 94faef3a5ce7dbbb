"""A bounded, mergeable histogram of durations in seconds.

Buckets are log-linear: every power of two is cut into 128 equal steps, so a bucket's middle is
within 0.4 % of any duration in it.  From 1 us to 1 h that is 4,070 buckets at the very most, of
which only those in use take memory; shorter and longer durations count in the outermost buckets,
while the least, the greatest and the sum stay exact.
"""

from __future__ import annotations

from math import ceil, frexp, ldexp, sqrt
from typing import TypedDict

SHORTEST = 1e-6
LONGEST = 3600.0
_STEPS = 128


class Export(TypedDict):
    """The sparse wire form: ``buckets`` maps a bucket's index to its count; times in seconds."""

    buckets: dict[int, int]
    sum: float
    min: float
    max: float


def _middle(index: int) -> float:
    exponent, step = divmod(index - _STEPS, _STEPS)
    return ldexp((_STEPS + step + 0.5) / (2 * _STEPS), exponent)


class Histogram:
    """Counts durations; ``record`` is meant for every sample of a run."""

    __slots__ = ("_buckets", "max", "min", "sum")

    def __init__(self) -> None:
        self._buckets: dict[int, int] = {}
        self.sum = 0.0
        self.min = float("inf")
        self.max = 0.0

    def __repr__(self) -> str:
        middle = self.percentile(50)
        return f"Histogram({self.count} samples, p50 {middle:.6f} s, max {self.max:.6f} s)"

    @property
    def count(self) -> int:
        """How many durations were recorded."""
        return sum(self._buckets.values())

    @property
    def mean(self) -> float:
        """Exact arithmetic mean in seconds, 0.0 when empty."""
        count = self.count
        return self.sum / count if count else 0.0

    @property
    def deviation(self) -> float:
        """Standard deviation in seconds, as exact as the buckets; 0.0 below two samples."""
        count = self.count
        if count < 2:
            return 0.0
        mean = self.mean
        squares = sum(n * (_middle(i) - mean) ** 2 for i, n in self._buckets.items())
        return sqrt(squares / (count - 1))

    def record(self, seconds: float) -> None:
        """Count one duration."""
        self.sum += seconds
        # Done for every sample of a run: comparisons in place of calls, and literals in place of
        # SHORTEST, LONGEST and 2 * _STEPS, halve its cost.
        if seconds > self.max:  # noqa: PLR1730
            self.max = seconds
        if seconds < self.min:  # noqa: PLR1730
            self.min = seconds
        if seconds < 1e-6:
            seconds = 1e-6
        elif seconds > 3600.0:
            seconds = 3600.0
        mantissa, exponent = frexp(seconds)
        index = (exponent << 7) + int(mantissa * 256)
        try:
            self._buckets[index] += 1
        except KeyError:
            self._buckets[index] = 1

    def percentile(self, percent: float) -> float:
        """The duration in seconds that ``percent`` of the samples do not exceed; 0.0 when empty."""
        count = self.count
        if not count:
            return 0.0
        rank = max(1, ceil(count * percent / 100))
        for index in sorted(self._buckets):
            rank -= self._buckets[index]
            if rank <= 0:
                return min(max(_middle(index), self.min), self.max)
        return self.max

    def merge(self, other: Histogram) -> None:
        """Add all samples of ``other``."""
        for index, count in other._buckets.items():
            self._buckets[index] = self._buckets.get(index, 0) + count
        self.sum += other.sum
        self.min = min(self.min, other.min)
        self.max = max(self.max, other.max)

    def export(self) -> Export:
        """A copy in the wire form."""
        return {"buckets": dict(self._buckets), "sum": self.sum, "min": self.min, "max": self.max}

    @classmethod
    def restore(cls, exported: Export) -> Histogram:
        """The histogram that ``exported`` was made from."""
        histogram = cls()
        histogram._buckets = dict(exported["buckets"])
        histogram.sum = exported["sum"]
        histogram.min = exported["min"]
        histogram.max = exported["max"]
        return histogram
