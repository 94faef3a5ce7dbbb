import logging
from collections.abc import Mapping
from typing import Any

import pytest

from mite.clock import FakeClock
from mite.logoutput import (
    DebugMessageOutput,
    FinagleStatsOutput,
    GenericStatsOutput,
    HttpStatsOutput,
    MsgOutput,
)
from mite.stats import SERIES_LIMIT
from mite.transport import Message

FAILED: Message = {
    "type": "exception",
    "time": 12.5,
    "journey": "j:a",
    "ex_type": "ValueError",
    "message": "ValueError: no",
    "stacktrace": "  File a.py\n",
}


def logged(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    return [(record.levelname, record.getMessage()) for record in caplog.records]


def test_msg_output_logs_stack_traces_as_warnings(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        MsgOutput({}).process_message(dict(FAILED))
        MsgOutput({}).process_message({"type": "txn", "time": 1.0})
    assert logged(caplog) == [
        ("WARNING", "[exception] 12.500000 journey=j:a\nValueError: no\n  File a.py\n")
    ]


def test_msg_output_logs_everything_for_debugging(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        MsgOutput({}).process_message({"type": "txn", "time": 1.0, "b": 2, "a": "100 %s"})
        MsgOutput({}).process_message({"type": "error", "message": "no"})
    assert logged(caplog) == [
        ("DEBUG", "[txn] 1.000000 a=100 %s, b=2"),
        ("DEBUG", "[error] 0.000000 message=no"),
    ]


def test_debug_message_output_logs_their_text_alone(caplog: pytest.LogCaptureFixture) -> None:
    output = DebugMessageOutput({})
    with caplog.at_level(logging.INFO):
        output.process_message({"type": "debug_console_message", "text": "at 100 %s"})
        output.process_message({"type": "debug_console_message"})
        output.process_message({"type": "other", "text": "not this"})
    assert logged(caplog) == [("INFO", "at 100 %s")]


def fed(
    output: GenericStatsOutput, messages: list[Message], seconds: float = 2.0
) -> GenericStatsOutput:
    """All messages at once, and one more when the period is over."""
    clock = FakeClock()
    output.clock = clock
    for message in messages:
        output.process_message(message)
    clock.advance(seconds)
    output.process_message({"type": "other"})
    return output


@pytest.mark.parametrize(
    ("output", "kind"), [(HttpStatsOutput, "http_metrics"), (FinagleStatsOutput, "finagle_metrics")]
)
def test_stats_output_logs_each_period(
    caplog: pytest.LogCaptureFixture, output: type[GenericStatsOutput], kind: str
) -> None:
    messages: list[Message] = [{"type": kind, "total_time": n / 1000} for n in range(1, 101)]
    with caplog.at_level(logging.INFO):
        made = fed(output({}), [*messages, {"type": "error"}, dict(FAILED)], seconds=4.0)
    assert made.error_total == 2
    first, second = (text for _, text in logged(caplog))
    assert first == "In all: 100 requests, 2 errors"
    assert second.startswith("Last 4.0 s: 100 requests, 2 errors, 25.0 requests/s, seconds min:")
    shown = dict(part.split(":") for part in second.partition("seconds ")[2].split())
    assert float(shown["min"]) == 0.001
    assert float(shown["50%"]) == pytest.approx(0.050, rel=0.005)
    assert float(shown["max"]) == 0.1
    caplog.clear()
    with caplog.at_level(logging.INFO):
        made.print_output(made.clock() + 2)
    assert [text for _, text in logged(caplog)] == [
        "In all: 100 requests, 2 errors",
        "Last 2.0 s: 0 requests, 0 errors, 0.0 requests/s",
    ]


@pytest.mark.parametrize(
    ("opts", "expected"),
    [
        ({"--hide-constant-logs": True}, []),
        ({"--hide-constant-logs": True, "--journey-logging": True}, ["Errors in j:a: 1"]),
    ],
)
def test_stats_output_heeds_the_options(
    caplog: pytest.LogCaptureFixture, opts: Mapping[str, Any], expected: list[str]
) -> None:
    with caplog.at_level(logging.INFO):
        fed(HttpStatsOutput(opts), [dict(FAILED)])
    assert [text for _, text in logged(caplog)] == expected


def test_memory_does_not_grow_with_the_run(caplog: pytest.LogCaptureFixture) -> None:
    output = HttpStatsOutput({"--journey-logging": True})
    for number in range(3 * SERIES_LIMIT):
        output.process_message({"type": "error", "journey": f"j:{number}"})
        output.process_message({"type": "http_metrics", "total_time": 0.5})
    assert output.error_total == 3 * SERIES_LIMIT
    assert len(output._journeys) == SERIES_LIMIT + 1
    assert len(output._recent._buckets) == 1
