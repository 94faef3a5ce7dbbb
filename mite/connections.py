"""Figures of a pool of connections, or of several together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mite.transport import Message


@dataclass(frozen=True, slots=True)
class Pool:
    """One pool at one moment; what is no gauge counts from the start of the run."""

    name: str
    in_use: int = 0
    """Gauge: connections that a request uses."""
    idle: int = 0
    """Gauge: connections that stand open."""
    queued: int = 0
    """Gauge: requests that wait for a connection."""
    totals: Mapping[str, int] = field(default_factory=dict)
    closed: Mapping[str, int] = field(default_factory=dict)
    """By reason."""
    wait_p50: float = 0.0
    """Seconds that requests waited for a connection; of several pools, the one that is worst."""
    wait_p99: float = 0.0

    def __getitem__(self, total: str) -> int:
        """How many "opened", "reused", "evicted", "timeouts"; see the ``http_pool`` message."""
        return self.totals.get(total, 0)

    @property
    def share_reused(self) -> float:
        """Of the requests that got a connection, those on one that stood open already."""
        served = self["finished"] - self["timeouts"]
        return self["reused"] / served if served > 0 else 0.0


def together(name: str, pools: Sequence[Pool]) -> Pool:
    """The sum of ``pools``."""
    totals: Counter[str] = Counter()
    closed: Counter[str] = Counter()
    for pool in pools:
        totals.update(pool.totals)
        closed.update(pool.closed)
    return Pool(
        name=name,
        in_use=sum(pool.in_use for pool in pools),
        idle=sum(pool.idle for pool in pools),
        queued=sum(pool.queued for pool in pools),
        totals=totals,
        closed=closed,
        wait_p50=max((pool.wait_p50 for pool in pools), default=0.0),
        wait_p99=max((pool.wait_p99 for pool in pools), default=0.0),
    )


def shortlist(pools: Sequence[Pool], most: int) -> tuple[Pool, ...]:
    """All of them by name; of more than ``most`` those with most requests, and a sum of all."""
    busiest = sorted(pools, key=lambda pool: -pool["started"])[:most]
    shown = tuple(sorted(busiest, key=lambda pool: pool.name))
    if len(pools) <= most:
        return shown
    return (*shown, together(f"all {len(pools)}", pools))


class PoolHistory:
    """One pool of one runner, followed from message to message.

    A pool counts since its first use in the process, which may have been in an earlier run: what
    it had counted before the first message of this one is taken off.
    """

    __slots__ = ("_closed_before", "_latest", "_totals_before")

    def __init__(self, first: Message) -> None:
        self._totals_before = _less(first["totals"], first["changes"])
        self._closed_before = _less(first["closed"], first["closed_changes"])
        self._latest = first

    def add(self, message: Message) -> None:
        """The next message."""
        self._latest = message

    def pool(self) -> Pool:
        """What the latest message says."""
        latest = self._latest
        return Pool(
            name=latest["pool"],
            in_use=latest["in_use"],
            idle=latest["idle"],
            queued=latest["queued"],
            totals=_less(latest["totals"], self._totals_before),
            closed=_less(latest["closed"], self._closed_before),
            wait_p50=latest["wait_p50"],
            wait_p99=latest["wait_p99"],
        )


def _less(counts: Mapping[str, int], before: Mapping[str, Any]) -> dict[str, int]:
    return {name: max(0, count - before.get(name, 0)) for name, count in counts.items()}
