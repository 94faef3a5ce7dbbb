"""Which lines of code hold more and more memory: ``--memory-tracing``."""

from __future__ import annotations

import asyncio
import gc
import tracemalloc
from collections.abc import Callable

INTERVAL = 60.0
_MOST_LINES = 10
_OWN = tuple(
    tracemalloc.Filter(inclusive=False, filename_pattern=pattern)
    for pattern in (tracemalloc.__file__, "*/linecache.py", "*/traceback.py", __file__)
)


class MemoryTracing:
    """Compares what is allocated now with the start and with the last time; ``write`` takes lines.

    Every allocation becomes several times slower while it is on, and the loop stands still while
    a comparison is made.
    """

    def __init__(self, write: Callable[[str], object]) -> None:
        self._write = write
        self._first: tracemalloc.Snapshot | None = None
        self._last: tracemalloc.Snapshot | None = None

    def __repr__(self) -> str:
        return f"MemoryTracing({'off' if self._first is None else 'on'})"

    def start(self) -> None:
        """Begin to trace; what is allocated already does not count."""
        tracemalloc.start()
        self._first = self._last = _snapshot()

    async def run(self, interval: float = INTERVAL) -> None:
        """Compare each ``interval`` seconds, until cancelled."""
        while True:
            await asyncio.sleep(interval)
            self.compare()

    def compare(self) -> None:
        """Write the lines of code whose memory changed most."""
        first, last = self._first, self._last
        if first is None or last is None:
            return
        now = _snapshot()
        self._tell("since the start", first, now)
        if last is not first:
            self._tell("since the last time", last, now)
        self._last = now

    def stop(self) -> None:
        """Compare once more, and trace no longer."""
        self.compare()
        self._first = self._last = None
        tracemalloc.stop()

    def _tell(self, when: str, before: tracemalloc.Snapshot, now: tracemalloc.Snapshot) -> None:
        changes = now.compare_to(before, "lineno")
        total = sum(change.size_diff for change in changes)
        self._write(f"memory {when}: {total / 1024:+,.1f} KiB; what changed most:")
        for change in changes[:_MOST_LINES]:
            frame = change.traceback[0]
            self._write(
                f"  {change.size_diff / 1024:+10,.1f} KiB  {change.count_diff:+8,} blocks"
                f"  {frame.filename}:{frame.lineno}"
            )


def _snapshot() -> tracemalloc.Snapshot:
    gc.collect()
    return tracemalloc.take_snapshot().filter_traces(_OWN)
