"""Progress as plain lines, for logs and pipes."""

from __future__ import annotations

from collections.abc import Callable

from mite.connections import Pool
from mite.reporting.figures import Figures, counted, number, printable, seconds
from mite.runner import Progress, State

_EVERY = 2
WAITED = 0.001
"""Seconds from which on requests are said to have waited for a connection: below it is the time
that any request takes from the journey to the engine."""


def line(figures: Figures) -> str:
    """One line about this moment."""
    progress, health = figures.progress, figures.health
    planned = "" if figures.planned is None else f"/{figures.planned:.0f}"
    slowest = max(figures.transactions, key=lambda row: row.p95, default=None)
    latency = (
        ""
        if slowest is None
        else (
            f"  {slowest.name.strip()} p50 {seconds(slowest.p50)} p95 {seconds(slowest.p95)}"
            f" p99 {seconds(slowest.p99)}"
        )
    )
    return (
        f"{progress.elapsed:.0f}{planned} s  {in_flight(progress)}  "
        f"{number(figures.journeys_rate)} journeys/s  {number(figures.requests_rate)} requests/s  "
        f"{figures.errors} errors{latency}  "
        f"[generator: CPU {health.cpu_now:.0%}, lag p99 {seconds(health.lag_p99)}]"
    )


def pool_line(pool: Pool) -> str:
    """One line about a pool of connections at this moment; reused: by the share of requests."""
    parts = [
        f"{pool.in_use:,} in use",
        f"{pool.idle:,} idle",
        f"{pool.queued:,} queued",
        f"{pool['opened']:,} opened",
        f"{pool.share_reused:.1%} reused",
    ]
    if pool["timeouts"]:
        parts.append(counted(pool["timeouts"], "pool timeout"))
    if pool.wait_p99 >= WAITED:
        parts.append(f"wait p99 {seconds(pool.wait_p99)}")
    if pool["retries"]:
        parts.append(f"{pool['retries']:,} repeated")
    return f"pool {printable(pool.name)}: {', '.join(parts)}"


def in_flight(progress: Progress) -> str:
    """How many journeys run, of how many that should, or that nothing new is started."""
    if progress.state is State.DRAINING:
        return f"draining: {progress.in_flight} in flight"
    return f"{progress.in_flight}/{progress.target} in flight"


class LineView:
    """Writes a line after the first second, then every two."""

    def __init__(self, write: Callable[[str], object]) -> None:
        self._write = write
        self._shown = 0

    def start(self) -> None:
        """Nothing to prepare."""

    def show(self, figures: Figures) -> None:
        """Called each second."""
        second = round(figures.progress.elapsed)
        if second >= self._shown + (_EVERY if self._shown else 1):
            self._shown = second
            self._write("\n  ".join([line(figures), *map(pool_line, figures.pools)]))

    def note(self, sentence: str) -> None:
        """A line of its own."""
        self._write(sentence)

    def stop(self) -> None:
        """Nothing to put away."""


class NoView:
    """Shows nothing, for ``--hide-constant-logs``."""

    def note(self, sentence: str) -> None:
        """Nothing."""

    def start(self) -> None:
        """Nothing."""

    def show(self, figures: Figures) -> None:
        """Nothing."""

    def stop(self) -> None:
        """Nothing."""
