"""The tables that the live view and the report share.

Figures are never cut: where a table is too wide, columns are left out, and long names are
shortened in the middle.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.table import Table
from rich.text import Text

from mite.connections import Pool
from mite.reporting.figures import Row, number, printable, seconds

_TIMES = ("p50", "p95", "p99", "max")
_POOL_COUNTS = {
    "opened": "opened",
    "reused": "reused",
    "evicted": "evicted",
    "repeats": "retries",
    "timeouts": "timeouts",
}
"""Head of a column, and what a pool calls it."""
_LEFT_OUT = ("max", "p95", "per s", "p50", "wait p50", "evicted", "repeats")
"""Columns in the order in which they give way to a readable name."""
_READABLE = 20
_GAP = 2


def transactions(rows: Iterable[Row], width: int) -> Table:
    """Per transaction: count, errors, rate, times on the client clock; at most ``width`` wide."""
    lines = []
    for row in rows:
        errors = Text(f"{row.errors:,}", style="red" if row.errors else "")
        lines.append((Text(row.name), Text(f"{row.count:,}"), errors, *_rate_and_times(row)))
    return _table(("transaction", "count", "errors", "per s", *_TIMES), lines, width)


def requests(rows: Iterable[Row], width: int) -> Table:
    """Per status: count, rate, times on the wire clock; at most ``width`` columns wide."""
    lines = []
    for row in rows:
        failed = row.errors > 0 or row.name >= "400"
        name = Text(row.name, style="red" if failed else "")
        lines.append((name, Text(f"{row.count:,}"), *_rate_and_times(row)))
    return _table(("requests by status", "count", "per s", *_TIMES), lines, width)


def pools(rows: Iterable[Pool], width: int) -> Table:
    """Per pool of connections: what it counted, how long requests waited for one."""
    lines = []
    for pool in rows:
        waits = (Text(seconds(pool.wait_p50)), Text(seconds(pool.wait_p99)))
        counts = (Text(f"{pool[name]:,}") for name in _POOL_COUNTS.values())
        lines.append((Text(printable(pool.name)), *counts, *waits))
    return _table(("connections", *_POOL_COUNTS, "wait p50", "wait p99"), lines, width)


def shortened(name: str, width: int) -> str:
    """``name``, its middle left out if it is longer than ``width``."""
    if len(name) <= width:
        return name
    kept = max(width - 3, 2)
    return f"{name[: kept // 2]}...{name[kept // 2 - kept :]}"


def _table(heads: Sequence[str], lines: Sequence[Sequence[Text]], width: int) -> Table:
    widths = [max(map(len, column)) for column in zip(heads, *lines, strict=True)]
    shown = list(range(1, len(heads)))
    for head in (head for head in _LEFT_OUT if head in heads):
        if _left(widths, shown, width) >= min(_READABLE, widths[0]):
            break
        shown.remove(heads.index(head))
    names = _left(widths, shown, width)
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, _GAP, 0, 0))
    table.add_column(shortened(heads[0], names), no_wrap=True)
    for column in shown:
        table.add_column(heads[column], justify="right", no_wrap=True)
    for line in lines:
        name = Text(shortened(line[0].plain, names), style=line[0].style)
        table.add_row(name, *(line[column] for column in shown))
    return table


def _left(widths: Sequence[int], shown: Iterable[int], width: int) -> int:
    """What the columns that are shown leave for the names."""
    return width - sum(widths[column] + _GAP for column in shown)


def _rate_and_times(row: Row) -> tuple[Text, ...]:
    times = (row.p50, row.p95, row.p99, row.max)
    return Text(number(row.rate)), *(Text(seconds(time)) for time in times)
