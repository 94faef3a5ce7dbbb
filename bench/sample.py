"""One run of one client in one cell, as the client reports it and as the server saw it."""

import json
from dataclasses import dataclass
from typing import Any

from bench.process import Outcome
from bench.server import Count


@dataclass(frozen=True, slots=True)
class Sample:
    """`requests` answered well in the measured window of `seconds`, and what they cost.

    `total` requests of the process's whole life stand against `served`, the server's count of them;
    up to `unfinished` of the server's were never waited for. `invalid` says why the run does not
    count, or nothing.
    """

    requests: int
    seconds: float
    cpu_seconds: float
    errors: int
    total: int
    unfinished: int
    served: int
    connections: int
    peak_rss_kb: int | None
    libcurl: str
    foreign: float
    invalid: str
    note: str

    @property
    def rate(self) -> float:
        """Requests per second."""
        return self.requests / self.seconds if self.seconds > 0 else 0.0

    @property
    def cpu_us(self) -> float | None:
        """CPU microseconds per request, or None when there was no request."""
        return self.cpu_seconds / self.requests * 1e6 if self.requests else None


def _served(before: Count, after: Count) -> tuple[int, int]:
    """Requests and connections between two questions, of which the second is one of each."""
    return after.requests - before.requests - 1, after.accepts - before.accepts - 1


def _disagreement(total: int, unfinished: int, served: int) -> str:
    if total <= served <= total + unfinished:
        return ""
    return f"the server counted {served:,} requests, the client {total:,}"


def _last_words(outcome: Outcome) -> str:
    lines = outcome.complaint.strip().splitlines()
    return (
        f"exit {outcome.code}: {lines[-1][:120]}"
        if lines
        else f"exit {outcome.code} without a word"
    )


def from_line(line: dict[str, Any], outcome: Outcome, before: Count, after: Count) -> Sample:
    """The sample of a client that printed its JSON line."""
    served, connections = _served(before, after)
    errors = int(line["errors"])
    doubt = "" if outcome.killed else _disagreement(line["total"], line["unfinished"], served)
    invalid = (
        f"{errors:,} errors: {line['first_error'] or 'wrong status or length'}"[:160]
        if errors
        else ""
    )
    return Sample(
        requests=int(line["requests"]),
        seconds=float(line["seconds"]),
        cpu_seconds=float(line["cpu_seconds"]),
        errors=errors,
        total=int(line["total"]),
        unfinished=int(line["unfinished"]),
        served=served,
        connections=connections,
        peak_rss_kb=line["peak_rss_kb"],
        libcurl=str(line["libcurl"]),
        foreign=outcome.foreign,
        invalid=invalid or doubt,
        note="killed at the hard limit while closing" if outcome.killed else "",
    )


def from_server(outcome: Outcome, before: Count, after: Count) -> Sample:
    """The sample of a client that said nothing: what the server saw of it."""
    served, connections = _served(before, after)
    return Sample(
        requests=served,
        seconds=outcome.seconds,
        cpu_seconds=outcome.cpu_seconds,
        errors=0,
        total=served,
        unfinished=0,
        served=served,
        connections=connections,
        peak_rss_kb=None,
        libcurl="",
        foreign=outcome.foreign,
        invalid="" if outcome.killed else _last_words(outcome),
        note="killed at the hard limit; the server's count, start-up included"
        if outcome.killed
        else "",
    )


def judge(outcome: Outcome, before: Count, after: Count) -> Sample:
    """The sample of a client that prints a JSON line, however it ended."""
    for text in reversed(outcome.output.splitlines()):
        if text.startswith("{"):
            return from_line(json.loads(text), outcome, before, after)
    return from_server(outcome, before, after)
