"""Upstream's message processors: they write what happens in a run to the log.

All are made with ``opts``, the options of the command by their names, and none keeps more than a
bounded summary of what it saw.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from mite.clock import monotonic
from mite.histogram import Histogram
from mite.stats import OTHER, SERIES_LIMIT
from mite.transport import Message

_SHOWN_JOURNEYS = 20
_PERCENTILES = (25, 50, 75, 90, 99, 99.9)
_APART = frozenset({"type", "time", "stacktrace"})
_TOLD_BELOW = frozenset({"message", "ex_type"})


class MsgOutput:
    """Logs errors that carry a stack trace as warnings, and everything at level DEBUG."""

    def __init__(self, opts: Mapping[str, Any]) -> None:
        self._logger = logging.getLogger("MSG")

    def process_message(self, msg: Message) -> None:
        """Log one message."""
        trace = msg.get("stacktrace")
        level = logging.WARNING if trace else logging.DEBUG
        if not self._logger.isEnabledFor(level):
            return
        apart = _APART | _TOLD_BELOW if trace else _APART
        fields = ", ".join(f"{key}={msg[key]}" for key in sorted(msg) if key not in apart)
        head = f"[{msg.get('type')}] {msg.get('time') or 0.0:.6f} {fields}"
        if trace:
            self._logger.warning("%s\n%s\n%s", head, msg.get("message"), trace)
        else:
            self._logger.debug("%s", head)


class DebugMessageOutput:
    """Logs the text of ``ctx.send("debug_console_message", text=...)``."""

    types = frozenset({"debug_console_message"})

    def __init__(self, opts: Mapping[str, Any]) -> None:
        self._logger = logging.getLogger("Debug Logger")

    def process_message(self, message: Message) -> None:
        """Log one message's text, if it has one."""
        text = message.get("text")
        if message.get("type") in self.types and text:
            self._logger.info("%s", text)


class GenericStatsOutput:
    """Logs every ``period`` seconds how many requests there were and how long they took.

    A subclass says which messages are requests (``message_types``; each has a ``total_time`` in
    seconds) and what its log is called (``log_name``).
    """

    message_types: ClassVar[set[str] | frozenset[str]] = frozenset()
    log_name: ClassVar[str] = "Generic"

    def __init__(self, opts: Mapping[str, Any], period: float = 2) -> None:
        self.period = period
        self.clock: Callable[[], float] = monotonic
        self._logger = logging.getLogger(f"{self.log_name} Stats")
        self._quiet = bool(opts.get("--hide-constant-logs"))
        self._by_journey = bool(opts.get("--journey-logging"))
        self._journeys: Counter[str] = Counter()
        self._since: float | None = None
        self._requests = 0
        self._errors = 0
        self._recent_errors = 0
        self._recent = Histogram()

    @property
    def error_total(self) -> int:
        """How many errors and exceptions there were."""
        return self._errors

    def process_message(self, message: Message) -> None:
        """Count one message; log what was counted when the period is over."""
        now = self.clock()
        if self._since is None:
            self._since = now
        elif now - self._since >= self.period:
            self.print_output(now)
        kind = message.get("type")
        if kind in self.message_types:
            self._requests += 1
            self._recent.record(message["total_time"])
        elif kind in {"error", "exception"}:
            self._errors += 1
            self._recent_errors += 1
            if self._by_journey:
                self._blame(str(message.get("journey")))

    def print_output(self, now: float) -> None:
        """Log what was counted, and begin the next period at ``now`` seconds of the clock."""
        elapsed = now - (now if self._since is None else self._since)
        if self._by_journey:
            for journey, count in self._journeys.most_common(_SHOWN_JOURNEYS):
                self._logger.info("Errors in %s: %d", journey, count)
        if not self._quiet:
            self._logger.info("In all: %d requests, %d errors", self._requests, self._errors)
            self._logger.info("Last %.1f s: %s", elapsed, self._latest(elapsed))
        self._since = now
        self._recent_errors = 0
        self._recent = Histogram()

    def _latest(self, elapsed: float) -> str:
        seen = self._recent
        count = seen.count
        rate = count / elapsed if elapsed else 0.0
        head = f"{count} requests, {self._recent_errors} errors, {rate:.1f} requests/s"
        if not count:
            return head
        steps = " ".join(f"{p}%:{seen.percentile(p):.6f}" for p in _PERCENTILES)
        return f"{head}, seconds min:{seen.min:.6f} {steps} max:{seen.max:.6f}"

    def _blame(self, journey: str) -> None:
        if journey not in self._journeys and len(self._journeys) >= SERIES_LIMIT:
            journey = OTHER
        self._journeys[journey] += 1


class HttpStatsOutput(GenericStatsOutput):
    """For the requests of ``mite_http``, and of upstream's browser plugin."""

    message_types = frozenset(
        {"http_metrics", "selenium_page_load_metrics", "selenium_network_resource_metrics"}
    )
    log_name = "Http"


class FinagleStatsOutput(GenericStatsOutput):
    """For the requests of upstream's finagle plugin."""

    message_types = frozenset({"finagle_metrics"})
    log_name = "Finagle"
