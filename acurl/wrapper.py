"""CurlWrapper: an engine on an event loop, and the sessions that share its connections."""

from __future__ import annotations

import contextlib
from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING, Any, Self, Unpack

from acurl.counters import Counters
from acurl.driver import Driver
from acurl.errors import AcurlError, EngineClosed, RequestError
from acurl.limits import LimitOptions, Limits, either_name
from acurl.options import (
    ConnectionOptions,
    Connections,
    HttpVersion,
    Options,
    OptionsBesidesVersion,
    check_connections,
    request_fields,
    session_fields,
)
from acurl.profile import Settings
from acurl.session import Session
from acurl.values import count

if TYPE_CHECKING:
    from acurl.auth import Auth
    from acurl.body import Data
    from acurl.cookies import Cookie
    from acurl.driver import EventLoop
    from acurl.form import Files
    from acurl.request import Headers
    from acurl.urls import Params

VERSION = "0.1.0"

_MOST_SETTINGS = 256


class RequestOptions(ConnectionOptions, total=False):
    """What every verb of a session accepts; see Session.request."""

    headers: Headers | None
    params: Params | None
    cookies: Mapping[str, str | Cookie] | None
    auth: Auth | None
    data: Data | None
    json: Any
    files: Files | None
    stream: bool
    allow_redirects: bool
    max_redirects: int


