"""How long the requests of a pool waited for a connection."""

from __future__ import annotations

from typing import Any

from mite.histogram import Histogram

NO_WAIT = 0.001
"""Seconds; below it a request has waited for a pass of the loop, and for no connection."""

_MOST_HOSTS = 100
_OTHERS = "(other)"


class Waits:
    """Recorded for requests that waited; of all the others only the number is known.

    ``slots`` says, of the requests that waited, for how many seconds each origin then held a
    connection.
    """

    __slots__ = ("_times", "slots")

    def __init__(self) -> None:
        self._times = Histogram()
        self.slots: dict[str, float] = {}

    def __repr__(self) -> str:
        return f"Waits({self._times!r})"

    @property
    def count(self) -> int:
        """How many requests waited."""
        return self._times.count

    @property
    def max(self) -> float:
        """The longest wait in seconds."""
        return self._times.max

    def add(self, message: dict[str, Any]) -> None:
        """Count the request of an ``http_metrics`` message, which waited."""
        self._times.record(message["pool_wait"])
        host = message["host"]
        if host not in self.slots and len(self.slots) >= _MOST_HOSTS:
            host = _OTHERS
        self.slots[host] = self.slots.get(host, 0.0) + message["total_time"]

    def percentile(self, percent: float, requests: int) -> float:
        """Seconds that ``percent`` of so many requests, those without a wait included, waited."""
        waited = self._times.count
        requests = max(requests, waited)
        without = requests - waited
        rank = requests * percent / 100
        if not waited or rank <= without:
            return 0.0
        return self._times.percentile((rank - without) / waited * 100)

    def hog(self) -> tuple[str, float] | None:
        """The origin that held the connections longest, and its share; None with less than two."""
        if len(self.slots) < 2:
            return None
        host = max(self.slots, key=lambda one: self.slots[one])
        return host, self.slots[host] / (sum(self.slots.values()) or 1.0)
