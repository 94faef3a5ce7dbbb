"""The words of the command line turned into values; everything that is wrong is said at once."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import docopt

from mite import __version__, specs
from mite.cli.usage import USAGE
from mite.exceptions import ConfigurationError
from mite.runner import Settings
from mite.thresholds import UpstreamThresholds

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")

_LOOPBACK = "127.0.0.1"
_LAST_PORT = 65_535
_ADDRESS = re.compile(r"((\[(?P<six>[^\[\]]+)\]|(?P<host>[^:\[\]\s]*)):)?(?P<port>[0-9]{1,5})")

Words = dict[str, Any]


@dataclass(frozen=True, slots=True)
class RunOptions:
    """Options of every command that runs journeys in this process."""

    config: str
    additions: tuple[str, ...]
    volume: int
    settings: Settings
    thresholds: UpstreamThresholds
    report: bool
    hide_progress: bool
    journey_logging: bool
    log_level: str
    working_directory: bool
    webhook: str | None
    memory_tracing: bool
    message_processors: str
    prometheus: tuple[str, int] | None
    """Host and port of the page of metrics; None when there is to be none."""
    strict: bool
    recorder_directory: str
    collector_directory: str | None
    """None when messages are not to be kept."""
    collector_roll: int
    words: Mapping[str, Any] = field(repr=False, compare=False, default_factory=dict)
    """All of the command line, by the options' own names: what message processors are made with."""


def parse(arguments: Sequence[str]) -> Words:
    """docopt's dictionary, or a sentence that says what was not understood."""
    _refuse_unknown(arguments)
    try:
        return dict(docopt.docopt(USAGE, argv=list(arguments), version=f"mite {__version__}"))
    except docopt.DocoptExit:
        raise ConfigurationError(_misuse(arguments)) from None


def run_options(words: Words) -> RunOptions:
    """The options of a run, or a ConfigurationError that lists all that are wrong."""
    reader = _Reader(words)
    options = RunOptions(
        config=words["--config"],
        additions=tuple(words["--add-to-config"]),
        volume=reader.whole("--volume", above_zero=True),
        settings=_settings(reader),
        thresholds=_thresholds(reader),
        report=words["--report"],
        hide_progress=words["--hide-constant-logs"],
        journey_logging=words["--journey-logging"],
        log_level=reader.one_of("--log-level", LEVELS),
        working_directory=not words["--exclude-working-directory"],
        webhook=words["--logging-webhook"] or os.environ.get("MITE_LOGGING_URL"),
        memory_tracing=words["--memory-tracing"],
        message_processors=words["--message-processors"] or "",
        prometheus=reader.address("--prometheus"),
        strict=words["--strict"],
        recorder_directory=words["--recorder-dir"],
        collector_directory=words["--collector-dir"],
        collector_roll=reader.whole("--collector-roll", above_zero=True),
        words=words,
    )
    if reader.faults:
        raise ConfigurationError(*reader.faults)
    return options


def _settings(reader: _Reader) -> Settings:
    reader.amount("--min-loop-delay")
    return Settings(
        period=reader.amount("--max-loop-delay", above_zero=True),
        spawn_rate=reader.amount("--spawn-rate", above_zero=True),
        max_journeys=(
            reader.whole("--runner-max-journeys", above_zero=True) if reader.given() else None
        ),
        start_delay=reader.amount("--delay-start-seconds"),
        debug=bool(reader.words["--debugging"]),
    )


def _thresholds(reader: _Reader) -> UpstreamThresholds:
    return UpstreamThresholds(
        max_errors=reader.whole("--max-errors-threshold"),
        max_response_time=reader.whole("--max-response-time-threshold"),
        mean_response_time=reader.whole("--mean-response-time-threshold"),
        deviation_response_time=reader.whole("--standard-deviation-response-time-threshold"),
        deviation_rate=reader.whole("--standard-deviation-req-sec-threshold"),
        percentiles=reader.percentiles("--benchmark-percentiles"),
    )


