"""SharedPoolRegistry: the pools that journeys with equal options share, and their books."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Mapping
from typing import Any, ClassVar

from mite.clock import Clock, monotonic
from mite_http import loops, settings
from mite_http.branch import Branch
from mite_http.options import PoolOptions
from mite_http.pool import SessionPool
from mite_http.session import AcurlSessionWrapper
from mite_http.snapshot import Totals

logger = logging.getLogger("mite_http")

IDLE_TIMEOUT = 300.0
CLEANUP_INTERVAL = 60.0


class SharedPoolRegistry:
    """All class methods, for use anywhere; each event loop has pools of its own.

    A pool that nobody has used for ``idle_timeout`` seconds is closed, and opened again by its next
    user.  That is looked at each ``cleanup_interval`` seconds, by a task that starts with the first
    pool.  Both may be set here, or by MITE_HTTP_POOL_IDLE_TIMEOUT and
    MITE_HTTP_POOL_CLEANUP_INTERVAL.  A pool with a session out, or a request under way, is in use.
    """

    idle_timeout: ClassVar[float | None] = None
    cleanup_interval: ClassVar[float | None] = None
    clock: ClassVar[Clock] = monotonic

    _pools: ClassVar[dict[PoolOptions, SessionPool]] = {}

    @classmethod
    def shared(cls, options: PoolOptions) -> SessionPool:
        """The one pool with these options."""
        pool = cls._pools.get(options)
        if pool is None:
            pool = cls._pools.setdefault(options, SessionPool.with_options(options))
        return pool

    @classmethod
    def lender(cls, given: Mapping[str, Any]) -> SharedLender:
        """Gives out sessions of the pool that has these options in the run at hand.

        Raises acurl.RequestError for a bad value, TypeError for a bad name.
        """
        return SharedLender(given)

    @classmethod
    def attend(cls, pool: SessionPool, loop: asyncio.AbstractEventLoop) -> Branch:
        """A pool's part on a loop that runs; from now on it is closed when idle."""
        if loops.of(loop).cleanup is None:
            cls.start_cleanup_task(loop)
        return loops.branch_of(pool, loop, cls.clock)

    @classmethod
    def get_pool_stats(cls) -> dict[str, Any]:
        """Figures of the running loop's pools; where no loop runs, of all loops'.

        ``total_pools``: how many are open.  ``pools``: name to a dict of ``type``, ``options``,
        ``idle_time`` (seconds, 0.0 while in use) and all of ``PoolStats``.  ``totals``: sums over
        all pools, the closed ones too; they never fall.
        """
        here = loops.running()
        known = loops.every() if here is None else [here]
        open_ones = [branch for one in known for branch in one.open()]
        totals = Totals()
        for one in known:
            for branch in one.branches.values():
                totals = totals.plus(branch.totals())
        return {
            "total_pools": len(open_ones),
            "pools": {branch.name: _entry(branch) for branch in open_ones},
            "totals": {**totals.numbers(), "closed": totals.reasons()},
        }

    @classmethod
    def close_idle(cls, idle_timeout: float | None = None) -> list[str]:
        """Close the running loop's pools that are idle for so many seconds; gives their names."""
        here = loops.running()
        limit = cls._idle_timeout() if idle_timeout is None else idle_timeout
        closed = [] if here is None else [one for one in here.open() if _is_idle(one, limit)]
        for branch in closed:
            logger.debug("closing pool %s, which is idle", branch.name)
            branch.close()
        return [branch.name for branch in closed]

    @classmethod
    def start_cleanup_task(
        cls,
        loop: asyncio.AbstractEventLoop | None = None,
        *,
        idle_timeout: float | None = None,
        interval: float | None = None,
    ) -> None:
        """Look for idle pools from now on, in place of the task that did until now.

        ``loop``: the running one unless given; it may run in another thread, or not yet.
        """
        loop = loop or asyncio.get_running_loop()
        seconds = cls._interval() if interval is None else interval
        limit = cls._idle_timeout() if idle_timeout is None else idle_timeout
        _in(loop, lambda: cls._start(loop, limit, seconds))

    @classmethod
    def stop_cleanup_task(cls, loop: asyncio.AbstractEventLoop | None = None) -> None:
        """End the task of the given or running loop, or of all loops; harmless twice.

        The next pool that is opened starts one again.
        """
        if loop is None:
            with contextlib.suppress(RuntimeError):
                loop = asyncio.get_running_loop()
        for one in loops.known() if loop is None else [loop]:
            _in(one, loops.of(one).stop_cleanup)

    @classmethod
    def _start(cls, loop: asyncio.AbstractEventLoop, limit: float, seconds: float) -> None:
        here = loops.of(loop)
        here.stop_cleanup()
        here.cleanup = loop.create_task(cls._clean(limit, seconds))

    @classmethod
    async def _clean(cls, limit: float, seconds: float) -> None:
        while True:
            await asyncio.sleep(seconds)
            cls.close_idle(limit)

    @classmethod
    def _idle_timeout(cls) -> float:
        if cls.idle_timeout is not None:
            return cls.idle_timeout
        return settings.seconds_of(settings.IDLE_TIMEOUT, IDLE_TIMEOUT)

    @classmethod
    def _interval(cls) -> float:
        if cls.cleanup_interval is not None:
            return cls.cleanup_interval
        return settings.seconds_of(settings.CLEANUP_INTERVAL, CLEANUP_INTERVAL)


class SharedLender:
    """The shared pool of a decorated journey: which one that is, the run's config may decide."""

    __slots__ = ("_environment", "_found", "_given", "name")

    def __init__(self, given: Mapping[str, Any]) -> None:
        self._given = given
        self._environment = settings.from_environment()
        options = settings.resolve(given, self._environment, {})
        self.name = options.name
        # The config that was seen last, and the pool by it: one value, for several threads.
        self._found: tuple[object, SessionPool] = (None, SharedPoolRegistry.shared(options))

    def __repr__(self) -> str:
        return f"SharedLender({self._found[1]!r})"

    def checkout(self, context: Any) -> AcurlSessionWrapper:
        """A new session of the pool."""
        config = getattr(context, "config", None)
        known, pool = self._found
        if config is not known:
            pool = self._look_up(config)
        return pool.checkout(context)

    def _look_up(self, config: object) -> SessionPool:
        """All journeys of a run have the same config, so this is rare."""
        found = settings.from_config(settings.known_config(config))
        options = settings.resolve(self._given, self._environment, found)
        pool = SharedPoolRegistry.shared(options)
        self._found = (config, pool)
        return pool


def _entry(branch: Branch) -> dict[str, Any]:
    return {
        "type": "SessionPool",
        "options": branch.pool.options.as_dict(),
        "idle_time": branch.idle_time(),
        **branch.stats().as_dict(),
    }


def _is_idle(branch: Branch, limit: float) -> bool:
    return not branch.out and not branch.counters().in_flight and branch.idle_time() >= limit


def _in(loop: asyncio.AbstractEventLoop, work: Any) -> None:
    """Do something in the thread of a loop."""
    try:
        here = asyncio.get_running_loop() is loop
    except RuntimeError:
        here = False
    if here or not loop.is_running():
        work()
    else:
        loop.call_soon_threadsafe(work)
