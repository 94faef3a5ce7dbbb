"""The limits of a wrapper's connections, as one value that is checked when it is made."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, TypedDict

from acurl.errors import RequestError
from acurl.timeouts import microseconds, seconds
from acurl.values import count


class LimitOptions(TypedDict, total=False):
    """What a wrapper can be resized to."""

    max_connects: int
    max_keepalive_connections: int
    max_connections: int | None
    max_host_connections: int | None
    max_host_keepalive: int | None
    min_connects: int
    max_streams: int
    keepalive_expiry: float | None


DEFAULT_MAX_CONNECTS = 100

# Those that may be None, and the least that else they may be.
_OR_NONE = {"max_connections": 1, "max_host_connections": 1, "max_host_keepalive": 0}


@dataclass(frozen=True, slots=True)
class Limits:
    """See CurlWrapper. Raises RequestError for a value that is not allowed."""

    max_connects: int = DEFAULT_MAX_CONNECTS
    max_connections: int | None = None
    max_host_connections: int | None = None
    max_host_keepalive: int | None = None
    min_connects: int = 0
    max_streams: int = 100
    keepalive_expiry: float | None = 118.0
    max_lifetime: int | None = None

    def __post_init__(self) -> None:
        """Raise RequestError for the first value that is not allowed."""
        count("max_connects", self.max_connects, 0)
        for name, least in _OR_NONE.items():
            if getattr(self, name) is not None:
                count(name, getattr(self, name), least)
        count("min_connects", self.min_connects, 0)
        if self.min_connects > self.max_connects:
            raise RequestError(
                f"min_connects={self.min_connects}: must not be above "
                f"max_connects={self.max_connects}"
            )
        most = self.max_connections
        if most is not None and self.min_connects > most:
            raise RequestError(
                f"min_connects={self.min_connects}: must not be above max_connections={most}"
            )
        count("max_streams", self.max_streams, 1)
        seconds("keepalive_expiry", self.keepalive_expiry)
        if self.max_lifetime is not None:
            count("max_lifetime", self.max_lifetime, 1)

    def with_changes(self, **changes: Any) -> Limits:
        """A copy in which the given limits differ; `max_keepalive_connections` is another name."""
        if "max_keepalive_connections" in changes:
            alias = changes.pop("max_keepalive_connections")
            given = changes.get("max_connects", DEFAULT_MAX_CONNECTS)
            changes["max_connects"] = either_name(given, alias)
        return replace(self, **changes)

    def for_engine(self) -> dict[str, int]:
        """As the engine takes them."""
        expiry, lifetime = self.keepalive_expiry, self.max_lifetime
        return {
            "max_connects": count("max_connects", self.max_connects, 0),
            "max_host_keepalive": _or_none(self.max_host_keepalive),
            "min_connects": count("min_connects", self.min_connects, 0),
            "max_connections": _or_none(self.max_connections),
            "max_host_connections": _or_none(self.max_host_connections),
            "max_streams": count("max_streams", self.max_streams, 1),
            "keepalive_expiry_us": -1 if expiry is None else microseconds(expiry),
            "max_lifetime_us": -1 if lifetime is None else microseconds(lifetime),
        }


def _or_none(limit: int | None) -> int:
    return -1 if limit is None else count("limit", limit, 0)


def either_name(max_connects: int, max_keepalive_connections: int | None) -> int:
    """One of two names for the same limit. Raises RequestError when they say different things."""
    if max_keepalive_connections is None:
        return max_connects
    alias = count("max_keepalive_connections", max_keepalive_connections, 0)
    if max_connects not in {DEFAULT_MAX_CONNECTS, alias}:
        raise RequestError(
            f"max_keepalive_connections={alias} is another name of max_connects, "
            f"which is {max_connects}: give one of them"
        )
    return alias
