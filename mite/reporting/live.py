"""Progress on a terminal, redrawn each second.

Drawing a table takes rich several milliseconds, which would be lag in the runner's loop; it is
done in a thread of its own, from figures that no longer change.
"""

from __future__ import annotations

import textwrap
from concurrent.futures import Future, ThreadPoolExecutor

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from mite import verdict
from mite.reporting.figures import Figures, number, seconds
from mite.reporting.lines import in_flight, pool_line
from mite.reporting.tables import transactions

_MOST_ROWS = 20
_OTHER_LINES = 8
"""Lines that head, totals, table head and generator may take, and the one the cursor is in."""


def picture(figures: Figures, width: int, height: int) -> RenderableType:
    """What a terminal of so many columns and lines shows; all of it fits."""
    pools = [row for pool in figures.pools for row in textwrap.wrap(pool_line(pool), width)]
    most = max(1, min(_MOST_ROWS, height - _OTHER_LINES - len(pools)))
    shown = figures.transactions[:most]
    parts: list[RenderableType] = [_head(figures), _totals(figures)]
    if shown:
        parts.append(transactions(shown, width))
    if len(figures.transactions) > most:
        parts.append(Text(f"... and {len(figures.transactions) - most} more transactions"))
    parts.extend(Text(row) for row in pools)
    parts.append(_generator(figures))
    return Group(*parts)


class LiveView:
    """Keeps a picture of the run on the terminal until stopped."""

    def __init__(self, console: Console) -> None:
        self._live = Live(console=console, auto_refresh=False, transient=True)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="mite-live")
        self._drawing: Future[None] | None = None

    def start(self) -> None:
        """Take the lower part of the terminal."""
        self._live.start()

    def show(self, figures: Figures) -> None:
        """Draw, unless the last picture is still being drawn."""
        if self._drawing is None or self._drawing.done():
            self._drawing = self._thread.submit(self._draw, figures)

    def note(self, sentence: str) -> None:
        """A line above the picture, which stays."""
        self._live.console.print(Text(sentence), soft_wrap=True)

    def stop(self) -> None:
        """Give the terminal back."""
        self._thread.shutdown(wait=True)
        self._live.stop()

    def _draw(self, figures: Figures) -> None:
        width, height = self._live.console.size
        self._live.update(picture(figures, width, height), refresh=True)


def _head(figures: Figures) -> RenderableType:
    progress = figures.progress
    head = Table.grid(padding=(0, 1))
    if figures.planned:
        clock = Text(f"{progress.elapsed:.0f} of {figures.planned:.0f} s")
        done = min(progress.elapsed, figures.planned)
        bar = ProgressBar(total=figures.planned, completed=done, width=30)
        head.add_row(Text(figures.test, style="bold"), bar, clock, Text(progress.state.value))
    else:
        clock = Text(f"{progress.elapsed:.0f} s")
        head.add_row(Text(figures.test, style="bold"), clock, Text(progress.state.value))
    return head


def _totals(figures: Figures) -> Text:
    progress = figures.progress
    text = Text(
        f"{in_flight(progress)}   "
        f"{number(figures.journeys_rate)} journeys/s   "
        f"{number(figures.requests_rate)} requests/s   "
    )
    text.append(f"{figures.errors} errors", style="red" if figures.errors else "green")
    return text


def _generator(figures: Figures) -> Text:
    health = figures.health
    judged = verdict.judge(health)
    style = {verdict.Level.VALID: "green", verdict.Level.SUSPECT: "yellow"}.get(judged.level, "red")
    text = Text("generator: ")
    text.append(f"CPU {health.cpu_now:.0%}, loop lag p99 {seconds(health.lag_p99)}", style=style)
    if judged.reasons:
        text.append(f"  {judged.reasons[0]}", style=style)
    return text
