"""The report at the end of a run: tables, errors with their causes, environment, verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.text import Text

from mite.health import Statistics
from mite.reporting import tables
from mite.reporting.figures import Summary, number, seconds
from mite.runner import Outcome
from mite.verdict import Level, Verdict

_PLAIN_WIDTH = 120
_MOST_KINDS = 20
_STYLES = {Level.VALID: "bold green", Level.SUSPECT: "bold yellow", Level.INVALID: "bold red"}


@dataclass(frozen=True, slots=True)
class Ending:
    """What is known when a run has ended."""

    outcome: Outcome
    health: Statistics
    verdict: Verdict
    environment: Mapping[str, str]
    broken: Sequence[str]
    """A sentence for each threshold that was exceeded."""
    percentiles: Sequence[int] = ()
    """Percentiles of the response times to print, for ``--report``."""
    errors_by_journey: bool = False


def console() -> Console:
    """Standard output; colours only on a terminal, and none with NO_COLOR."""
    made = Console(highlight=False)
    return made if made.is_terminal else Console(highlight=False, width=_PLAIN_WIDTH)


def write(out: Console, summary: Summary, end: Ending) -> None:
    """Print the report."""
    outcome = end.outcome
    out.print()
    out.print(
        f"{summary.test}: {outcome.finished:,} journeys in {outcome.elapsed:.1f} s"
        f" ({number(outcome.finished / outcome.elapsed if outcome.elapsed else 0.0)} per s)"
        + (", interrupted" if outcome.interrupted else "")
    )
    if outcome.cancelled:
        out.print(f"{outcome.cancelled:,} journeys did not end by themselves and were cancelled")
    rows = summary.transaction_rows(outcome.elapsed)
    if rows:
        out.print()
        out.print(tables.transactions(rows))
        _note(
            out, "times: client clock (monotonic, from entering to leaving the block, failed ones"
        )
        _note(out, "included), as the journeys saw them")
    _requests(out, summary, end)
    _errors(out, summary, end)
    _environment(out, end)
    _verdict(out, end)


def _requests(out: Console, summary: Summary, end: Ending) -> None:
    requests = summary.requests
    if not requests.count:
        return
    out.print()
    out.print(tables.requests(summary.request_rows(end.outcome.elapsed)))
    _note(out, "times: wire clock (libcurl's total of each request, as it reports them)")
    times = requests.wire_times()
    if end.percentiles and times.count:
        shown = ", ".join(f"p{p} {seconds(times.percentile(p))}" for p in end.percentiles)
        out.print(
            f"response times: mean {seconds(times.mean)}, min {seconds(times.min)}, "
            f"max {seconds(times.max)}, standard deviation {seconds(times.deviation)}, {shown}"
        )
        rates = summary.request_rates
        out.print(
            f"requests per second: mean {number(rates.mean)}, max {number(rates.most)}, "
            f"standard deviation {number(rates.deviation)}"
        )
    out.print(
        f"{requests.count:,} requests, {requests.reused:,} on a connection already open"
        + (f", {requests.retries:,} repeated by the client" if requests.retries else "")
    )


def _errors(out: Console, summary: Summary, end: Ending) -> None:
    errors = summary.errors
    if not errors.total:
        return
    out.print()
    out.print(Text(f"{errors.total:,} errors, by kind", style="bold"))
    for kind in list(errors)[:_MOST_KINDS]:
        out.print(Text(f"  {kind.count:>8,}  {kind.first.splitlines()[0] if kind.first else '?'}"))
        _note(out, f"            at {kind.location}")
    if end.errors_by_journey:
        for journey, count in errors.by_journey().items():
            out.print(Text(f"  {count:>8,}  errors in {journey}"))


def _environment(out: Console, end: Ending) -> None:
    out.print()
    facts = ", ".join(f"{name} {value}" for name, value in end.environment.items())
    health = end.health
    out.print(
        f"environment: {facts}; generator by itself: CPU at most {health.cpu_peak:.0%} of a core, "
        f"loop lag p99 {seconds(health.lag_p99)}, max {seconds(health.lag_max)}"
    )


def _verdict(out: Console, end: Ending) -> None:
    out.print()
    line = Text("verdict: ")
    line.append(str(end.verdict), style=_STYLES[end.verdict.level])
    out.print(line)
    for reason in end.verdict.reasons:
        out.print(Text(f"  {reason}"))
    for sentence in end.broken:
        out.print(Text(f"failed: {sentence}", style="red"))


def _note(out: Console, text: str) -> None:
    out.print(Text(text, style="dim"))
