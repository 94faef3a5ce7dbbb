import io
import re

import pytest
from rich.console import Console
from rich.table import Table

from mite.reporting import tables
from mite.reporting.figures import Row


def lines(table: Table, width: int) -> list[str]:
    out = io.StringIO()
    Console(file=out, width=width).print(table)
    return out.getvalue().splitlines()


def printed(table: Table) -> list[list[str]]:
    return [line.split() for line in lines(table, 100)]


def test_transactions() -> None:
    row = Row("[red]buy", 1234, 5, 123.4, 0.001, 0.002, 0.003, 1.5)
    head, line = printed(tables.transactions([row], 100))
    assert head == ["transaction", "count", "errors", "per", "s", "p50", "p95", "p99", "max"]
    assert line[:4] == ["[red]buy", "1,234", "5", "123"]
    assert line[4:] == ["1", "ms", "2", "ms", "3", "ms", "1.50", "s"]


def test_requests() -> None:
    rows = [
        Row("200", 10, 0, 1.0, 0.001, 0.002, 0.003, 1.5),
        Row("TLSError", 2, 2, 0.2, 0.0, 0.0, 0.0, 0.0),
    ]
    head, first, second = printed(tables.requests(rows, 100))
    assert head[:4] == ["requests", "by", "status", "count"]
    assert first[:3] == ["200", "10", "1.0"]
    assert second[:3] == ["TLSError", "2", "0.2"]


LONG = Row("  buying_" + "x" * 40 + "_in_the_end", 123_456, 7, 123.4, 0.001, 0.0123, 0.0345, 1.5)


def test_a_long_name_is_shortened_in_the_middle_and_no_figure_is() -> None:
    (_, line) = lines(tables.transactions([LONG], 80), 80)
    assert len(line) <= 80
    assert re.match(r"  buying_x*\.\.\.x*_in_the_end  +123,456 ", line)
    assert line.endswith("1.50 s")


@pytest.mark.parametrize("width", [34, 50, 60])
def test_columns_give_way_where_it_is_narrow(width: int) -> None:
    head, line = lines(tables.transactions([LONG], width), width)
    assert len(line) <= width
    assert "123,456" in line
    assert "34.5 ms" in line
    assert "max" not in head


def test_a_file_has_room_for_everything_and_no_padding() -> None:
    head, line = lines(tables.transactions([LONG], 1_000), 1_000)
    assert line.startswith(LONG.name)
    assert len(head) == len(line) < 130
