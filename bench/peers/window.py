"""The measured window of a run: it opens when every user has been answered once."""

import json
import resource
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.peers.job import Job

GLANCE = 0.02
"""Seconds between two looks at whether all users have been answered."""
COLD_LIMIT = 5.0
"""Seconds after which the window opens although some user has had no answer yet."""
WARM_PAUSE = 0.3
"""Seconds from the last user's first answer to the opening."""
DRAIN_LIMIT = 2.0
"""Seconds that requests in flight get to finish once the window has closed."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Where the process stood: monotonic and CPU seconds, and requests that went well."""

    wall: float
    cpu: float
    good: int


class Window:
    """What a run has counted, one counter per user so that threads need no lock.

    A user adds one to its element of `good` or `bad` after each request, while `running`.
    """

    def __init__(self, job: Job) -> None:
        self.running = True
        self.good = [0] * job.concurrency
        self.bad = [0] * job.concurrency
        self.first_error = ""
        self._job = job
        self._opened = self._closed = Snapshot(0, 0, 0)

    def __repr__(self) -> str:
        state = "running" if self.running else "closed"
        return f"<Window {state}, {sum(self.good)} good, {sum(self.bad)} bad>"

    def phases(self) -> Iterator[float]:
        """Seconds to wait before asking again; the window has closed once there are no more."""
        limit = time.monotonic() + COLD_LIMIT
        while self._cold() and time.monotonic() < limit:
            yield GLANCE
        yield WARM_PAUSE
        self._opened = self._snapshot()
        yield self._job.seconds
        self._closed = self._snapshot()
        self.running = False

    def fail(self, user: int, error: BaseException) -> None:
        """Counts a request that raised."""
        self.bad[user] += 1
        self.first_error = self.first_error or f"{type(error).__name__}: {error}"

    def report(self, unfinished: int, libcurl: str = "") -> None:
        """Prints the run's JSON line; `unfinished` requests were in flight to the last."""
        requests = self._closed.good - self._opened.good
        line = {
            "requests": requests,
            "errors": sum(self.bad),
            "seconds": self._closed.wall - self._opened.wall,
            "cpu_seconds": self._closed.cpu - self._opened.cpu,
            "bytes": requests * self._job.size,
            "total": sum(self.good) + sum(self.bad),
            "unfinished": unfinished,
            "peak_rss_kb": peak_rss_kb(),
            "libcurl": libcurl,
            "first_error": self.first_error,
        }
        print(json.dumps(line), flush=True)

    def _cold(self) -> bool:
        return not all(good or bad for good, bad in zip(self.good, self.bad, strict=True))

    def _snapshot(self) -> Snapshot:
        return Snapshot(time.monotonic(), cpu_seconds(), sum(self.good))


def cpu_seconds() -> float:
    """User and system seconds of this process so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def peak_rss_kb() -> int:
    """The most memory this program has had resident, in KB.

    ru_maxrss would not do: it survives exec, and so begins with the size of the starting process.
    """
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0])
