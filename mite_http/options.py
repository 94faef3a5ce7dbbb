"""What a pool can be told, checked at once: a journey with a bad option cannot be imported."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from typing import Any, Unpack

import acurl
from acurl.limits import LimitOptions, Limits
from acurl.options import ConnectionOptions, Connections, HttpVersion, Options, session_fields
from acurl.proxy import shown_proxy
from acurl.timeouts import DEFAULT_TIMEOUT, as_timeout
from acurl.tls import TlsVersion
from acurl.values import count, shown
from mite.context import Context
from mite_http.targets import checked_targets

ALIAS = "max_keepalive_connections"
"""Another name of ``max_connects``."""

DEFAULT_RESPONSE_SIZE = 64 << 20


class Keywords(ConnectionOptions, LimitOptions, total=False):
    """What a pool can be given, by name: see ``PoolOptions``."""

    max_lifetime: int | None
    max_retries: int
    name: str
    prewarm: Iterable[str] | Mapping[str, int] | None
    adaptive: tuple[int, int] | None


@dataclass(frozen=True, slots=True, init=False)
class PoolOptions:
    """Options of a pool, checked and hashable; pools with equal options are shared.

    The connection's are those of ``acurl.ConnectionOptions``: each session has them, and a request
    may say otherwise.  The limits are those of ``acurl.CurlWrapper``: ``max_connects`` (also called
    ``max_keepalive_connections``) idle connections are kept for reuse, ``max_connections`` may be
    open at all, ``max_host_connections`` and ``max_host_keepalive`` are the same for each origin.

    The pool's own: ``name``, the context's attribute that the session is put on.  ``prewarm``:
    hosts or URLs to which connections are opened before the first journey proceeds, or a dict of
    them to how many.  ``adaptive``: (low, high), between which the pool moves ``max_connects``
    by itself.

    Raises acurl.RequestError (a ValueError) for a value that is not allowed, TypeError for a name
    that is none.
    """

    max_connects: int = 100
    max_connections: int | None = None
    max_host_connections: int | None = None
    max_host_keepalive: int | None = None
    min_connects: int = 0
    max_streams: int = 100
    keepalive_expiry: float | None = 118.0
    max_lifetime: int | None = None
    max_retries: int = 3
    max_response_size: int | None = DEFAULT_RESPONSE_SIZE
    trust_env: bool = True
    timeout: acurl.Timeout = DEFAULT_TIMEOUT
    connections: Connections = "shared"
    http_version: HttpVersion = "auto"
    verify: bool | str = True
    cert: tuple[str, str] | None = None
    tls_min: TlsVersion | None = None
    tls_max: TlsVersion | None = None
    ciphers: str | None = None
    tls_resumption: bool = True
    early_data: bool = False
    low_memory: bool = False
    dns_ttl: int | None = 60
    resolve: tuple[tuple[str, tuple[str, ...]], ...] = ()
    connect_to: tuple[tuple[str, str], ...] = ()
    interface: str | None = None
    unix_socket: str | None = None
    happy_eyeballs_timeout: float | None = None
    tcp_keepalive: tuple[int, int] | None = None
    proxy: str | None = field(default=None, repr=False)  # it may hold a password
    user_agent: str = ""
    discard_body: bool = False
    cert_info: bool = False
    name: str = "http"
    prewarm: tuple[tuple[str, int], ...] = ()
    adaptive: tuple[int, int] | None = None

    def __init__(self, **given: Unpack[Keywords]) -> None:
        self._set({one.name: one.default for one in fields(PoolOptions)} | _checked(given))

    def _set(self, values: Mapping[str, Any]) -> None:
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def __str__(self) -> str:
        """Those that are not as they would be by themselves, for a line of text."""
        return ", ".join(f"{name}={shown(value)}" for name, value in self.changed().items())

    def changed(self) -> dict[str, Any]:
        """The options that differ from their defaults; a proxy's password is left out."""
        pairs = ((one.name, getattr(self, one.name), one.default) for one in fields(self))
        found = {name: value for name, value, default in pairs if value != default}
        if self.proxy:
            found["proxy"] = shown_proxy(self.proxy)
        return found

    def as_dict(self) -> dict[str, Any]:
        """Name to value of each; a proxy's password is left out."""
        return {name: getattr(self, name) for name in NAMES} | self.changed()

    def limits(self) -> dict[str, Any]:
        """The limits that a running engine can be resized to."""
        return {name: getattr(self, name) for name in RESIZABLE}

    def for_wrapper(self) -> dict[str, Any]:
        """What an ``acurl.CurlWrapper`` takes."""
        size = self.max_response_size
        return {
            **self.limits(),
            "max_lifetime": self.max_lifetime,
            "max_retries": self.max_retries,
            "max_response_size": DEFAULT_RESPONSE_SIZE if size is None else size,
            "trust_env": self.trust_env,
        }

    def for_session(self) -> dict[str, Any]:
        """What ``acurl.CurlWrapper.session`` takes."""
        found = {name: getattr(self, name) for name in _OF_SESSION}
        return found | {"resolve": dict(self.resolve), "connect_to": dict(self.connect_to)}

    def resized(self, **limits: Unpack[LimitOptions]) -> PoolOptions:
        """These options with other limits. Raises as the class does."""
        given: Mapping[str, Any] = limits
        unknown = sorted(given.keys() - {*RESIZABLE, ALIAS})
        if unknown:
            raise acurl.RequestError(
                f"{unknown[0]}: cannot be changed while a pool is in use; what can is "
                f"{', '.join(RESIZABLE)}"
            )
        if not given:
            return self
        changes = {"min_connects": self.min_connects, **without_alias(given)}
        Limits().with_changes(**{"max_connects": self.max_connects, **changes})
        copy = object.__new__(PoolOptions)
        copy._set({name: getattr(self, name) for name in NAMES} | changes)
        return copy