class _Reader:
    """Reads values out of docopt's dictionary and collects what is wrong with them."""

    def __init__(self, words: Mapping[str, Any]) -> None:
        self.words = words
        self.faults: list[str] = []

    def given(self) -> bool:
        """Whether the one option without a default was given."""
        return self.words["--runner-max-journeys"] is not None

    def whole(self, name: str, *, above_zero: bool = False) -> int:
        """A whole number from 0 on, or above it."""
        text = str(self.words[name])
        digits = text.isascii() and text.isdigit() and len(text) <= 12
        if digits and (int(text) > 0 or not above_zero):
            return int(text)
        allowed = "above zero" if above_zero else "not below zero"
        return int(self._wrong(name, text, f"a whole number, {allowed}"))

    def amount(self, name: str, *, above_zero: bool = False) -> float:
        """A number from 0 on, or above it."""
        text = str(self.words[name])
        if re.fullmatch(r"\d{1,12}(\.\d*)?|\.\d+", text) and (float(text) > 0 or not above_zero):
            return float(text)
        return self._wrong(name, text, f"a number {'above' if above_zero else 'not below'} zero")

    def one_of(self, name: str, allowed: Sequence[str]) -> str:
        """One of some words, in any case."""
        text = str(self.words[name])
        if text.upper() not in allowed:
            self._wrong(name, text, f"one of {', '.join(allowed)}")
        return text.upper()

    def address(self, name: str) -> tuple[str, int] | None:
        """Host and port to listen on, this machine's own when no host is named; None if unset."""
        text = self.words[name]
        if text is None:
            return None
        found = _ADDRESS.fullmatch(text)
        if found and int(found["port"]) <= _LAST_PORT:
            return found["six"] or found["host"] or _LOOPBACK, int(found["port"])
        self._wrong(name, text, "HOST:PORT, such as 127.0.0.1:9301, or a port of this machine's")
        return None

    def percentiles(self, name: str) -> tuple[tuple[int, int], ...]:
        """Pairs of percentile and limit, percentile:limit,percentile:limit."""
        text = str(self.words[name])
        pairs = [re.fullmatch(r"(\d{1,2}):(\d{1,9})", pair) for pair in text.split(",")]
        if not all(pair and int(pair[1]) for pair in pairs):
            allowed = (
                "percentile:milliseconds pairs with percentiles from 1 to 99, such as 50:0,99:250"
            )
            self._wrong(name, text, allowed)
        return tuple((int(pair[1]), int(pair[2])) for pair in pairs if pair)

    def _wrong(self, name: str, text: str, allowed: str) -> float:
        self.faults.append(f"{name}={text} is not possible: it must be {allowed}.")
        return 0


# Upstream's options that have a meaning only where a run is spread over processes.
_ELSEWHERE = frozenset(
    {
        "--collector-filter",
        "--collector-socket",
        "--collector-use-json",
        "--controller-socket",
        "--message-backend",
        "--message-socket",
        "--recorder-socket",
        "--stats-exclude-processors",
        "--stats-in-socket",
        "--stats-include-processors",
        "--stats-out-socket",
        "--web-address",
    }
)
_IN_ONE = "journey run, journey test and scenario test have only one process and do not take it"


def _refuse_unknown(arguments: Sequence[str]) -> None:
    known = sorted(set(re.findall(r"--[a-z][a-z-]*", USAGE)))
    faults = []
    for argument in arguments:
        name = argument.partition("=")[0]
        if argument.startswith("--") and not any(option.startswith(name) for option in known):
            if name in _ELSEWHERE:
                faults.append(f"{name} is for the processes of a distributed run: {_IN_ONE}.")
                continue
            close = specs.suggestions(name, known)
            hint = f"did you mean {' or '.join(close)}?" if close else "see mite --help."
            faults.append(f"there is no option {name}; {hint}")
    if faults:
        raise ConfigurationError(*faults)


_COMMANDS = {"journey": ("run", "test"), "scenario": ("test",), "demo-target": ()}


def _misuse(arguments: Sequence[str]) -> str:
    """What docopt does not say: which word it stumbled over."""
    words = [argument for argument in arguments if not argument.startswith("-")]
    if not words:
        return "no command given; mite --help lists them."
    command, *rest = words
    if command not in _COMMANDS:
        close = specs.suggestions(command, list(_COMMANDS))
        hint = f"did you mean {close[0]}?" if close else "mite --help lists them."
        return f"there is no command {command!r}; {hint}"
    acts = _COMMANDS[command]
    if acts and (not rest or rest[0] not in acts):
        given = f"{command} {rest[0]}" if rest else command
        return (
            f"there is no command {given!r}; it is {' or '.join(f'{command} {a}' for a in acts)}."
        )
    usages = re.findall(r"^    mite .*(?:\n {8,}\[.*)*", USAGE, re.MULTILINE)
    line = next(
        " ".join(text.split()) for text in usages if " ".join(words[: 1 + bool(acts)]) in text
    )
    return f"{' '.join(arguments)!r} cannot be understood; the usage is: {line}"
