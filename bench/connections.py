"""What a connection of acurl costs, idle and busy, over each version of HTTP."""

import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.caddy import Caddy
from bench.holding import PATH, Holder
from bench.peer import CURL
from bench.process import run
from bench.server import Server

LIMIT = 240.0
"""Seconds that one measurement may take."""

KILO = 1e3


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of connection; `bounds` are bytes of RSS: idle when new, busy, idle after a MiB."""

    title: str
    address: str
    version: str
    count: int
    bounds: tuple[int, int, int]
    low_memory: bool = False


KINDS = (
    Kind("HTTP/1.1", "http", "1.1", 1000, (2_500, 2_500, 4_000)),
    Kind("HTTP/1.1, TLS", "https", "1.1", 200, (100_000, 100_000, 165_000)),
    Kind("HTTP/1.1, TLS, low_memory", "https", "1.1", 200, (80_000, 80_000, 80_000), True),
    Kind("HTTP/2 without TLS", "h2c", "2-prior-knowledge", 200, (55_000, 55_000, 60_000)),
    Kind("HTTP/2, TLS", "https", "2", 200, (145_000, 145_000, 215_000)),
    Kind("HTTP/2, TLS, low_memory", "https", "2", 200, (145_000, 145_000, 145_000), True),
    Kind("HTTP/3", "h3", "3", 200, (180_000, 180_000, 185_000)),
    Kind("HTTP/3, low_memory", "h3", "3", 200, (180_000, 180_000, 185_000), True),
)


class ConnectionsError(RuntimeError):
    """A measurement came to nothing; the message says why."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Bytes for each connection of a kind; `vms` is address space of an idle one."""

    kind: Kind
    idle: float
    busy: float
    used: float
    vms: float
    witnessed: int

    @property
    def kept(self) -> bool:
        """Whether the server saw as many connections as were meant, and the bounds hold."""
        figures = zip((self.idle, self.busy, self.used), self.kind.bounds, strict=True)
        return self.witnessed == self.kind.count and all(have < most for have, most in figures)

    def __str__(self) -> str:
        figures = zip((self.idle, self.busy, self.used), self.kind.bounds, strict=True)
        cells = "".join(f"{have / KILO:8.1f} of {most / KILO:5.1f}" for have, most in figures)
        verdict = "yes" if self.kept else "NO "
        where = f"{self.vms / KILO:8.1f}{self.witnessed:8,}"
        return f"  {verdict}  {self.kind.title:<26}{cells}{where}"


HEADING = (
    f"       {'KB for each connection':<26}{'idle, new':>17}{'busy':>17}{'idle, after 1 MiB':>17}"
    f"{'VMS':>8}{'seen':>8}"
)


def costs(server: Server, holder: Holder, core: int, server_core: int) -> Iterator[Cost]:
    """One after the other; `server` must pass /held/ on to `holder`."""
    with tempfile.TemporaryDirectory(prefix="mite-bench-") as folder:
        chain, key = server.certificate
        with Caddy(server_core, holder.port, chain, key, Path(folder) / "caddy") as caddy:
            addresses = {**server.addresses(), "h3": caddy.url}
            for kind in KINDS:
                yield _cost(kind, addresses, holder, core)
                server.settle()


def _cost(kind: Kind, addresses: dict[str, str], holder: Holder, core: int) -> Cost:
    job = [f"{addresses[kind.address]}{PATH}", kind.version, str(kind.count)]
    job += ["low" if kind.low_memory else "usual", f"{addresses['h2c']}{PATH}", str(holder.control)]
    found = outcome(["bench.peers.acurl_connections", *job], core, kind.title)
    if not found["same"]:
        raise ConnectionsError(f"{kind.title}: connections changed: this run does not count")

    def growth(later: str, earlier: str, field: str = "rss") -> float:
        return float(found[later][field] - found[earlier][field]) / kind.count

    return Cost(
        kind,
        idle=growth("idle", "warmed"),
        busy=growth("busy", "held"),
        used=growth("used", "warmed"),
        vms=growth("idle", "warmed", "vms"),
        witnessed=found["connections"],
    )


def outcome(command: list[str], core: int, title: str) -> dict[str, Any]:
    """The JSON line of a peer. Raises ConnectionsError that begins with the title."""
    whole = [str(CURL.python), "-P", "-m", *command]
    done = run(whole, core, LIMIT, Path(tempfile.gettempdir()))
    if done.killed:
        raise ConnectionsError(f"{title}: not done after {LIMIT:g} s")
    if done.code:
        last = (done.complaint.strip().splitlines() or ["no word"])[-1]
        raise ConnectionsError(f"{title}: exit {done.code}: {last}")
    line: dict[str, Any] = json.loads(done.output.splitlines()[-1])
    return line
