"""Spaces out what a journey does: blocks that last at least a given time."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

from mite.clock import monotonic


class ensure_separation_from_callable:  # noqa: N801 - a public name of upstream's
    """Async context manager: sleeps at its end until ``sep_callable()`` seconds have passed."""

    def __init__(self, sep_callable: Callable[[], float]) -> None:
        self._seconds = sep_callable
        self._started = 0.0

    async def __aenter__(self) -> None:
        self._started = monotonic()

    async def __aexit__(self, *_: object) -> None:
        left = self._seconds() - (monotonic() - self._started)
        if left > 0:
            await asyncio.sleep(left)


def ensure_fixed_separation(separation: float) -> ensure_separation_from_callable:
    """Make the block last at least ``separation`` seconds::

    async with ensure_fixed_separation(5):
        await ctx.http.get(url)
    """
    return ensure_separation_from_callable(lambda: separation)


def ensure_average_separation(
    mean_separation: float, plus_minus: float | None = None
) -> ensure_separation_from_callable:
    """Make the block last ``mean_separation`` seconds, give or take up to ``plus_minus``.

    ``plus_minus`` is a quarter of the mean unless given; the time is drawn evenly.
    """
    spread = mean_separation * 0.25 if plus_minus is None else plus_minus
    return ensure_separation_from_callable(
        lambda: mean_separation + random.uniform(-spread, spread)
    )
