"""SessionPool: the sessions that share one engine, and so its connections."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import acurl
from mite_http.options import PoolOptions
from mite_http.session import AcurlSessionWrapper


class SessionPool:
    """Made anywhere, without a running loop; has one engine for each loop it is used on.

    The options are those of ``PoolOptions``.  The engine is closed at the end of the run whose
    journey first used it; outside of a run, by ``close``.
    """

    def __init__(self, **options: Any) -> None:
        self.options = PoolOptions(**options)
        # The engine of the loop that last used the pool, which is nearly always the only one.
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wrapper: acurl.CurlWrapper | None = None
        # What every session of that engine is a twin of.
        self._first: acurl.Session | None = None
        self._others: dict[asyncio.AbstractEventLoop, acurl.CurlWrapper] = {}

    @classmethod
    def with_options(cls, options: PoolOptions) -> SessionPool:
        """A pool with options that are checked already."""
        pool = cls()
        pool.options = options
        return pool

    def __repr__(self) -> str:
        return f"SessionPool({self.options.name}, {self._wrapper or 'not open'})"

    @classmethod
    def decorator(cls, func: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        """Like ``@mite_http`` without options."""
        from mite_http.decorator import mite_http  # noqa: PLC0415 - which imports this module

        return mite_http(func)

    @asynccontextmanager
    async def session_context(self, context: Any) -> AsyncIterator[AcurlSessionWrapper]:
        """Put a session on the context, and take it off at the end of the block."""
        session = self.checkout(context)
        setattr(context, self.options.name, session)
        try:
            yield session
        finally:
            session.close()
            delattr(context, self.options.name)

    def checkout(self, context: Any) -> AcurlSessionWrapper:
        """A new session whose requests are told to ``context``; to be closed by the caller."""
        loop = asyncio.get_running_loop()
        first = self._first
        if first is None or loop is not self._loop:
            first = self._open(loop, context)
        return AcurlSessionWrapper(first.twin(), context, self)

    def close(self) -> None:
        """Close the engine of the running loop, with all its connections; harmless twice."""
        loop = asyncio.get_running_loop()
        if loop is self._loop:
            if self._wrapper is not None:
                self._wrapper.close()
            self._loop = self._wrapper = self._first = None
        elif loop in self._others:
            self._others.pop(loop).close()

    def _end(self, context: Any) -> None:
        """Say at the end of a run how many requests there were in all, then close."""
        if self._wrapper is not None and asyncio.get_running_loop() is self._loop:
            counted = self._wrapper.stats()
            started = max(counted.started, counted.finished)
            context.emit({"type": "http_pool", "pool": self.options.name, "started": started})
        self.close()

    def _open(self, loop: asyncio.AbstractEventLoop, context: Any) -> acurl.Session:
        """Make the engine of ``loop`` the current one, a new one if it has none."""
        if self._loop is not None and self._wrapper is not None:
            self._others[self._loop] = self._wrapper
        self._others = {
            other: wrapper for other, wrapper in self._others.items() if not other.is_closed()
        }
        wrapper = self._others.pop(loop, None)
        if wrapper is None:
            wrapper = acurl.CurlWrapper(loop, max_connects=self.options.max_connects)
            at_run_end = getattr(context, "at_run_end", None)
            if at_run_end is not None:
                at_run_end(lambda: self._end(context))
        options = self.options
        self._loop, self._wrapper = loop, wrapper
        self._first = wrapper.session(
            options.http_version,
            verify=options.verify,
            timeout=options.timeout,
            connections=options.connections,
        )
        return self._first
