"""The figures of a run at one moment, taken together so that they agree with each other."""

from __future__ import annotations

from dataclasses import dataclass

from mite.connections import Pool, shortlist
from mite.context import ROOT
from mite.health import Statistics
from mite.rates import Rates
from mite.runner import Progress, Runner
from mite.summary import Errors, Pools, Requests, Timed, Transactions

_SHOWN_POOLS = 3


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table; times in seconds."""

    name: str
    count: int
    errors: int
    rate: float
    """Per second, over the whole run."""
    p50: float
    p95: float
    p99: float
    max: float


@dataclass(frozen=True, slots=True)
class Figures:
    """What a view shows."""

    test: str
    planned: float | None
    """Seconds; None when a volume model does not say."""
    progress: Progress
    journeys_rate: float
    """Journeys finished per second, over the last second."""
    requests: int
    requests_rate: float
    errors: int
    transactions: tuple[Row, ...]
    pools: tuple[Pool, ...]
    """A few of the pools of connections and, if there are more, the sum of all."""
    health: Statistics


class Summary:
    """All that is added up of a run, and how its figures are taken."""

    def __init__(self, test: str, planned: float | None) -> None:
        self.test = test
        self.planned = planned
        self.transactions = Transactions()
        self.requests = Requests()
        self.errors = Errors()
        self.pools = Pools()
        self.request_rates = Rates()
        self._journey_rates = Rates()

    def step(self, progress: Progress) -> None:
        """Note the totals of this moment, for the rates; to be called once a second."""
        self.request_rates.add(progress.elapsed, self.requests.count)
        self._journey_rates.add(progress.elapsed, progress.finished)

    def figures(self, runner: Runner) -> Figures:
        """The figures of now."""
        progress = runner.progress()
        return Figures(
            test=self.test,
            planned=self.planned,
            progress=progress,
            journeys_rate=self._journey_rates.latest,
            requests=self.requests.count,
            requests_rate=self.request_rates.latest,
            errors=self.errors.total,
            transactions=self.transaction_rows(progress.elapsed),
            pools=self.pool_rows(_SHOWN_POOLS),
            health=runner.health.statistics(),
        )

    def transaction_rows(self, elapsed: float) -> tuple[Row, ...]:
        """A row per transaction, each journey's own before those inside it."""
        return tuple(
            row(_shown(journey, name), timed, elapsed) for journey, name, timed in self.transactions
        )

    def request_rows(self, elapsed: float) -> tuple[Row, ...]:
        """A row per status or kind of failure."""
        return tuple(row(str(status), timed, elapsed) for status, timed in self.requests)

    def pool_rows(self, most: int) -> tuple[Pool, ...]:
        """Pools that were used: at most so many, and the sum of all if there are more."""
        return shortlist([pool for pool in self.pools if pool["started"]], most)


def row(name: str, timed: Timed, elapsed: float) -> Row:
    """The row of one series."""
    times = timed.times
    return Row(
        name=name,
        count=timed.count,
        errors=timed.errors,
        rate=timed.count / elapsed if elapsed > 0 else 0.0,
        p50=times.percentile(50),
        p95=times.percentile(95),
        p99=times.percentile(99),
        max=times.max,
    )


def _shown(journey: str, transaction: str) -> str:
    """The journey for its root transaction, indented names for those inside."""
    inside = printable(str(transaction).removeprefix(f"{ROOT} :: "))
    return journey if transaction == ROOT else f"  {inside}"


def printable(text: str) -> str:
    """Text of the user's or the target's, in which nothing commands a terminal or breaks a line."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def seconds(value: float) -> str:
    """A duration with its unit, in three digits or so."""
    if value < 0.001:
        return f"{value * 1e6:.0f} us"
    if value < 1:
        return f"{value * 1e3:.3g} ms" if value < 0.1 else f"{value * 1e3:.0f} ms"
    return f"{value:.2f} s" if value < 100 else f"{value:.0f} s"


def counted(count: int, noun: str) -> str:
    """``1 journey``, ``2 journeys``."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def number(value: float) -> str:
    """A rate: one decimal where it matters."""
    return f"{value:,.1f}" if value < 100 else f"{value:,.0f}"
