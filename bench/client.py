"""The side-by-side benchmark of HTTP clients: `python -m bench.client`, or `make bench-client`."""

import os
import resource
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from bench import machine, results, settings, table
from bench.environment import InstallError
from bench.machine import Machine
from bench.peer import PEERS, Peer
from bench.process import run
from bench.report import Report
from bench.sample import Sample
from bench.schedule import Schedule, Turn
from bench.scores import FLOORS, Scores
from bench.server import Server, ServerError
from bench.settings import SettingError, Settings

GRACE = 11.0
"""Seconds beyond the measured ones that a process may take to start, warm up, drain and end."""

NOTHING_VALID, WRONG_SETTING, INTERRUPTED = 1, 2, 130
"""Exit codes."""


def _say(text: str, end: str = "\n") -> None:
    print(text, end=end, file=sys.stderr, flush=True)


def _prepare(peers: Sequence[Peer]) -> tuple[list[Peer], dict[str, str]]:
    """Peers that are ready to run, and the others' reasons by name."""
    ready: list[Peer] = []
    left_out: dict[str, str] = {}
    for peer in peers:
        _say(f"preparing {peer.name}")
        try:
            peer.prepare()
        except InstallError as error:
            left_out[peer.name] = str(error)
            _say(f"left out: {peer.name}: {error}")
        else:
            ready.append(peer)
    return ready, left_out


def _wanted(chosen: Settings) -> list[Peer]:
    """The peers asked for; "floor" is both of its modes."""
    names = {name for word in chosen.peers for name in (FLOORS if word == "floor" else (word,))}
    return [peer for peer in PEERS if not names or peer.name in names]


def _take(turn: Turn, server: Server, where: Machine, seconds: float) -> Sample:
    server.settle()
    before = server.count()
    command = turn.peer.command(turn.cell, server.url(turn.cell), seconds)
    outcome = run(command, where.client_core, seconds + GRACE, Path(tempfile.gettempdir()))
    return turn.peer.judge(outcome, before, server.count(), turn.cell)


def _progress(schedule: Schedule, turn: Turn, rounds: int) -> str:
    minutes, seconds = divmod(round(schedule.seconds_left()), 60)
    what = f"round {turn.round + 1}/{rounds}  {turn.cell.name:<10} {turn.peer.name:<15}"
    return f"{what} {minutes}m{seconds:02}s left"


def _run(chosen: Settings, peers: Sequence[Peer], where: Machine, scores: Scores) -> bool:
    """Takes all samples; returns whether it was interrupted."""
    schedule = Schedule(chosen.rounds, chosen.cells, peers, chosen.seconds)
    with Server(where.server_core) as server:
        for turn in schedule.turns:
            _say(_progress(schedule, turn, chosen.rounds), end="  ")
            start = time.monotonic()
            try:
                sample = _take(turn, server, where, chosen.seconds)
            except KeyboardInterrupt:
                _say("interrupted")
                return True
            scores.add(turn.cell, turn.peer.name, turn.round, sample)
            schedule.finish(turn, time.monotonic() - start)
            cost = "" if sample.cpu_us is None else f"  {sample.cpu_us:,.1f} us"
            _say(f"{sample.rate:,.0f}/s{cost}  {sample.invalid or sample.note}".rstrip())
    return False


def main() -> int:
    """Runs the benchmark that the environment asks for; returns the exit code."""
    try:
        chosen = settings.read(os.environ, ("floor", *(peer.name for peer in PEERS)))
    except SettingError as error:
        _say(str(error))
        return WRONG_SETTING
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    where, scores = machine.inspect(), Scores()
    ready, left_out = _prepare(_wanted(chosen))
    try:
        interrupted = _run(chosen, ready, where, scores)
    except ServerError as error:
        _say(str(error))
        return NOTHING_VALID
    report = Report(scores, where, chosen.cells, ready, left_out)
    print(table.render(report))
    print(f"Written to {results.write(report)}")
    return INTERRUPTED if interrupted else 0


if __name__ == "__main__":
    sys.exit(main())
