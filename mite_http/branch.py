"""A pool on one event loop: its engine, what was counted, and who uses it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable
from threading import get_ident
from typing import TYPE_CHECKING, Any

import acurl
from acurl import _Response
from acurl.counters import Counters
from mite.clock import Clock
from mite_http.advice import Adviser
from mite_http.snapshot import THROTTLED, PoolStats, Totals, ended, streams, totals_of
from mite_http.waits import NO_WAIT, Waits

if TYPE_CHECKING:
    from mite_http.pool import SessionPool
    from mite_http.prewarm import PrewarmReport
    from mite_http.pulse import Pulse

_CLOSED = Counters(*[0] * len(Counters._fields))


class Branch:
    """Belongs to its loop's thread; the figures may be asked for from any.

    `wrapper` and `first`, the session that all others are twins of, are None while it is closed.
    `out` counts sessions that journeys have, and `used` is when the last one came back; both are
    changed by who takes and gives them. While `singly` is above 0, an HTTP/2 connection is to take
    one request at a time. `_past` is what the engines before this one counted,
    `_own` what is the pool's own doing and no journey's, `_floor` the most that was ever told;
    `told` is what the last message told.
    """

    __slots__ = (
        "_floor",
        "_own",
        "_past",
        "_seen",
        "_thread",
        "adviser",
        "clock",
        "first",
        "loop",
        "name",
        "out",
        "pool",
        "pulse",
        "singly",
        "throttled",
        "told",
        "used",
        "waits",
        "warmed",
        "warming",
        "wrapper",
    )

    def __init__(
        self, pool: SessionPool, loop: asyncio.AbstractEventLoop, name: str, clock: Clock
    ) -> None:
        self.pool = pool
        self.loop = loop
        self.name = name
        self.clock = clock
        self.wrapper: acurl.CurlWrapper | None = None
        self.first: acurl.Session | None = None
        self.pulse: Pulse | None = None
        self.warming: asyncio.Task[None] | None = None
        self.warmed: tuple[PrewarmReport, ...] = ()
        self.out = 0
        self.singly = 0
        self.used = clock()
        self.waits = Waits()
        self.adviser = Adviser()
        self.throttled = 0
        self.told = self._past = self._own = self._floor = Totals()
        self._seen = _CLOSED
        self._thread = get_ident()

    def __repr__(self) -> str:
        return f"Branch({self.stats()})"

    @property
    def is_open(self) -> bool:
        """Whether it has an engine."""
        return self.wrapper is not None

    def open(self) -> acurl.Session:
        """Make an engine with the pool's options; the session that others are twins of."""
        options = self.pool.options
        self._thread = get_ident()
        self.wrapper = acurl.CurlWrapper(self.loop, **options.for_wrapper())
        self.first = self.wrapper.session(**options.for_session())
        self.used = self.clock()
        return self.first

    def close(self) -> None:
        """Close the engine, and keep what it counted; harmless twice."""
        if self.wrapper is None:
            return
        self._past = self._past.plus(ended(self.counters()))
        pulse, self.pulse = self.pulse, None
        wrapper, self.wrapper, self.first = self.wrapper, None, None
        if self.warming is not None:
            self.warming.cancel()
            self.warming = None
        wrapper.close()
        self._seen = _CLOSED
        if pulse is not None:
            pulse.end()

    async def ready(self) -> None:
        """Wait until what the option ``prewarm`` asks for is done, or has failed."""
        task = self.warming
        if task is not None:
            await asyncio.wait([task])

    def limits(self) -> dict[str, Any]:
        """Those the engine is to have now."""
        limits = self.pool.options.limits()
        return limits | {"max_streams": 1} if self.singly else limits

    def abandon(self) -> None:
        """Free the engine of a loop that is closed; nobody is told of it."""
        wrapper = self.wrapper
        self.forget()
        if wrapper is not None:
            with contextlib.suppress(acurl.EngineMisuse):  # its thread may be another, and over
                wrapper.close()

    def forget(self) -> None:
        """Let go of the engine, which is the parent's, after a fork."""
        self.wrapper = self.first = self.pulse = self.warming = None

    def notice(self, message: dict[str, Any]) -> None:
        """Count an ``http_metrics`` message that is out of the ordinary."""
        if message["pool_wait"] > NO_WAIT:
            self.waits.add(message)
        if message["response_code"] in THROTTLED:
            self.throttled += 1

    async def own(self, request: Awaitable[_Response]) -> _Response:
        """Await a request that is the pool's and no journey's: it is left out of the figures."""
        self.totals()  # what they are until now is not taken back, though this one has yet to start
        self._disown(started=1)
        try:
            response = await request
        except acurl.EngineClosed:
            raise  # as when it is cancelled, the engine has not counted its end
        except acurl.RequestError:
            self._disown(started=-1)  # it never began
            raise
        except acurl.AcurlError:
            self._disown(finished=1)
            raise
        self._disown(finished=1, reused=int(response.reused))
        return response

    def _disown(self, **numbers: int) -> None:
        self._own = self._own.plus(Totals(**numbers))

    def idle_time(self) -> float:
        """Seconds since the last session came back; 0.0 while one is out or a request runs."""
        if self.out or self.counters().in_flight:
            return 0.0
        return max(0.0, self.clock() - self.used)

    def counters(self) -> Counters:
        """The engine's, and from another thread those that were seen last."""
        if self.wrapper is not None and get_ident() == self._thread:
            self._seen = self.wrapper.stats()
        return self._seen

    def totals(self) -> Totals:
        """Sums over all engines, without the pool's own requests; none ever falls."""
        return self._totals(self.counters())

    def _totals(self, counters: Counters) -> Totals:
        summed = self._past.plus(totals_of(counters)).minus(self._own)
        # The pool's own requests are left out from when they begin, which the engine may not see.
        self._floor = summed.at_least(self._floor)
        return self._floor

    def stats(self) -> PoolStats:
        """A snapshot."""
        counters = self.counters()
        totals = self._totals(counters)
        options = self.pool.options
        return PoolStats(
            name=self.name,
            in_use=counters.in_use,
            idle=counters.idle,
            in_flight=counters.in_flight,
            queued=counters.queued,
            streams=streams(counters),
            sessions=self.out,
            **totals.numbers(),
            throttled=self.throttled,
            wait_p50=self.waits.percentile(50, totals.finished),
            wait_p99=self.waits.percentile(99, totals.finished),
            wait_max=self.waits.max,
            max_connects=options.max_connects,
            max_connections=options.max_connections,
            max_host_connections=options.max_host_connections,
            closed=totals.reasons(),
        )
