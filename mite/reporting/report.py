"""The report at the end of a run: tables, errors with their causes, environment, verdict."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.text import Text

from mite.failure import NOWHERE
from mite.health import Statistics
from mite.reporting import tables
from mite.reporting.figures import Summary, counted, number, printable, seconds
from mite.runner import Outcome
from mite.verdict import Level, Verdict

_PLAIN_WIDTH = 1_000
_MOST_KINDS = 20
_MOST_POOLS = 10
_REASONS = {
    "server": "by the server after an answer",
    "server_idle": "by the server while idle",
    "server_limit": "by the server at its limit of requests",
    "pool_limit": "by a limit of the pool",
    "expired": "for their age",
    "client": "by the client",
    "error": "after an error",
}
"""Why a connection was closed."""
_UNDER = 12
"""Where the words of an error begin, after their count."""
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
    """Standard output; colours only on a terminal, none with NO_COLOR; elsewhere, no line ends."""
    made = Console(highlight=False)
    return made if made.is_terminal else Console(highlight=False, width=_PLAIN_WIDTH)


def write(out: Console, summary: Summary, end: Ending) -> None:
    """Print the report."""
    outcome = end.outcome
    rate = outcome.finished / outcome.elapsed if outcome.elapsed else 0.0
    _say(out)
    _say(
        out,
        f"{summary.test}: {counted(outcome.finished, 'journey')} in {outcome.elapsed:.1f} s"
        f" ({number(rate)} per s){_cut_short(outcome)}",
    )
    if outcome.cancelled:
        _say(
            out,
            f"{counted(outcome.cancelled, 'journey')} did not end in time: cancelled, "
            "and left out of the transactions",
        )
    if outcome.stuck:
        _say(out, f"{counted(outcome.stuck, 'journey')} would not end even when cancelled")
    rows = summary.transaction_rows(outcome.elapsed)
    if rows:
        _say(out)
        out.print(tables.transactions(rows, out.width))
        _note(
            out, "times: client clock (monotonic), from entering to leaving each block, failed too"
        )
    _requests(out, summary, end)
    _pools(out, summary)
    _errors(out, summary, end)
    _environment(out, end)
    _verdict(out, end)


def _cut_short(outcome: Outcome) -> str:
    if outcome.fault is not None:
        return ", aborted"
    return ", interrupted" if outcome.interrupted else ""


def _requests(out: Console, summary: Summary, end: Ending) -> None:
    requests = summary.requests
    left = summary.pools.started - requests.count
    if left > 0:
        _say(out)
        _say(
            out,
            f"{counted(left, 'request')} without an answer to count: cancelled by the journey, "
            "or still under way when it ended",
        )
    if not requests.count:
        return
    _say(out)
    out.print(tables.requests(summary.request_rows(end.outcome.elapsed), out.width))
    _note(out, "times: wire clock, libcurl's total for each request")
    _say(
        out,
        f"{counted(requests.count, 'request')}, {requests.reused:,} on a connection already open"
        + (f", {requests.retries:,} repeated by the client" if requests.retries else ""),
    )
    if end.percentiles:
        _percentiles(out, summary, end)


def _pools(out: Console, summary: Summary) -> None:
    rows = summary.pool_rows(_MOST_POOLS)
    if not rows:
        return
    _say(out)
    out.print(tables.pools(rows, out.width))
    for pool in rows:
        why = [f"{count:,} {_REASONS.get(key, key)}" for key, count in pool.closed.items() if count]
        if why:
            _say(out, f"closed of {pool.name}: {', '.join(why)}")
    worst = " (of all together: the worst pool's)" if len(rows) > _MOST_POOLS else ""
    _note(
        out,
        "connections: counted by the engine's own sockets; wait for one: the client's monotonic "
        f"clock{worst}",
    )


def _percentiles(out: Console, summary: Summary, end: Ending) -> None:
    times, rates = summary.requests.wire_times(), summary.request_rates
    shown = ", ".join(f"p{p} {seconds(times.percentile(p))}" for p in end.percentiles)
    _say(
        out,
        f"response times: mean {seconds(times.mean)}, min {seconds(times.min)}, "
        f"max {seconds(times.max)}, standard deviation {seconds(times.deviation)}, {shown}",
    )
    _say(
        out,
        f"requests per second: mean {number(rates.mean)}, max {number(rates.most)}, "
        f"standard deviation {number(rates.deviation)}",
    )


def _errors(out: Console, summary: Summary, end: Ending) -> None:
    errors = summary.errors
    if not errors.total:
        return
    _say(out)
    _say(out, f"{counted(errors.total, 'error')}, by kind", style="bold")
    for kind in list(errors)[:_MOST_KINDS]:
        for text, count in kind.texts.items():
            _say(out, f"  {count:>8,}  {_first_line(text)}", hang=_UNDER)
        if kind.other:
            _say(out, f"  {kind.other:>8,}  {kind.ex_type} with yet other words")
        where = "in no line of the journey" if kind.location == NOWHERE else f"at {kind.location}"
        _note(out, f"{' ' * _UNDER}{where}", _UNDER)
    if end.errors_by_journey:
        for journey, count in errors.by_journey().items():
            _say(out, f"  {count:>8,}  in {journey}")


def _first_line(text: str) -> str:
    return text.partition("\n")[0]


def _environment(out: Console, end: Ending) -> None:
    facts = ", ".join(f"{name} {value}" for name, value in end.environment.items())
    health = end.health
    cpu = f"CPU at most {health.cpu_peak:.0%} of a core over {health.cpu_window:.0f} s, "
    _say(out)
    _say(out, f"environment: {facts}")
    _say(
        out,
        f"generator, as it saw itself: {cpu if health.cpu_window >= 1 else ''}"
        f"loop lag p99 {seconds(health.lag_p99)}, max {seconds(health.lag_max)}",
    )


def _verdict(out: Console, end: Ending) -> None:
    _say(out)
    line = Text("verdict: ")
    line.append(str(end.verdict), style=_STYLES[end.verdict.level])
    out.print(line)
    for reason in end.verdict.reasons:
        _say(out, f"  {reason}")
    for sentence in end.broken:
        _say(out, f"failed: {sentence}", style="red")


def _say(out: Console, text: str = "", style: str = "", hang: int = 2) -> None:
    """A line, on a terminal broken between words only; elsewhere never, so that it can be found."""
    text = printable(text)
    if out.is_terminal:
        lines = textwrap.wrap(
            text,
            out.width,
            subsequent_indent=" " * hang,
            break_long_words=False,
            break_on_hyphens=False,
        )
        text = "\n".join(lines)
    out.print(Text(text, style=style), soft_wrap=True)


def _note(out: Console, text: str, hang: int = 2) -> None:
    _say(out, text, style="dim", hang=hang)
