"""What a runner notices about itself: loop lag, CPU, and stretches in which its loop stood still.

Pure: the runner hands in times it has read; the verdict reads ``statistics()``.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from mite.histogram import Histogram

BLOCKED = 0.2
"""Seconds of lag from which on a journey is said to block the loop."""
CPU_WINDOW = 5.0
"""Seconds over which the share of a core is taken."""
_CULPRITS = 100


@dataclass(frozen=True, slots=True)
class Block:
    """A stretch in which the loop ran nothing else."""

    journey: str | None
    """The journey that was running, None when it was none."""
    location: str
    count: int
    longest: float
    """Seconds."""


@dataclass(frozen=True, slots=True)
class Statistics:
    """A snapshot; times in seconds, CPU as a share of one core."""

    lag_p99: float = 0.0
    lag_max: float = 0.0
    cpu_now: float = 0.0
    cpu_peak: float = 0.0
    """The highest share over any window; over the whole run if it was shorter."""
    cpu_window: float = 0.0
    """Seconds that ``cpu_peak`` was taken over, 0.0 when too few to tell."""
    blocks: tuple[Block, ...] = field(default=())


class Health:
    """Collects one runner's observations."""

    def __init__(self) -> None:
        self._lag = Histogram()
        # (time, CPU seconds used until then), the oldest at least a window before the newest.
        self._cpu: deque[tuple[float, float]] = deque()
        self._cpu_now = 0.0
        self._cpu_peak = 0.0
        self._cpu_window = 0.0
        self._blocks: dict[tuple[str | None, str], Block] = {}

    def __repr__(self) -> str:
        seen = self.statistics()
        return f"Health(lag p99 {seen.lag_p99 * 1e3:.1f} ms, CPU {seen.cpu_now:.0%})"

    def tick(self, lag: float) -> None:
        """A timer of the loop fired ``lag`` seconds late."""
        self._lag.record(max(lag, 0.0))

    def cpu(self, now: float, used: float) -> None:
        """By ``now`` the process had used ``used`` seconds of CPU."""
        self._cpu.append((now, used))
        while len(self._cpu) > 2 and now - self._cpu[1][0] >= CPU_WINDOW:
            self._cpu.popleft()
        begin, before = self._cpu[0]
        if now <= begin:
            return
        self._cpu_now = (used - before) / (now - begin)
        if now - begin >= CPU_WINDOW:
            self._cpu_peak = max(self._cpu_peak, self._cpu_now)
        self._cpu_window = now - begin

    def blocked(self, seconds: float, journey: str | None, location: str) -> None:
        """The loop stood still; ``journey`` was running at ``location``."""
        key = (journey, location)
        if key not in self._blocks and len(self._blocks) >= _CULPRITS:
            key = (journey, "elsewhere")
        known = self._blocks.get(key, Block(*key, count=0, longest=0.0))
        self._blocks[key] = Block(*key, known.count + 1, max(known.longest, seconds))

    def statistics(self) -> Statistics:
        """What was seen so far."""
        worst = sorted(self._blocks.values(), key=lambda block: -block.longest)
        return Statistics(
            lag_p99=self._lag.percentile(99),
            lag_max=self._lag.max,
            cpu_now=self._cpu_now,
            cpu_peak=self._cpu_peak or self._cpu_now,
            cpu_window=min(self._cpu_window, CPU_WINDOW),
            blocks=tuple(worst),
        )
