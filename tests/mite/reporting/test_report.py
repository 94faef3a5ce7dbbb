import dataclasses
import io
from typing import Any

import pytest
from rich.console import Console

from mite.exceptions import ConfigurationError
from mite.health import Statistics
from mite.reporting import report
from mite.reporting.report import Ending
from mite.verdict import Level, Verdict
from tests.mite.pools import PoolMessages
from tests.mite.reporting.sample import OUTCOME, summary

HEALTH = Statistics(lag_p99=0.002, lag_max=0.1, cpu_peak=0.42, cpu_window=5.0)


def written(terminal: int = 0, *, empty: bool = False, **changes: Any) -> str:
    ending = Ending(
        outcome=OUTCOME,
        health=HEALTH,
        verdict=Verdict(Level.VALID, ()),
        environment={"libcurl": "8.23.0", "Python": "3.11.7"},
        broken=(),
    )
    out = io.StringIO()
    tty = {"force_terminal": bool(terminal), "color_system": None}
    console = Console(file=out, width=terminal or 120, **tty)  # type: ignore[arg-type]
    shown = changes.pop("summary", None) or summary(empty=empty)
    report.write(console, shown, dataclasses.replace(ending, **changes))
    return out.getvalue()


def test_each_figure_has_its_clock_and_source() -> None:
    lines = written().splitlines()
    assert "shop:evening: 1,200 journeys in 10.0 s (120 per s)" in lines
    tables = [n for n, line in enumerate(lines) if line.startswith("times: ")]
    assert [lines[n].split(",")[0] for n in tables] == [
        "times: client clock (monotonic)",
        "times: wire clock",
    ]
    assert "100 requests, 90 on a connection already open" in lines
    assert "environment: libcurl 8.23.0, Python 3.11.7" in lines
    assert (
        "generator, as it saw itself: CPU at most 42% of a core over 5 s, "
        "loop lag p99 2 ms, max 100 ms" in lines
    )
    assert lines[-1] == "verdict: VALID"


def test_errors_by_kind_with_the_first_words() -> None:
    lines = written().splitlines()
    at = lines.index("10 errors, by kind")
    assert lines[at + 1 : at + 3] == [
        "        10  code 7: no",
        "            at shop.py:3:browse",
    ]
    assert "        10  in shop:browse" not in lines
    assert "        10  in shop:browse" in written(errors_by_journey=True).splitlines()


def test_errors_of_one_place_with_several_words() -> None:
    failed = summary(empty=True)
    for number in range(9):
        fault = {"type": "error", "ex_type": "MiteError", "location": "shop.py:3:browse"}
        failed.errors.add({**fault, "message": f"MiteError: {min(number, 6)} is wrong"})
    lines = written(summary=failed).splitlines()
    at = lines.index("9 errors, by kind")
    assert lines[at + 1 : at + 8] == [
        *(f"         1  MiteError: {number} is wrong" for number in range(5)),
        "         4  MiteError with yet other words",
        "            at shop.py:3:browse",
    ]


def test_percentiles_on_request() -> None:
    assert "response times: mean" not in written()
    text = written(percentiles=(50, 98))
    assert "p50 4 ms, p98 4 ms" in text
    assert "requests per second: mean" in text


def test_verdict_reasons_and_broken_thresholds() -> None:
    verdict = Verdict(Level.SUSPECT, ("it was late",))
    text = written(verdict=verdict, broken=["too slow"])
    assert text.endswith("verdict: SUSPECT\n  it was late\nfailed: too slow\n")


def test_how_it_ended() -> None:
    outcome = dataclasses.replace(OUTCOME, interrupted=True, cancelled=1, finished=1)
    text = written(outcome=outcome)
    assert "1 journey in 10.0 s (0.1 per s), interrupted" in text
    assert "1 journey did not end in time: cancelled, and left out of the transactions" in text
    aborted = dataclasses.replace(OUTCOME, fault=ConfigurationError("no data."))
    assert "1,200 journeys in 10.0 s (120 per s), aborted\n" in written(outcome=aborted)


def test_nothing_happened() -> None:
    text = written(empty=True, health=Statistics())
    assert "requests by status" not in text
    assert "by kind" not in text
    assert "CPU at most" not in text
    assert "verdict: VALID" in text


def test_requests_that_no_journey_waited_for_are_told_of() -> None:
    left = summary()
    say = PoolMessages()
    left.pools.add(say(started=100))
    left.pools.add(say(started=3))
    assert "3 requests without an answer to count: cancelled" in written(summary=left)
    left = summary(empty=True)
    left.pools.add(PoolMessages()(started=1))
    assert "1 request without an answer to count: cancelled" in written(summary=left)


def test_requests_that_no_pool_began_are_not_missed() -> None:
    plain = summary()
    plain.pools.add(PoolMessages()(started=99))
    assert "without an answer" not in written(summary=plain)


def test_connections_with_clock_and_source() -> None:
    made = summary()
    say = PoolMessages()
    made.pools.add(say(started=60, finished=58, opened=12, reused=40, in_use=2, wait_p99=9.0))
    last = say(started=40, finished=42, reused=42, retries=3, timeouts=1, evicted=2, wait_p50=0.001)
    closed = {"client": 9, "pool_limit": 2, "server_idle": 1}
    made.pools.add({**last, "wait_p99": 0.02, "closed": closed})
    lines = written(summary=made).splitlines()
    at = lines.index(
        "closed of http: 9 by the client, 2 by a limit of the pool, 1 by the server while idle"
    )
    head, row = (line.split("  ") for line in lines[at - 2 : at])
    cells = [[cell.strip() for cell in line if cell] for line in (head, row)]
    assert dict(zip(*cells, strict=True)) == {
        "connections": "http",
        "opened": "12",
        "reused": "82",
        "evicted": "2",
        "repeats": "3",
        "timeouts": "1",
        "wait p50": "1 ms",
        "wait p99": "20 ms",
    }
    assert lines[at + 1] == (
        "connections: counted by the engine's own sockets; "
        "wait for one: the client's monotonic clock"
    )


def test_many_pools_are_a_few_and_their_sum() -> None:
    made = summary()
    for number in range(12):
        made.pools.add(PoolMessages(f"http#{number}")(started=1 + number, opened=1))
    text = written(60, summary=made)
    assert "\nhttp#11 " in text
    assert "\nhttp#1 " not in text
    assert "\nall 12 " in text
    assert "(of all together: the worst pool's)" in text.replace("\n  ", " ")
    assert max(map(len, text.splitlines())) <= 60


def test_long_lines_stay_whole_and_markup_is_text() -> None:
    text = written(broken=["[bold]" + "x" * 300])
    assert "[bold]" + "x" * 300 in text


def test_the_console_is_plain_and_wide_without_a_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    console = report.console()
    assert (console.is_terminal, console.width) == (False, 1_000)


def test_a_terminal_breaks_lines_between_words() -> None:
    failed = summary(empty=True)
    words = (
        "ConnectError: code 7: Failed to connect to 127.0.0.1 port 9 after 3 ms: " + "again " * 9
    )
    failed.errors.add({"type": "error", "ex_type": "E", "location": "a.py:1:f", "message": words})
    lines = written(60, summary=failed).splitlines()
    at = lines.index("1 error, by kind")
    assert lines[at + 1] == "         1  ConnectError: code 7: Failed to connect to"
    assert lines[at + 2].startswith("            127.0.0.1 port 9 after 3 ms:")
    assert max(map(len, lines)) <= 60
    assert any(line.startswith("generator, as it saw itself: CPU") for line in lines)
