"""``adaptive=(low, high)``: how many idle connections a pool is to keep, decided each second.

An idle connection too many is closed within a second, and missed by a later request.  So what is
looked at is a window of some seconds, which begins anew with each move.
"""

from __future__ import annotations

from dataclasses import dataclass

from mite_http.snapshot import PoolStats

WINDOW = 5
"""Seconds."""
MISSES = 0.01
"""Evictions per request above which more connections are kept."""
PRESSURE = 0.9
"""Part of the memory allowed above which fewer connections are kept."""
_GROWTH = 1.5


@dataclass(frozen=True, slots=True)
class Step:
    """A new ``max_connects``, and why."""

    max_connects: int
    reason: str

    def sentence(self, before: int) -> str:
        """For the log."""
        return f"max_connects {before} -> {self.max_connects}: {self.reason}"


def decide(
    bounds: tuple[int, int], before: PoolStats, now: PoolStats, rss: int, limit: int | None
) -> Step | None:
    """What the window between two snapshots says; None to leave things as they are.

    ``rss`` and ``limit`` are bytes; without a limit memory has no say.  Memory goes before misses.
    """
    low, high = bounds
    most = now.max_connects
    if limit is not None and rss > PRESSURE * limit:
        fewer = max(low, most // 2)
        reason = f"{rss >> 20} MiB of memory in use, of {limit >> 20} MiB allowed"
        return Step(fewer, reason) if fewer < most else None
    evicted = now.evicted - before.evicted
    opened = now.opened - before.opened
    finished = now.finished - before.finished
    # Evictions alone are of a burst that is over: those that are missed are opened again.
    if min(evicted, opened) > MISSES * max(finished, 1):
        more = min(high, max(most + 1, round(most * _GROWTH)))
        reason = f"{evicted} evicted and {opened} opened for {finished} requests"
        return Step(more, reason) if more > most else None
    return None
