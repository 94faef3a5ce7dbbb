import io

from rich.console import Console
from rich.table import Table

from mite.reporting import tables
from mite.reporting.figures import Row


def printed(table: Table) -> list[list[str]]:
    out = io.StringIO()
    Console(file=out, width=100).print(table)
    return [line.split() for line in out.getvalue().splitlines()]


def test_transactions() -> None:
    row = Row("[red]buy", 1234, 5, 123.4, 0.001, 0.002, 0.003, 1.5)
    head, line = printed(tables.transactions([row]))
    assert head == ["transaction", "count", "errors", "per", "s", "p50", "p95", "p99", "max"]
    assert line[:4] == ["[red]buy", "1,234", "5", "123"]
    assert line[4:] == ["1", "ms", "2", "ms", "3", "ms", "1.50", "s"]


def test_requests() -> None:
    rows = [
        Row("200", 10, 0, 1.0, 0.001, 0.002, 0.003, 1.5),
        Row("TLSError", 2, 2, 0.2, 0.0, 0.0, 0.0, 0.0),
    ]
    head, first, second = printed(tables.requests(rows))
    assert head[:4] == ["requests", "by", "status", "count"]
    assert first[:3] == ["200", "10", "1.0"]
    assert second[:3] == ["TLSError", "2", "0.2"]
