"""What an engine has counted."""

from __future__ import annotations

from typing import Any, NamedTuple


class Counters(NamedTuple):
    """A snapshot of what the engine has counted since it was made.

    `in_flight` requests are submitted and not finished; `queued` of them have not been given to
    libcurl. `in_use` and `idle` are connections that are open now. `opened` and `closed` are
    sockets, `reused` answers that came on a connection already open. The `closed_` figures tell
    why connections ended: the server did not keep it, ended it while it was idle, or after
    several requests; a limit of the pool, age, this side, an error. `faults` are calls that
    libcurl's multi refused: there should be none.
    """

    in_flight: int
    queued: int
    started: int
    finished: int
    opened: int
    closed: int
    in_use: int
    idle: int
    reused: int
    closed_server: int
    closed_server_idle: int
    closed_server_limit: int
    closed_pool_limit: int
    closed_expired: int
    closed_client: int
    closed_error: int
    retries: int
    pool_timeouts: int
    handles: int
    events: int
    drives: int
    faults: int

    @property
    def evicted(self) -> int:
        """Idle connections that were ended because of a limit of the pool."""
        return self.closed_pool_limit


_REASONS = [name for name in Counters._fields if name.startswith("closed_")]
"""In the order in which the engine counts them."""


def counted(out: Any) -> Counters:
    """The snapshot from the engine's own structure."""
    values = {name: getattr(out, name) for name in Counters._fields if name not in _REASONS}
    return Counters(**values, **dict(zip(_REASONS, out.reasons, strict=True)))
