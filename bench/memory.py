"""What acurl keeps: `python -m bench.memory`, or `make bench-memory`."""

import json
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench import machine
from bench.cell import Cell
from bench.environment import InstallError
from bench.peer import CURL
from bench.process import run
from bench.server import Server, ServerError

MEGABYTE = 1e6
LIMIT = 240.0
"""Seconds that one measurement may take."""

KEPT, EXCEEDED, NOT_RUN = 0, 1, 2
"""Exit codes."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """A process that prints its growth; `bound` is in bytes, for `each` item or in all."""

    title: str
    command: list[str]
    bound: float
    each: bool


class MeasurementError(RuntimeError):
    """A measurement came to nothing; the message says why."""


def _measurements(server: Server) -> Iterator[Measurement]:
    for protocol, name in (("h1", "HTTP/1.1"), ("h2", "HTTP/2 over TLS")):
        url = server.url(Cell(protocol, 100))
        yield Measurement(
            f"{name}: growth from request 200,000 to 1,000,000",
            ["bench.peers.acurl_steady", url, "200000", "1000000"],
            MEGABYTE,
            each=False,
        )
        yield Measurement(
            f"{name}: an idle session of 10,000 that made requests and holds no cookie",
            ["bench.peers.acurl_idle", url, "10000"],
            900,
            each=True,
        )
    yield Measurement(
        "growth over 100,000 refused connections, after the first 1,000",
        ["bench.peers.acurl_refused", "1000", "100000"],
        MEGABYTE,
        each=False,
    )


def _measure(measurement: Measurement, core: int) -> float:
    """Bytes of growth, or of growth per item."""
    command = [str(CURL.python), "-P", "-m", *measurement.command]
    outcome = run(command, core, LIMIT, Path(tempfile.gettempdir()))
    if outcome.killed:
        raise MeasurementError(f"{measurement.title}: not done after {LIMIT:g} s")
    if outcome.code:
        last = (outcome.complaint.strip().splitlines() or ["no word"])[-1]
        raise MeasurementError(f"{measurement.title}: exit {outcome.code}: {last}")
    line = json.loads(outcome.output.splitlines()[-1])
    growth = float(line["after"] - line["before"])
    return growth / line["count"] if measurement.each else growth


def _bytes(value: float) -> str:
    return f"{value / MEGABYTE:,.2f} MB" if abs(value) >= 1e5 else f"{value:,.0f} bytes"


def _report(measurement: Measurement, value: float) -> str:
    verdict = "yes" if value < measurement.bound else "NO "
    return f"  {verdict}  {_bytes(value):>12}  of {_bytes(measurement.bound)}  {measurement.title}"


def _run(core: int, server_core: int) -> int:
    code = KEPT
    with Server(server_core) as server:
        for measurement in _measurements(server):
            value = _measure(measurement, core)
            server.settle()
            print(_report(measurement, value), flush=True)
            if value >= measurement.bound:
                code = EXCEEDED
    return code


def main() -> int:
    """Prints each figure with its bound; returns the exit code."""
    where = machine.inspect()
    try:
        CURL.ensure()
        CURL.ensure_checkout()
        print(
            f"acurl's resident memory, {where.date} UTC, {where.processor}, Python {where.python}"
        )
        return _run(where.client_core, where.server_core)
    except (InstallError, ServerError, MeasurementError) as error:
        print(error, file=sys.stderr)
        return NOT_RUN


if __name__ == "__main__":
    sys.exit(main())
