"""What a process counts of its own requests, and the memory it needed for them."""

import gc
import json
import time
from collections.abc import Sequence
from pathlib import Path

from bench.peers.window import cpu_seconds

SIZE = 34
"""Bytes of a right answer."""

FIELDS = ("VmHWM", "VmRSS", "VmPeak", "VmSize")
"""Most resident ever, resident now, most address space ever, address space now."""


def memory_kb() -> dict[str, int]:
    """The kernel's figures of this process, in KB; peaks begin with this program."""
    gc.collect()
    lines = Path("/proc/self/status").read_text().splitlines()
    found = dict(line.split(":", 1) for line in lines)
    return {name: int(found[name].split()[0]) for name in FIELDS}


class Tally:
    """Counts of one burst. Threads may share it: each adds under the interpreter's lock, to lists.

    `late` are exceptions that mean: waited too long for a connection.
    """

    def __init__(self, late: Sequence[type[BaseException]] = ()) -> None:
        self._late = tuple(late)
        self._took: list[float] = []
        self._waits: list[float] = []
        self._timeouts: list[float] = []
        self._errors: list[str] = []
        self._begin = self._end = self._cpu = 0.0
        self._before = 0

    def __repr__(self) -> str:
        return f"<Tally {len(self._took)} good, {len(self._timeouts)} late>"

    def begin(self) -> float:
        """Notes that users begin, and when."""
        self._before = memory_kb()["VmRSS"]
        self._cpu = cpu_seconds()
        self._begin = time.monotonic()
        return self._begin

    def end(self) -> None:
        """Notes that all users have ended."""
        self._end = time.monotonic()
        self._cpu = cpu_seconds() - self._cpu

    def answered(self, began: float, status: int, size: int, wait: float | None = None) -> None:
        """A request begun then was answered; it waited that long for a connection, if known."""
        if status != 200 or size != SIZE:
            self._errors.append(f"status {status}, {size} bytes")
            return
        self._took.append(time.monotonic() - began)
        if wait is not None:
            self._waits.append(wait)

    def raised(self, began: float, error: BaseException) -> bool:
        """A request begun then ended with an exception; returns whether it was the pool's."""
        late = isinstance(error, self._late)
        if late:
            self.late(began)
        else:
            self._errors.append(f"{type(error).__name__}: {error}")
        return late

    def late(self, began: float) -> None:
        """A request begun then got no connection in time."""
        self._timeouts.append(time.monotonic() - began)

    def report(self, version: str) -> None:
        """Prints the line that the benchmark reads."""
        line = {
            "version": version,
            "requests": len(self._took),
            "seconds": self._end - self._begin,
            "cpu_seconds": self._cpu,
            "begun": self._begin,
            "mean": _mean(self._took),
            "longest": max(self._took, default=None),
            "wait": _mean(self._waits),
            "longest_wait": max(self._waits, default=None),
            "timeouts": len(self._timeouts),
            "timeout_after": _mean(self._timeouts),
            "errors": len(self._errors),
            "first_error": (self._errors or [""])[0][:200],
            "rss_before": self._before,
            **memory_kb(),
        }
        print(json.dumps(line), flush=True)


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
