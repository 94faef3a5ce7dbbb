"""What acurl keeps: `python -m bench.memory`, or `make bench-memory`."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass

from bench import machine
from bench.cell import Cell
from bench.connections import HEADING, ConnectionsError, costs, outcome
from bench.environment import InstallError
from bench.holding import Holder
from bench.peer import CURL
from bench.server import Server, ServerError
from bench.sharing import processes

MEGABYTE = 1e6

KEPT, EXCEEDED, NOT_RUN = 0, 1, 2
"""Exit codes."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """A process that prints its growth; `bound` is in bytes, for `each` item or in all."""

    title: str
    command: list[str]
    bound: float
    each: bool
    connections: int = 0
    """So many must the server have seen; 0 is any number."""


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
    yield from _sessions(server)
    yield Measurement(
        "growth over 100,000 refused connections, after the first 1,000",
        ["bench.peers.acurl_refused", "1000", "100000"],
        MEGABYTE,
        each=False,
    )


def _sessions(server: Server) -> Iterator[Measurement]:
    http = server.addresses()["http"]
    peer = "bench.peers.acurl_sessions"
    yield Measurement(
        "10,000 idle sessions that made their requests over one connection",
        [peer, f"{http}/34", "10000", "shared", "1"],
        9 * MEGABYTE,
        each=False,
        connections=1,
    )
    yield Measurement(
        "an idle session with a cookie, of 5,000",
        [peer, f"{http}/cookie", "5000", "shared", "1"],
        8000,
        each=True,
        connections=1,
    )
    yield Measurement(
        'an idle session with connections="session", its connection closed, of 5,000',
        [peer, f"{http}/once", "5000", "session", "1"],
        13_000,
        each=True,
    )


def _measure(measurement: Measurement, core: int) -> float:
    """Bytes of growth, or of growth per item."""
    line = outcome(measurement.command, core, measurement.title)
    growth = float(line["after"] - line["before"])
    return growth / line["count"] if measurement.each else growth


def _bytes(value: float) -> str:
    return f"{value / MEGABYTE:,.2f} MB" if abs(value) >= 1e5 else f"{value:,.0f} bytes"


def _report(measurement: Measurement, value: float, seen: int) -> tuple[bool, str]:
    """Whether all is as it must be, and the line that says so."""
    kept = value < measurement.bound and measurement.connections in {0, seen}
    witness = f"; the server saw {seen} connection" if measurement.connections else ""
    verdict = "yes" if kept else "NO "
    figures = f"{_bytes(value):>12}  of {_bytes(measurement.bound)}"
    return kept, f"  {verdict}  {figures}  {measurement.title}{witness}"


def _lines(core: int, server_core: int) -> Iterator[tuple[bool, str]]:
    """Whether each figure is within its bounds, and the line that says so."""
    with Holder() as holder, Server(server_core, held=holder.port) as server:
        for cost in costs(server, holder, core, server_core):
            yield cost.kept, str(cost)
        for process in processes(server, f"{server.addresses()['https']}/34", core):
            yield process.kept, str(process)
        for measurement in _measurements(server):
            before = server.accepted()
            value = _measure(measurement, core)
            server.settle()
            yield _report(measurement, value, server.accepted() - before)


def _run(core: int, server_core: int) -> int:
    code = KEPT
    print(HEADING)
    for kept, line in _lines(core, server_core):
        print(line, flush=True)
        if not kept:
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
    except (InstallError, ServerError, ConnectionsError) as error:
        print(error, file=sys.stderr)
        return NOT_RUN


if __name__ == "__main__":
    sys.exit(main())
