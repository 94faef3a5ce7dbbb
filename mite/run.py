"""What all contexts of one run share."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Awaitable, Callable

from mite.clock import Clock, monotonic
from mite.exemplars import ExemplarLimit

logger = logging.getLogger(__name__)

Closer = Callable[[], Awaitable[None] | None]


class Run:
    """One run: its clock, its seed, and what plugins want closed when it ends."""

    __slots__ = ("_closers", "cancelling", "clock", "exemplars", "seed")

    def __init__(self, clock: Clock = monotonic, seed: int | str | None = None) -> None:
        self.clock = clock
        self.seed = seed
        self.exemplars = ExemplarLimit()
        self.cancelling = False
        """True once the runner cancels journeys: their CancelledError is then not their own."""
        # What plugins opened for this run, oldest first; closed in reverse.
        self._closers: list[Closer] = []

    def __repr__(self) -> str:
        return f"Run(seed={self.seed!r}, {len(self._closers)} to close)"

    def at_end(self, closer: Closer) -> None:
        """Call ``closer`` (plain or async) when the last journey of the run has ended."""
        self._closers.append(closer)

    async def close(self) -> None:
        """Close all that was registered, the newest first, even if one fails."""
        while self._closers:
            closer = self._closers.pop()
            try:
                pending = closer()
                if inspect.isawaitable(pending):
                    await pending
            except Exception:
                logger.exception("closing %r at the end of the run failed", closer)
