"""CurlWrapper: an engine on an event loop, and the sessions that share its connections."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypedDict

from acurl.driver import Counters, Driver
from acurl.errors import AcurlError, EngineClosed, RequestError
from acurl.profile import HttpVersion, Options, Settings, microseconds
from acurl.session import Session
from acurl.timeouts import DEFAULT_TIMEOUT, Timeout, as_timeout, seconds

if TYPE_CHECKING:
    from acurl.cookies import Cookie
    from acurl.driver import EventLoop
    from acurl.request import Data, Headers

VERSION = "0.1.0"

_MOST_SETTINGS = 256
_MOST_COUNTED = 2**53  # beyond any machine, and within the engine's 64 bits


class RequestOptions(TypedDict, total=False):
    """What every verb of a session accepts; see Session.request."""

    headers: Headers | None
    cookies: Mapping[str, str | Cookie] | None
    auth: tuple[str, str] | None
    data: Data | None
    json: Any
    cert: tuple[str, str] | None
    timeout: Timeout | float | None
    verify: bool | str | None
    http_version: HttpVersion | None
    allow_redirects: bool
    max_redirects: int


def _count(name: str, value: object, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise RequestError(f"{name}={value!r}: must be a whole number, {least} or more")
    return min(value, _MOST_COUNTED)


class CurlWrapper:
    """Owns one engine. Use it in the thread and on the loop it was made for; close it at the end.

    `loop`: one of asyncio or uvloop, mostly `asyncio.get_running_loop()`. `max_connects`: idle
    connections kept for reuse; never limits concurrency. `max_streams`: concurrent HTTP/2 streams
    per connection. `keepalive_expiry`: seconds after which an idle connection is ended, None for
    never. `max_response_size`: bytes of body, after decompression. `trust_env`: honour the
    environment's proxies. Raises RequestError for a bad value and OSError when descriptors ran
    out.
    """

    def __init__(
        self,
        loop: EventLoop,
        max_connects: int = 100,
        *,
        max_streams: int = 100,
        keepalive_expiry: float | None = 118.0,
        max_response_size: int = 64 << 20,
        trust_env: bool = True,
    ) -> None:
        expiry = seconds("keepalive_expiry", keepalive_expiry)
        self._driver = Driver(
            loop,
            max_connects=_count("max_connects", max_connects, 0),
            max_streams=_count("max_streams", max_streams, 1),
            keepalive_expiry_us=-1 if expiry is None else microseconds(expiry),
            max_response_size=_count("max_response_size", max_response_size, 1),
        )
        self.max_connects = max_connects
        self._trust_env = trust_env
        self._settings: dict[Options, Settings] = {}

    def __repr__(self) -> str:
        return f"<CurlWrapper max_connects={self.max_connects} {self._driver!r}>"

    def session(
        self,
        http_version: HttpVersion = "auto",
        *,
        verify: bool | str = True,
        timeout: Timeout | float | None = DEFAULT_TIMEOUT,
        user_agent: str = "",
    ) -> Session:
        """A session: cookies of its own, connections shared with the others of this wrapper.

        `http_version` is "auto" (HTTP/2 where TLS negotiates it), "1.1", "2" (over TLS, or the
        request fails) or "2-prior-knowledge". `verify` is True, False or a CA file. No
        User-Agent is sent unless given here or in a request's headers. Raises RequestError for
        anything else.
        """
        limits = as_timeout(timeout)
        options = Options(
            http_version=http_version,
            verify=verify,
            connect=limits.connect,
            read=limits.read,
            write=limits.write,
            total=limits.total,
            user_agent=user_agent,
            trust_env=self._trust_env,
        )
        return Session(self, self._driver, self.settings(options))

    def settings(self, options: Options) -> Settings:
        """The engine's option lists for these options, made once."""
        settings = self._settings.get(options)
        if settings is None:
            if len(self._settings) >= _MOST_SETTINGS:
                self._settings.clear()
            settings = self._settings[options] = Settings(options)
        return settings

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


__all__ = ["CurlWrapper", "EngineClosed", "RequestOptions"]
