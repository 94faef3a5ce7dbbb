"""The tables that the live view and the report share."""

from __future__ import annotations

from collections.abc import Iterable

from rich.table import Table
from rich.text import Text

from mite.reporting.figures import Row, number, seconds

_TIMES = ("p50", "p95", "p99", "max")


def transactions(rows: Iterable[Row]) -> Table:
    """Per transaction: count, errors, rate, times on the client clock."""
    table = _table("transaction", "count", "errors", "per s", *_TIMES)
    for row in rows:
        errors = Text(f"{row.errors:,}", style="red" if row.errors else "")
        table.add_row(Text(row.name), f"{row.count:,}", errors, number(row.rate), *_durations(row))
    return table


def requests(rows: Iterable[Row]) -> Table:
    """Per status: count, rate, times on the wire clock."""
    table = _table("requests by status", "count", "per s", *_TIMES)
    for row in rows:
        failed = row.errors > 0 or row.name >= "400"
        name = Text(row.name, style="red" if failed else "")
        table.add_row(name, f"{row.count:,}", number(row.rate), *_durations(row))
    return table


def _table(first: str, *others: str) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(first, overflow="fold")
    for name in others:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def _durations(row: Row) -> tuple[str, str, str, str]:
    return seconds(row.p50), seconds(row.p95), seconds(row.p99), seconds(row.max)
