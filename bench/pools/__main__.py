"""The benchmark of connection pools: `python -m bench.pools`, or `make bench-pools`."""

import json
import os
import resource
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Any, Protocol, TypeVar

from bench import machine
from bench.environment import InstallError
from bench.machine import Machine
from bench.pools import bursts, micro, queueing, settings, sharing, sharing_table
from bench.pools.burst_tables import Tables
from bench.pools.clients import CLIENTS, OURS, Client
from bench.pools.observer import WitnessError
from bench.pools.settings import Settings
from bench.results import FOLDER
from bench.server import ServerError
from bench.settings import SettingError

NOTHING_VALID, WRONG_SETTING, INTERRUPTED = 1, 2, 130
"""Exit codes."""


class Kept(Protocol):
    """What can be written down."""

    def as_dict(self) -> dict[str, Any]:
        """For the file of results."""
        ...


K = TypeVar("K", bound=Kept)


class Session:
    """One run: its parts one after the other, what they printed, and all that they measured."""

    def __init__(self, chosen: Settings, where: Machine) -> None:
        self._chosen = chosen
        self._where = where
        self._cores = (where.client_core, where.server_core)
        self._start = time.monotonic()
        self._kept: dict[str, list[dict[str, Any]]] = {}
        self._effort = (chosen.rounds, chosen.seconds)
        self.left_out: dict[str, str] = {}
        self.interrupted = False

    def __repr__(self) -> str:
        return f"<Session of {', '.join(self._chosen.parts)}, {self._minutes()}>"

    def say(self, text: str) -> None:
        """Progress, to standard error."""
        print(f"{self._minutes()}  {text}", file=sys.stderr, flush=True)

    def run(self) -> None:
        """Runs the parts that were asked for, and prints each one's tables as they are ready."""
        parts = {
            "peers": self._peers,
            "sharing": self._sharing,
            "micro": self._micro,
            "queueing": self._queueing,
        }
        for name in self._chosen.parts:
            if not self.interrupted:
                _print(parts[name]())

    def write(self) -> str:
        """Writes everything measured so far; returns the file's path."""
        FOLDER.mkdir(exist_ok=True)
        stamp = self._where.date.replace(" ", "-").replace(":", "")
        path = FOLDER / f"pools-{stamp}.json"
        document = {
            "machine": asdict(self._where),
            "settings": asdict(self._chosen),
            "left_out": self.left_out,
            **self._kept,
        }
        path.write_text(json.dumps(document, indent=1) + "\n")
        return str(path)

    def prepare(self) -> list[Client]:
        """The clients that can be run; the others' reasons are kept."""
        ready = []
        for client in CLIENTS:
            if client.name in self._chosen.peers:
                self.say(f"preparing {client.name}")
                try:
                    client.prepare()
                    ready.append(client)
                except InstallError as error:
                    self.left_out[client.name] = str(error)
                    self.say(f"left out: {client.name}: {error}")
        return ready

    def _minutes(self) -> str:
        minutes, seconds = divmod(round(time.monotonic() - self._start), 60)
        return f"{minutes}m{seconds:02}s"

    def _collect(self, name: str, source: Iterable[K]) -> list[K]:
        """All that a part measures, kept for the file too; what there is when interrupted."""
        found: list[K] = []
        try:
            for one in source:
                self._kept.setdefault(name, []).append(one.as_dict())
                found.append(one)
        except KeyboardInterrupt:
            self.say("interrupted")
            self.interrupted = True
        return found

    def _peers(self) -> Iterator[str]:
        ready, (rounds, seconds) = self.prepare(), self._effort
        shown = [client for client in CLIENTS if client.name in self._chosen.peers]
        source = bursts.take(rounds, seconds, ready, self._cores, self.say)
        yield from Tables(self._collect("bursts", source), shown, self.left_out).lines()

    def _sharing(self) -> Iterator[str]:
        OURS.prepare()
        source = sharing.take(*self._effort, self._cores, self.say)
        yield from sharing_table.lines(self._collect("sharing", source))

    def _micro(self) -> Iterator[str]:
        OURS.prepare()
        environments, left_out = micro.sides(self.say)
        self.left_out.update(left_out)
        source = micro.take(self._chosen.rounds, environments, self._cores, self.say)
        yield from micro.lines(self._collect("micro", source), left_out)

    def _queueing(self) -> Iterator[str]:
        OURS.prepare()
        source = queueing.take(*self._effort, self._cores, self.say)
        yield from queueing.lines(self._collect("queueing", source))


def _print(lines: Iterator[str]) -> None:
    for line in lines:
        print(line, flush=True)
    print(flush=True)


def _head(where: Machine) -> Iterator[str]:
    yield f"{where.date} UTC, {where.processor}, kernel {where.kernel}"
    yield (
        f"Python {where.python}; clients on core {where.client_core},"
        f" servers on core {where.server_core}"
    )
    yield "Figures are medians over the rounds, ratios medians of the rounds' ratios."
    yield ""


def main() -> int:
    """Runs the benchmark that the environment asks for; returns the exit code."""
    try:
        chosen = settings.read(os.environ)
    except SettingError as error:
        print(error, file=sys.stderr)
        return WRONG_SETTING
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    where = machine.inspect()
    session = Session(chosen, where)
    print("\n".join(_head(where)), flush=True)
    code = 0
    try:
        session.run()
        code = INTERRUPTED if session.interrupted else 0
    except (InstallError, ServerError, WitnessError) as error:
        print(error, file=sys.stderr)
        code = NOTHING_VALID
    if where.shared_core:
        print("NOT VALID: clients and servers share the only core")
    print(f"Written to {session.write()}")
    return code


if __name__ == "__main__":
    sys.exit(main())
