"""Signs that a pool does not fit its load: each said once, with its figure and what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from mite_http.snapshot import PoolStats

LONG_WAIT = 0.1
"""Seconds of p99."""
ENOUGH_WAITS = 100
HOG_SHARE = 0.6
ENOUGH_REUSE = 200
EVICTED_SHARE = 0.01
LEAST_REUSE = 0.5
MANY_IDLE = 20
LONG_IDLE = 30.0
"""Seconds."""
THROTTLED_SHARE = 0.05
ENOUGH_THROTTLED = 10


@dataclass(frozen=True, slots=True)
class Facts:
    """What the figures of a pool do not say.

    ``hog``: the origin that held the connections longest, and its share of that time.
    ``default_timeout``: whether nobody has chosen how long to wait for a connection.
    ``idle_for``: seconds since when more than half of the connections are idle.
    """

    hog: tuple[str, float] | None = None
    default_timeout: bool = False
    idle_for: float = 0.0


def high_wait(_: PoolStats, now: PoolStats, facts: Facts) -> str | None:
    """Requests wait long for a connection; without a ceiling what they wait for is none."""
    limit = _ceiling(now)
    if limit is None or now.finished < ENOUGH_WAITS or now.wait_p99 <= LONG_WAIT:
        return None
    said = f"requests wait {now.wait_p99 * 1000:.0f} ms for a connection (p99): "
    hog = facts.hog
    if hog is not None and hog[1] > HOG_SHARE and now.max_host_connections is None:
        return (
            f"{said}{hog[0]} holds connections {hog[1]:.0%} of the time; max_host_connections "
            "isolates a slow origin"
        )
    return f"{said}raise {limit}"


def _ceiling(now: PoolStats) -> str | None:
    """The limit that requests wait for, with its value."""
    if now.max_connections is not None:
        return f"max_connections (now {now.max_connections})"
    if now.max_host_connections is not None:
        return f"max_host_connections (now {now.max_host_connections})"
    return None


def poor_reuse(_: PoolStats, now: PoolStats, __: Facts) -> str | None:
    """Connections are closed to be opened again."""
    if now.finished < ENOUGH_REUSE or not now.evicted:
        return None
    reuse = now.reused / now.finished
    if now.evicted <= EVICTED_SHARE * now.finished and reuse >= LEAST_REUSE:
        return None
    return (
        f"poor reuse: {now.opened} connections opened and {now.evicted} evicted for "
        f"{now.finished} requests ({reuse:.0%} reused): max_connects={now.max_connects} is below "
        "the number of hosts times users; raise it"
    )


def unchosen_timeout(_: PoolStats, now: PoolStats, facts: Facts) -> str | None:
    """Requests gave up waiting, after a time that nobody has chosen."""
    if not now.timeouts or not facts.default_timeout:
        return None
    return (
        f"{now.timeouts} requests found no connection in time, and the limit is the default, 5 s: "
        f"raise {_ceiling(now) or 'max_streams'}, or set "
        "timeout=acurl.Timeout(pool=...) on purpose"
    )


def mostly_idle(now: PoolStats) -> bool:
    """Whether more than half of a good many connections are idle."""
    connections = now.idle + now.in_use
    return connections > MANY_IDLE and 2 * now.idle > connections


def too_many_idle(_: PoolStats, now: PoolStats, facts: Facts) -> str | None:
    """Connections are kept for nothing."""
    if not mostly_idle(now) or facts.idle_for < LONG_IDLE:
        return None
    return (
        f"{now.idle} of {now.idle + now.in_use} connections have been idle for "
        f"{facts.idle_for:.0f} s: lower max_connects (now {now.max_connects}) or keepalive_expiry"
    )


def throttling(before: PoolStats, now: PoolStats, _: Facts) -> str | None:
    """The target refuses a part of the requests."""
    throttled = now.throttled - before.throttled
    finished = now.finished - before.finished
    if throttled < ENOUGH_THROTTLED or throttled <= THROTTLED_SHARE * finished:
        return None
    return (
        f"{throttled} of {finished} answers in a second are 429 or 503: the target refuses load; "
        "lower max_connections or the number of users"
    )


Sign = Callable[[PoolStats, PoolStats, Facts], str | None]
SIGNS: tuple[Sign, ...] = (high_wait, poor_reuse, unchosen_timeout, too_many_idle, throttling)


class Adviser:
    """Remembers what it has said of one pool, and since when connections are mostly idle."""

    __slots__ = ("_idle_since", "_said")

    def __init__(self) -> None:
        self._said: set[Sign] = set()
        self._idle_since: float | None = None

    def __repr__(self) -> str:
        return f"Adviser({', '.join(sorted(sign.__name__ for sign in self._said)) or 'no advice'})"

    def advise(
        self,
        before: PoolStats,
        now: PoolStats,
        moment: float,
        hog: tuple[str, float] | None = None,
        *,
        default_timeout: bool = False,
    ) -> Iterator[str]:
        """What is new in the last second, between two snapshots; ``moment`` is of any clock."""
        if not mostly_idle(now):
            self._idle_since = None
        elif self._idle_since is None:
            self._idle_since = moment
        idle_for = 0.0 if self._idle_since is None else moment - self._idle_since
        facts = Facts(hog, default_timeout, idle_for)
        for sign in SIGNS:
            sentence = None if sign in self._said else sign(before, now, facts)
            if sentence is not None:
                self._said.add(sign)
                yield sentence
