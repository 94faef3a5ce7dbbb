"""Runs journeys in this process: wires bus, summary, runner, view and report together."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import gc
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from mite import config, environment, plan, processors, specs, stats, verdict
from mite.cli import logs, loop, signals
from mite.cli.options import RunOptions
from mite.collector import Collector
from mite.config import ConfigManager
from mite.exceptions import ConfigurationError
from mite.exitcodes import ExitCode, weightiest
from mite.logoutput import DebugMessageOutput
from mite.memory import MemoryTracing
from mite.recorder import Recorder
from mite.reporting.figures import Figures, Summary, counted
from mite.reporting.lines import LineView, NoView
from mite.runner import Outcome, Runner
from mite.scenario import Line
from mite.transport.local import LocalBus

# Terminals that print what they are sent and cannot go back.
_UNMOVABLE = {"dumb", "unknown"}

MakeLines = Callable[[ConfigManager, LocalBus], Sequence[Line]]


class View(Protocol):
    """Shows the figures of a run while it goes on."""

    def note(self, sentence: str) -> None:
        """Called when something happens that is no figure."""

    def start(self) -> None:
        """Called before the first figures."""

    def show(self, figures: Figures) -> None:
        """Called each second; returns at once."""

    def stop(self) -> None:
        """Called after the last figures."""


@dataclass(frozen=True, slots=True)
class _Wiring:
    runner: Runner
    bus: LocalBus
    summary: Summary
    stats: Sequence[Any]
    view: View
    keepers: Sequence[Recorder | Collector]
    tracing: MemoryTracing | None


def run(test: str, make_lines: MakeLines, options: RunOptions) -> ExitCode:
    """Run to the end, report, and say how it went."""
    settings = config.load(specs.spec_import(options.config), options.additions)
    # Before modules of journeys are imported, which may fail over the same thing, and again when
    # the scenario may have set something.
    config.check(settings)
    bus = LocalBus()
    lines = make_lines(settings, bus)
    config.check(settings)
    wiring = _wire(test, lines, settings, bus, options)
    # A run makes hardly any reference cycles, and what was imported stays: the collector's pauses
    # would only be lag.
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000)
    with (
        _exported(wiring.stats, options.prometheus),
        _logged(test, options.webhook),
        _loop_factory() as loop_factory,
    ):
        outcome = loop.run(_attend(wiring), loop_factory, functools.partial(_stray, wiring))
    return _conclude(wiring, outcome, options)


@contextlib.contextmanager
def _exported(registered: Sequence[Any], address: tuple[str, int] | None) -> Iterator[None]:
    if address is None:
        yield
        return
    from mite import prometheus  # noqa: PLC0415 - prometheus_client, for those who ask for it

    with prometheus.served(*address, registered) as url:
        # Said even where progress is hidden: nothing else tells which port 0 has become.
        _print_line(f"metrics for Prometheus: {url}")
        yield


@contextlib.contextmanager
def _logged(test: str, url: str | None) -> Iterator[None]:
    if url is None:
        yield
        return
    from mite.webhook import Webhook  # noqa: PLC0415 - a web client, for those who ask for it

    hook = Webhook(url)
    hook.start(test)
    try:
        yield
    finally:
        hook.end()


def _stray(wiring: _Wiring, error: BaseException) -> None:
    """A task that a journey started, and that mite does not watch, tried to end the process."""
    what = specs.described(error)
    wiring.runner.abandon(
        ConfigurationError(f"a task that a journey started tried to end mite: {what}.")
    )


def prepare(options: RunOptions) -> None:
    """Set up logging and the path that modules are looked for on."""
    logs.set_up(options.log_level)
    here = str(Path.cwd())
    if options.working_directory and here not in sys.path:
        sys.path.insert(0, here)


def _wire(
    test: str,
    lines: Sequence[Line],
    settings: ConfigManager,
    bus: LocalBus,
    options: RunOptions,
) -> _Wiring:
    summary = Summary(test, plan.planned_duration(lines))
    for consumer in (summary.transactions, summary.requests, summary.errors, summary.pools):
        bus.attach(consumer)
    registered = stats.registered()
    for stat in registered:
        bus.attach(stats.StatConsumer(stat))
    _attach_processors(bus, options)
    keepers = _keepers(options)
    for keeper in keepers:
        bus.attach(keeper)
    values: dict[str, Any] = dict(settings.get_changes_for_runner(1))
    runner = Runner(test, lines, values, bus, options.settings)
    tracing = MemoryTracing(_print_line) if options.memory_tracing else None
    return _Wiring(runner, bus, summary, registered, _view(options), keepers, tracing)


def _attach_processors(bus: LocalBus, options: RunOptions) -> None:
    console = DebugMessageOutput(options.words)
    bus.attach(processors.ProcessorConsumer(console, types=console.types))
    for processor in processors.load(options.message_processors, options.words):
        bus.attach(processor)


def _keepers(options: RunOptions) -> list[Recorder | Collector]:
    keepers: list[Recorder | Collector] = [Recorder(options.recorder_directory)]
    if options.collector_directory is not None:
        try:
            keepers.append(Collector(options.collector_directory, options.collector_roll))
        except OSError as error:
            raise ConfigurationError(
                f"--collector-dir={options.collector_directory} cannot be written to: "
                f"{error.strerror}; it must be a directory that can, or a new name for one."
            ) from error
    return keepers


def _view(options: RunOptions) -> View:
    if options.hide_progress:
        return NoView()
    if not sys.stdout.isatty() or os.environ.get("TERM") in _UNMOVABLE:
        return LineView(_print_line)
    from mite.reporting import live, report  # noqa: PLC0415 - rich only where a terminal needs it

    return live.LiveView(report.console())


def _print_line(line: str) -> None:
    print(line, flush=True)


async def _attend(wiring: _Wiring) -> Outcome:
    create_task = asyncio.get_running_loop().create_task
    wiring.bus.start()
    wiring.view.start()
    beside = [create_task(_show(wiring))]
    if wiring.tracing is not None:
        wiring.tracing.start()
        beside.append(create_task(wiring.tracing.run()))
    try:
        with signals.heeded(functools.partial(_interrupt, wiring)):
            return await wiring.runner.run()
    finally:
        for task in beside:
            task.cancel()
        await asyncio.gather(*beside, return_exceptions=True)
        wiring.view.stop()
        if wiring.tracing is not None:
            wiring.tracing.stop()
        wiring.bus.stop()


def _interrupt(wiring: _Wiring, number: int) -> None:
    """The first signal drains, the second cancels."""
    wiring.runner.interrupt()
    running = wiring.runner.progress().in_flight
    if running and number == 1:
        still = f"{counted(running, 'journey')} still run{'s' if running == 1 else ''}"
        wiring.view.note(f"stopping: {still}; Ctrl-C again cancels what does not end by itself")


async def _show(wiring: _Wiring) -> None:
    wiring.view.show(wiring.summary.figures(wiring.runner))
    while True:
        await asyncio.sleep(1)
        wiring.summary.step(wiring.runner.progress())
        try:
            wiring.view.show(wiring.summary.figures(wiring.runner))
        except OSError:
            # Nobody can see the run any more, nor its report.
            wiring.runner.interrupt()
            return


def _conclude(wiring: _Wiring, outcome: Outcome, options: RunOptions) -> ExitCode:
    from mite.reporting import report  # noqa: PLC0415 - rich only when the run is over

    summary, seen = wiring.summary, wiring.runner.health.statistics()
    broken = options.thresholds.exceeded(
        summary.errors.total, summary.requests.wire_times(), summary.request_rates
    )
    ending = report.Ending(
        outcome=outcome,
        health=seen,
        verdict=verdict.judge(seen, [*_shortfalls(outcome), *_findings(wiring)]),
        environment=environment.facts(),
        broken=broken,
        percentiles=[p for p, _ in options.thresholds.percentiles if options.report],
        errors_by_journey=options.journey_logging,
    )
    try:
        report.write(report.console(), summary, ending)
    except BrokenPipeError:
        raise
    except OSError as error:
        why = f"the report cannot be written to standard output: {error.strerror}."
        raise ConfigurationError(why) from error
    codes = []
    if outcome.fault is not None:
        print(f"mite: {outcome.fault}", file=sys.stderr)
        codes.append(ExitCode.CONFIGURATION)
    if outcome.interrupted:
        codes.append(ExitCode.SIGNAL)
    if broken:
        codes.append(ExitCode.UPSTREAM_THRESHOLD)
    if options.strict and ending.verdict.level is not verdict.Level.VALID:
        codes.append(ExitCode.NOT_VALID)
    return weightiest(codes)


def _shortfalls(outcome: Outcome) -> list[tuple[verdict.Level, str]]:
    """What lowers the verdict in how the run ended."""
    findings = []
    if outcome.fault is not None:
        findings.append((verdict.Level.INVALID, f"the run was aborted: {outcome.fault}"))
    elif outcome.finished + outcome.cancelled + outcome.stuck == 0:
        findings.append((verdict.Level.INVALID, "no journey ran: nothing was measured"))
    if outcome.stuck:
        stuck = f"{counted(outcome.stuck, 'journey')} would not end even when cancelled"
        findings.append((verdict.Level.SUSPECT, stuck))
    if outcome.cancelled:
        cut = f"{counted(outcome.cancelled, 'journey')} cancelled: the times leave out the slowest"
        findings.append((verdict.Level.SUSPECT, cut))
    return findings


def _findings(wiring: _Wiring) -> list[tuple[verdict.Level, str]]:
    """What besides the generator's health lowers the verdict."""
    findings = []
    beyond = wiring.summary.transactions.overflowed
    if beyond:
        findings.append(
            (verdict.Level.SUSPECT, f"{beyond} transactions had names beyond the limit of series")
        )
    if wiring.tracing is not None:
        findings.append((verdict.Level.SUSPECT, "--memory-tracing slowed the generator"))
    for name, count in wiring.bus.failures.items():
        findings.append((verdict.Level.SUSPECT, f"{name} failed on {count} messages"))
    findings.extend(
        (verdict.Level.SUSPECT, keeper.losses.describe())
        for keeper in wiring.keepers
        if keeper.losses.count
    )
    return findings


@contextlib.contextmanager
def _loop_factory() -> Iterator[Callable[[], asyncio.AbstractEventLoop] | None]:
    """uvloop's, or asyncio's own when MITE_PROFILE=1 asks for a loop that profilers understand."""
    if os.environ.get("MITE_PROFILE") == "1":
        yield None
        return
    import uvloop  # noqa: PLC0415 - not needed, and not loaded, under MITE_PROFILE=1

    yield uvloop.new_event_loop