class CurlWrapper:
    """Owns one engine. Use it in the thread and on the loop it was made for; close it at the end.

    `loop`: one of asyncio or uvloop, mostly `asyncio.get_running_loop()`. `max_connects` (also
    called `max_keepalive_connections`): idle connections kept for reuse; never limits concurrency.
    `max_host_keepalive`: the same for each origin. `min_connects`: idle ones that no limit ends.
    `max_connections`: open ones, in use or idle; a request beyond waits for `Timeout.pool` at most.
    `max_host_connections`: the same for each origin. `max_streams`: concurrent HTTP/2 or HTTP/3
    streams per connection. `keepalive_expiry`: seconds after which an idle connection is ended.
    `max_lifetime`: whole seconds after which a connection serves no new request. None is no limit.

    `max_response_size`: bytes of body, after decompression. `max_retries`: how often a refused or
    dropped request is repeated. `trust_env`: honour the environment's proxies, and `connections`:
    "shared", "session", "lanes:N" or "request"; both where a session does not say otherwise.
    Raises RequestError for a bad value and OSError when descriptors ran out.
    """

    def __init__(
        self,
        loop: EventLoop,
        max_connects: int = 100,
        *,
        max_keepalive_connections: int | None = None,
        max_connections: int | None = None,
        max_host_connections: int | None = None,
        max_host_keepalive: int | None = None,
        min_connects: int = 0,
        max_streams: int = 100,
        keepalive_expiry: float | None = 118.0,
        max_lifetime: int | None = None,
        max_response_size: int = 64 << 20,
        max_retries: int = 3,
        trust_env: bool = True,
        connections: Connections = "shared",
    ) -> None:
        self.limits = Limits(
            either_name(max_connects, max_keepalive_connections),
            max_connections,
            max_host_connections,
            max_host_keepalive,
            min_connects,
            max_streams,
            keepalive_expiry,
            max_lifetime,
        )
        """The limits in force; `resize` changes them."""
        self._options = Options(
            trust_env=trust_env,
            connections=connections,
            max_idle=None if self.limits.min_connects else self.limits.keepalive_expiry,
            max_lifetime=self.limits.max_lifetime,
        )
        self._driver = Driver(
            loop,
            **self.limits.for_engine(),
            max_response_size=count("max_response_size", max_response_size, 1),
            max_retries=count("max_retries", max_retries, 0),
        )
        self._members = 0  # sessions made so far that are spread over lanes
        self._settings: dict[Options, Settings] = {}
        self._known: dict[Hashable, Settings] = {}

    def __repr__(self) -> str:
        return f"<CurlWrapper max_connects={self.limits.max_connects} {self._driver!r}>"

    def session(
        self,
        http_version: HttpVersion = "auto",
        *,
        headers: Headers | None = None,
        params: Params | None = None,
        cookies: Mapping[str, str | Cookie] | None = None,
        auth: Auth | None = None,
        **options: Unpack[OptionsBesidesVersion],
    ) -> Session:
        """A session: cookies of its own, connections shared with the others of this wrapper.

        `headers`, `params`, `cookies` and `auth` go with each request; those that a request gives
        win. The other options are those of ConnectionOptions. Raises RequestError for values that
        are not allowed, TypeError for names that are none.
        """
        settings = self._look_up(None, {"http_version": http_version, **options})
        defaults = {"headers": headers, "params": params, "cookies": cookies, "auth": auth}
        if all(value is None for value in defaults.values()):
            return Session(self, self._driver, settings)
        return Session(self, self._driver, settings, defaults=defaults)

    def settings(self, options: Options) -> Settings:
        """The engine's option lists for these options, made once."""
        settings = self._settings.get(options)
        if settings is None:
            if len(self._settings) >= _MOST_SETTINGS:
                self._settings.clear()
            settings = self._settings[options] = Settings(options)
        return settings

    def specialised(self, settings: Settings, changes: Mapping[str, Any]) -> Settings:
        """The settings of a request in a session with `settings`, which gives ConnectionOptions.

        Raises RequestError for values that are not allowed, TypeError for names that are none.
        """
        return self._look_up(settings, changes)

    def _look_up(self, base: Settings | None, given: Mapping[str, Any]) -> Settings:
        """Settings by what was given to a session, or to a request in one with `base`.

        The same is given each time, so it is looked up as it was given, before it is checked.
        """
        key, found = self._known_by(base, given)
        if found is None:
            if "connections" in given:
                check_connections(given["connections"])
            if base is None:
                options = self._options.with_changes(**session_fields(given))
            else:
                fields = request_fields(given, base.options)
                options = base.options.with_changes(**fields)
            found = self.settings(options)
            if len(self._known) >= _MOST_SETTINGS:
                self._known.clear()
            if key is not None:
                self._known[key] = found
        return found

    def _known_by(
        self, base: Settings | None, given: Mapping[str, Any]
    ) -> tuple[Hashable, Settings | None]:
        """The key of what was given, None where it has none, and what is known by it."""
        key: Hashable = (base, *((name, type(value), value) for name, value in given.items()))
        try:
            if tuple not in map(type, given.values()):  # its items have types as well
                return key, self._known.get(key)
        except TypeError:  # a dict or a list among the values
            pass
        try:
            key = (base, *((name, _hashable(value)) for name, value in given.items()))
            return key, self._known.get(key)
        except (TypeError, ValueError, RecursionError):  # none of these is allowed
            return None, None

    @property
    def max_connects(self) -> int:
        """The most idle connections that are kept."""
        return self.limits.max_connects

    def resize(self, **limits: Unpack[LimitOptions]) -> None:
        """Change limits at once; no request is dropped for it.

        Idle connections beyond a new limit end within a second, those in use with their use.
        `max_lifetime` cannot be changed. Raises RequestError for a bad value: nothing changes then.
        """
        if "max_lifetime" in limits:
            raise RequestError("max_lifetime: cannot be changed: it is for connections from birth")
        changed = self.limits.with_changes(**limits)
        self._driver.resize(**changed.for_engine())
        self.limits = changed

    def lane(self, count: int) -> int:
        """The number of the lane for the next session that is spread over `count` of them."""
        self._members += 1
        return 1 + self._members % count

    def stats(self) -> Counters:
        """What the engine has counted. Raises EngineClosed after close."""
        return self._driver.counters()

    def close(self) -> None:
        """End what still runs (its awaiters get EngineClosed) and close all connections."""
        self._driver.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        # Upstream's code never closes; a foreign thread's collector may not.
        with contextlib.suppress(AcurlError, AttributeError):
            self._driver.close()


def _hashable(value: object) -> Hashable:
    if isinstance(value, Mapping):
        return Mapping, tuple((_hashable(key), _hashable(item)) for key, item in value.items())
    if isinstance(value, (list, tuple)):
        return type(value), tuple(map(_hashable, value))
    return type(value), value


__all__ = ["CurlWrapper", "EngineClosed", "RequestOptions"]
