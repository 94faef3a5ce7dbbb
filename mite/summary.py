"""Adds up a run as it happens, for progress and report; memory bounded by the number of series.

Four consumers of the bus: ``Transactions`` (the client clock: monotonic, around the block),
``Requests`` (the wire clock: libcurl's own total), ``Errors`` (by kind, with their words) and
``Pools`` (connections, as the engine counts its sockets).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from mite.connections import Pool, PoolHistory, together
from mite.histogram import Histogram
from mite.stats import OTHER, SERIES_LIMIT
from mite.transport import Message

_TEXTS = 5
_TEXT_LENGTH = 1_000


@dataclass(slots=True)
class Timed:
    """One series: how many there were, how many failed, and how long all of them took."""

    count: int = 0
    errors: int = 0
    times: Histogram = field(default_factory=Histogram)


class _Quiet:
    """A consumer that holds nothing back."""

    def describe(self) -> str:
        """Its name."""
        return f"summary of {type(self).__name__.lower()}"

    def start(self) -> None:
        """Nothing to prepare."""

    def stop(self) -> None:
        """Nothing to flush."""


class Transactions(_Quiet):
    """Per journey and transaction: count, errors and durations, failed ones included.

    What the runner itself cut off at its end is in none of them.
    """

    types = frozenset({"txn"})

    def __init__(self) -> None:
        self._series: dict[tuple[str, str], Timed] = {}
        self.overflowed = 0
        """How many transactions beyond the limit of series went to "(other)"."""

    def __iter__(self) -> Iterator[tuple[str, str, Timed]]:
        for (journey, transaction), timed in sorted(self._series.items()):
            yield journey, transaction, timed

    def add(self, message: Message) -> None:
        """Count one ``txn`` message."""
        if message.get("cancelled"):
            return
        key = (message.get("journey", ""), message["transaction"])
        timed = self._series.get(key)
        if timed is None:
            timed = self._open(key)
        timed.count += 1
        if message["had_error"]:
            timed.errors += 1
        timed.times.record(message["duration"])

    def _open(self, key: tuple[str, str]) -> Timed:
        if len(self._series) >= SERIES_LIMIT:
            self.overflowed += 1
            key = (OTHER, OTHER)
        return self._series.setdefault(key, Timed())


class Requests(_Quiet):
    """HTTP requests by status, or by the class of their error; wire times of answered ones."""

    types = frozenset({"http_metrics"})

    def __init__(self) -> None:
        self._series: dict[int | str, Timed] = {}
        self.retries = 0
        self.reused = 0

    def __iter__(self) -> Iterator[tuple[int | str, Timed]]:
        yield from sorted(
            self._series.items(), key=lambda item: (isinstance(item[0], str), str(item[0]))
        )

    @property
    def count(self) -> int:
        """All requests, failed ones included."""
        return sum(timed.count for timed in self._series.values())

    def wire_times(self) -> Histogram:
        """The times of all answered requests together."""
        together = Histogram()
        for _, timed in self:
            if not timed.errors:
                together.merge(timed.times)
        return together

    def add(self, message: Message) -> None:
        """Count one ``http_metrics`` message."""
        status: int | str = message["response_code"] or message.get("error") or "no answer"
        timed = self._series.get(status)
        if timed is None:
            timed = self._series.setdefault(status, Timed())
        timed.count += 1
        timed.times.record(message["total_time"])
        if message.get("reused"):
            self.reused += 1
        if message["response_code"] == 0:
            timed.errors += 1
        if message.get("retries"):
            self.retries += message["retries"]


class Pools(_Quiet):
    """What the pools of connections say of themselves: the latest of each pool and runner."""

    types = frozenset({"http_pool"})

    def __init__(self) -> None:
        self._histories: dict[tuple[Any, str], PoolHistory] = {}
        # Of pools beyond the limit of series, only what they counted.
        self._others = Pool(OTHER)

    def __iter__(self) -> Iterator[Pool]:
        """Each pool by its name, over all runners."""
        by_name: dict[str, list[Pool]] = {}
        for history in self._histories.values():
            pool = history.pool()
            by_name.setdefault(pool.name, []).append(pool)
        if self._others.totals:
            by_name[OTHER] = [self._others]
        for name, pools in sorted(by_name.items()):
            yield together(name, pools)

    @property
    def started(self) -> int:
        """How many requests they began in all."""
        return sum(pool["started"] for pool in self)

    def add(self, message: Message) -> None:
        """Take one ``http_pool`` message."""
        key = (message.get("runner_id"), message["pool"])
        history = self._histories.get(key)
        if history is not None:
            history.add(message)
        elif len(self._histories) < SERIES_LIMIT:
            self._histories[key] = PoolHistory(message)
        else:
            more = Pool(OTHER, totals=message["changes"], closed=message["closed_changes"])
            self._others = together(OTHER, (self._others, more))


@dataclass(slots=True)
class ErrorKind:
    """Errors of one class from one place."""

    ex_type: str
    location: str
    count: int = 0
    texts: dict[str, int] = field(default_factory=dict)
    """How many had each of the first few messages, in order of appearance."""
    journeys: dict[str, int] = field(default_factory=dict)

    @property
    def other(self) -> int:
        """How many had yet another message; kept as a number only, since texts have no end."""
        return self.count - sum(self.texts.values())

    def add(self, text: str, journey: str) -> None:
        """Count one more."""
        self.count += 1
        if text in self.texts or len(self.texts) < _TEXTS:
            self.texts[text] = self.texts.get(text, 0) + 1
        if journey in self.journeys or len(self.journeys) < SERIES_LIMIT:
            self.journeys[journey] = self.journeys.get(journey, 0) + 1


class Errors(_Quiet):
    """``error`` and ``exception`` messages by kind."""

    types = frozenset({"error", "exception"})

    def __init__(self) -> None:
        self.total = 0
        self._kinds: dict[tuple[str, str], ErrorKind] = {}

    def __iter__(self) -> Iterator[ErrorKind]:
        yield from sorted(self._kinds.values(), key=lambda kind: -kind.count)

    def add(self, message: Message) -> None:
        """Count one message."""
        self.total += 1
        key = (message.get("ex_type", ""), message.get("location", ""))
        kind = self._kinds.get(key)
        if kind is None:
            kind = self._open(key)
        kind.add(str(message.get("message", ""))[:_TEXT_LENGTH], message.get("journey", ""))

    def by_journey(self) -> dict[str, int]:
        """How many errors each journey had."""
        totals: dict[str, int] = {}
        for kind in self._kinds.values():
            for journey, count in kind.journeys.items():
                totals[journey] = totals.get(journey, 0) + count
        return totals

    def _open(self, key: tuple[str, str]) -> ErrorKind:
        if len(self._kinds) >= SERIES_LIMIT:
            key = (OTHER, "")
        return self._kinds.setdefault(key, ErrorKind(*key))