NAMES = tuple(one.name for one in fields(PoolOptions))
RESIZABLE = tuple(name for name in NAMES if name in LimitOptions.__annotations__)
_LIMITS = (*RESIZABLE, "max_lifetime")
_OF_SESSION = tuple(ConnectionOptions.__annotations__.keys() - {"max_response_size"})


def without_alias(given: Mapping[str, Any]) -> dict[str, Any]:
    """What was given, with ``max_connects`` by that name. Raises RequestError if it is two."""
    rest = {name: value for name, value in given.items() if name != ALIAS}
    if ALIAS in given:
        both = {name: given[name] for name in (ALIAS, "max_connects") if name in given}
        rest["max_connects"] = Limits().with_changes(**both).max_connects
    return rest


def check_name(name: str) -> None:
    """Raise TypeError for a name that no option has, with the one that may have been meant."""
    if name not in NAMES and name != ALIAS:
        near = get_close_matches(name, (*NAMES, ALIAS), 1)
        meant = f" (did you mean {near[0]!r}?)" if near else ""
        raise TypeError(
            f"a pool has no option {name!r}{meant}; allowed are {', '.join(sorted(NAMES))}"
        )


def _checked(given: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of PoolOptions, from what was given for them."""
    for name in given:
        check_name(name)
    values = without_alias(given)
    limits = {name: values.pop(name) for name in _LIMITS if name in values}
    limits = {name: getattr(Limits().with_changes(**limits), name) for name in limits}
    own: dict[str, Any] = {
        name: check(values.pop(name)) for name, check in _OWN.items() if name in values
    }
    if own.get("adaptive"):
        limits["max_connects"] = _start(own["adaptive"], limits)
    return limits | own | _checked_connection(values)


def _checked_connection(given: Mapping[str, Any]) -> dict[str, Any]:
    """As acurl checks them, in the form that it keeps them in."""
    timeout = as_timeout(given.get("timeout", DEFAULT_TIMEOUT))
    found = Options(**session_fields(given))
    values = {name: getattr(found, name) for name in given if name != "timeout"}
    for name in ("resolve", "connect_to"):
        if name in values:
            values[name] = tuple(sorted(values[name]))
    return values | {"timeout": timeout}


_RESERVED = frozenset(dir(Context))


def _attribute(value: object) -> str:
    if not (isinstance(value, str) and value.isidentifier()):
        raise acurl.RequestError(
            f"name={shown(value)}: must be a name that an attribute can have, such as 'api'"
        )
    if value in _RESERVED:
        raise acurl.RequestError(
            f"name={value!r}: is what a context has already; give another, such as 'api'"
        )
    return value


def _bounds(value: object) -> tuple[int, int] | None:
    if value is None:
        return None
    pair = tuple(value) if isinstance(value, (tuple, list)) else ()
    if [type(item) for item in pair] != [int, int] or not 0 < pair[0] <= pair[1]:
        raise acurl.RequestError(
            f"adaptive={shown(value)}: must be (low, high), whole numbers above 0, the bounds of "
            "max_connects, or None"
        )
    return pair[0], pair[1]


def _start(bounds: tuple[int, int], limits: Mapping[str, Any]) -> int:
    """The max_connects that an adaptive pool begins with."""
    low, high = bounds
    start: int = limits.get("max_connects", min(max(Limits().max_connects, low), high))
    if not low <= start <= high:
        raise acurl.RequestError(
            f"max_connects={start}: must be from {low} to {high}, the bounds of adaptive"
        )
    if limits.get("min_connects", 0) > low:
        raise acurl.RequestError(
            f"min_connects={limits['min_connects']}: must not be above {low}, the lower bound of "
            "adaptive"
        )
    return start


_OWN = {
    "max_retries": lambda value: count("max_retries", value, 0),
    "name": _attribute,
    "prewarm": checked_targets,
    "adaptive": _bounds,
}
