"""Time limits of a request."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from acurl.errors import RequestError
from acurl.values import shown

DEFAULT_CONNECT = 10.0
DEFAULT_TOTAL = 60.0
DEFAULT_POOL = 5.0

LONGEST = 1e12
"""Seconds; what is longer is as good as never."""

_UNSET: Any = object()


def seconds(name: str, value: object) -> float | None:
    """A limit as it was given, checked. Raises RequestError that names it."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise RequestError(f"{name}={shown(value)}: must be a number of seconds or None")
    if not 0 < value < math.inf:
        raise RequestError(f"{name}={shown(value)}: must be above 0 seconds (None is never)")
    return float(min(value, LONGEST))


def microseconds(limit: float | None) -> int:
    """A limit in seconds as the engine wants it: 0 for none, never 0 for some."""
    return 0 if limit is None else max(1, round(min(limit, LONGEST) * 1e6))


@dataclass(frozen=True, slots=True, init=False)
class Timeout:
    """Limits in seconds; None is no limit.

    `connect`: until the connection stands, TLS included. `read`: the longest silence while an
    answer is awaited. `write`: the longest time without progress while the request is sent.
    `pool`: the longest wait for a connection that a limit of the pool withholds. `total`: from
    submission to the last byte of the body, that wait included. The positional value sets
    `connect`, `read`, `write` and `pool` where they are not given. Raises RequestError for anything
    but positive numbers and None.
    """

    connect: float | None
    read: float | None
    write: float | None
    pool: float | None
    total: float | None

    def __init__(
        self,
        default: float | None = _UNSET,
        *,
        connect: float | None = _UNSET,
        read: float | None = _UNSET,
        write: float | None = _UNSET,
        pool: float | None = _UNSET,
        total: float | None = _UNSET,
    ) -> None:
        general = default is not _UNSET
        if connect is _UNSET:
            connect = default if general else DEFAULT_CONNECT
        if read is _UNSET:
            read = default if general else None
        if write is _UNSET:
            write = default if general else None
        if pool is _UNSET:
            pool = default if general else DEFAULT_POOL
        if total is _UNSET:
            total = DEFAULT_TOTAL
        object.__setattr__(self, "connect", seconds("timeout connect", connect))
        object.__setattr__(self, "read", seconds("timeout read", read))
        object.__setattr__(self, "write", seconds("timeout write", write))
        object.__setattr__(self, "pool", seconds("timeout pool", pool))
        object.__setattr__(self, "total", seconds("timeout total", total))


DEFAULT_TIMEOUT = Timeout()


def as_timeout(value: Timeout | float | None) -> Timeout:
    """A Timeout from what users give: one of ours, seconds for all phases, or None for none."""
    if isinstance(value, Timeout):
        return value
    if isinstance(value, tuple):
        pairs = zip(("connect", "read"), value, strict=False)
        given = ", ".join(f"{name}={shown(item)}" for name, item in pairs)
        raise RequestError(
            f"timeout={shown(value)}: must be seconds or None; write Timeout({given})"
        )
    if value is None:
        return Timeout(None, total=None)
    return Timeout(value)
