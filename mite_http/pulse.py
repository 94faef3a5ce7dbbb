"""What happens to an open pool each second: its ``http_pool`` message, advice, adaptation."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import TYPE_CHECKING, Any

from acurl.timeouts import DEFAULT_POOL
from mite_http import adaptive, settings
from mite_http.memory import memory_limit, process_memory
from mite_http.snapshot import PoolStats

if TYPE_CHECKING:
    from mite_http.branch import Branch

logger = logging.getLogger("mite_http")

INTERVAL = 1.0


class Pulse:
    """Runs from the opening of an engine to its end. Belongs to the branch's loop.

    `_before` are the snapshots of the last seconds, since the last adaptation at most; the newest
    comes last. `_context` is of the run that is told, None as long as there is none.
    """

    __slots__ = ("_before", "_branch", "_context", "_limit", "_task")

    def __init__(self, branch: Branch) -> None:
        self._branch = branch
        self._context: Any = None
        self._before = deque([branch.stats()], adaptive.WINDOW)
        self._limit = settings.bytes_of(settings.MEMORY_LIMIT) or memory_limit()
        self._task = branch.loop.create_task(self._run())

    def __repr__(self) -> str:
        return f"Pulse({self._branch.name})"

    @property
    def is_told(self) -> bool:
        """Whether there is a run that is told."""
        return self._context is not None

    def tell(self, context: Any) -> None:
        """Send messages to the run of a context from now on."""
        self._context = context

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(INTERVAL)
            self.beat()

    def beat(self) -> None:
        """What a second brings."""
        branch = self._branch
        stats = branch.stats()
        self._send(stats)
        self._advise(stats)
        if branch.pool.options.adaptive is not None:
            self._adapt(stats)
        self._before.append(stats)

    def end(self) -> None:
        """Stop, and tell the figures a last time."""
        self._task.cancel()
        self._send(self._branch.stats())

    def _advise(self, now: PoolStats) -> None:
        branch = self._branch
        lines = branch.adviser.advise(
            self._before[-1],
            now,
            branch.clock(),
            branch.waits.hog(),
            default_timeout=branch.pool.options.timeout.pool == DEFAULT_POOL,
        )
        for line in lines:
            logger.warning("pool %s: %s", branch.name, line)

    def _adapt(self, now: PoolStats) -> None:
        bounds = self._branch.pool.options.adaptive
        assert bounds is not None  # noqa: S101 - for the type checker
        step = adaptive.decide(bounds, self._before[0], now, process_memory().rss, self._limit)
        if step is not None:
            logger.info("pool %s: %s", self._branch.name, step.sentence(now.max_connects))
            self._branch.pool.resize(max_connects=step.max_connects)
            self._before.clear()

    def _send(self, stats: PoolStats) -> None:
        if self._context is not None:
            self._context.emit_for_run(message(self._branch, stats))


def message(branch: Branch, stats: PoolStats) -> dict[str, Any]:
    """The ``http_pool`` message of a branch; what it says of changes is since the last one."""
    totals = branch.totals()
    changes, branch.told = totals.minus(branch.told), totals
    memory = process_memory()
    return {
        "type": "http_pool",
        "pool": branch.name,
        "options": str(branch.pool.options),
        "in_use": stats.in_use,
        "idle": stats.idle,
        "queued": stats.queued,
        "streams": stats.streams,
        "max_connections": stats.max_connections,
        "max_connects": stats.max_connects,
        "totals": totals.numbers(),
        "closed": totals.reasons(),
        "changes": changes.numbers(),
        "closed_changes": changes.reasons(),
        "wait_p50": stats.wait_p50,
        "wait_p99": stats.wait_p99,
        "rss": memory.rss,
        "vms": memory.vms,
    }
