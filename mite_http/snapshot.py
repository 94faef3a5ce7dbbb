"""What a pool has counted: sums over all its engines, and the frozen snapshot users get."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from acurl.counters import Counters

REASONS = ("server", "server_idle", "server_limit", "pool_limit", "expired", "client", "error")
"""Why connections ended, as ``acurl.counters.Counters`` explains."""

THROTTLED = frozenset((429, 503))
"""Statuses by which a target refuses load."""


class Totals(NamedTuple):
    """Numbers that only grow, of one engine or of several."""

    started: int = 0
    finished: int = 0
    opened: int = 0
    reused: int = 0
    evicted: int = 0
    retries: int = 0
    timeouts: int = 0
    closed_server: int = 0
    closed_server_idle: int = 0
    closed_server_limit: int = 0
    closed_pool_limit: int = 0
    closed_expired: int = 0
    closed_client: int = 0
    closed_error: int = 0

    def plus(self, other: Totals) -> Totals:
        """The sum of both, field by field."""
        return Totals(*map(operator.add, self, other))

    def minus(self, other: Totals) -> Totals:
        """What came since ``other``."""
        return Totals(*map(operator.sub, self, other))

    def at_least(self, other: Totals) -> Totals:
        """Each field as it is here or, where that is more, there."""
        return Totals(*map(max, self, other))

    def numbers(self) -> dict[str, int]:
        """By name, but for why connections ended."""
        return dict(zip(self._fields[: -len(REASONS)], self, strict=False))

    def reasons(self) -> dict[str, int]:
        """How many connections ended, by reason."""
        return dict(zip(REASONS, self[-len(REASONS) :], strict=True))


def totals_of(counters: Counters) -> Totals:
    """Of one engine."""
    return Totals(
        # A request may end before it was handed to libcurl.
        started=max(counters.started, counters.finished),
        finished=counters.finished,
        opened=counters.opened,
        reused=counters.reused,
        evicted=counters.evicted,
        retries=counters.retries,
        timeouts=counters.pool_timeouts,
        **{f"closed_{reason}": getattr(counters, f"closed_{reason}") for reason in REASONS},
    )


def ended(counters: Counters) -> Totals:
    """Of an engine that is closed now: what was open, we have closed."""
    totals = totals_of(counters)
    left = counters.in_use + counters.idle
    return totals._replace(closed_client=totals.closed_client + left)


@dataclass(frozen=True, slots=True)
class PoolStats:
    """A pool at one moment, on one event loop; requests of ``prewarm`` and ``check`` are left out.

    Now: ``in_use`` and ``idle`` connections; ``in_flight`` requests, ``queued`` ones of them that
    wait for a connection; ``streams``, running requests per connection in use; ``sessions`` that
    journeys have.  Since the pool's first use, whatever engines it had: requests ``started``,
    ``finished``, on a connection open already ``reused``, repeats ``retries``, pool ``timeouts``,
    ``throttled`` by a 429 or 503; connections ``opened``, ``evicted`` by a limit of the pool, and
    ``closed`` by reason.  ``wait_p50``, ``wait_p99`` and ``wait_max`` are seconds that requests
    waited for a connection.
    """

    name: str
    in_use: int = 0
    idle: int = 0
    in_flight: int = 0
    queued: int = 0
    streams: float = 0.0
    sessions: int = 0
    started: int = 0
    finished: int = 0
    opened: int = 0
    reused: int = 0
    evicted: int = 0
    retries: int = 0
    timeouts: int = 0
    throttled: int = 0
    wait_p50: float = 0.0
    wait_p99: float = 0.0
    wait_max: float = 0.0
    max_connects: int = 100
    max_connections: int | None = None
    max_host_connections: int | None = None
    closed: Mapping[str, int] | None = None

    def __str__(self) -> str:
        """A line of a dashboard."""
        most = "" if self.max_connections is None else f" of {self.max_connections}"
        queue = f", {self.queued} queued" if self.queued else ""
        share = f" ({self.reused / self.finished:.0%} reused)" if self.finished else ""
        wait = f", wait p99 {self.wait_p99 * 1000:.0f} ms" if self.wait_max else ""
        evicted = f", {self.evicted} evicted" if self.evicted else ""
        return (
            f"{self.name}: {self.in_use}{most} in use, {self.idle} of {self.max_connects} idle"
            f"{queue}; {self.finished} requests{share}, {self.opened} opened{evicted}{wait}"
        )

    def as_dict(self) -> dict[str, Any]:
        """Name to value."""
        return asdict(self)


def streams(counters: Counters) -> float:
    """Running requests per connection in use."""
    running = counters.in_flight - counters.queued
    return running / counters.in_use if counters.in_use else 0.0
