"""The clients: where each lives, which protocols it speaks, how its process is started."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from bench import floor, physical, sample
from bench.cell import Cell
from bench.environment import Environment, InstallError
from bench.process import Outcome
from bench.sample import Sample
from bench.server import Count

Judge = Callable[[Outcome, Count, Count, Cell], Sample]
Command = Callable[[Cell, str, float], list[str]]


@dataclass(frozen=True, slots=True)
class Peer:
    """A client; `prepare` makes it runnable or raises InstallError.

    `command` is its process for a cell, a URL and seconds; `judge` reads what became of it.
    """

    name: str
    protocols: tuple[str, ...]
    prepare: Callable[[], None]
    command: Command
    judge: Judge
    title: str = ""


CURL = Environment("curl", "pycurl>=7.49", "uvloop")
UPSTREAM = Environment("acurl-upstream", "acurl==1.2.1", "uvloop")
BOTH = ("h1", "h2")


def _judge(outcome: Outcome, before: Count, after: Count, _cell: Cell) -> Sample:
    return sample.judge(outcome, before, after)


def _python(
    name: str, module: str, environment: Environment, protocols: tuple[str, ...], title: str = ""
) -> Peer:
    def command(cell: Cell, url: str, seconds: float) -> list[str]:
        job = [url, str(cell.concurrency), str(seconds), str(cell.size)]
        return [str(environment.python), "-P", "-m", f"bench.peers.{module}", *job]

    return Peer(name, protocols, environment.ensure, command, _judge, title or name)


def _ours() -> Peer:
    plain = _python("acurl", "acurl_ours", CURL, BOTH)

    def prepare() -> None:
        CURL.ensure()
        CURL.ensure_checkout()

    return Peer(plain.name, plain.protocols, prepare, plain.command, plain.judge, plain.title)


def _floor(mode: str) -> Peer:
    def prepare() -> None:
        CURL.ensure()
        floor.build(CURL)

    def command(cell: Cell, url: str, seconds: float) -> list[str]:
        return [
            str(CURL.folder / "floor"),
            mode,
            url,
            str(cell.concurrency),
            str(seconds),
            str(cell.size),
        ]

    return Peer(f"floor-{mode}", BOTH, prepare, command, _judge, f"libcurl in C, {mode}")


def _need(program: str, package: str) -> None:
    reason = physical.missing(program, package)
    if reason:
        raise InstallError(reason)


def _physical(program: str, package: str, protocol: str, command: Command) -> Peer:
    return Peer(
        program, (protocol,), partial(_need, program, package), command, physical.judge, program
    )


PEERS = (
    _ours(),
    _floor("parked"),
    _floor("textbook"),
    _python("pycurl", "pycurl_uvloop", CURL, BOTH, "pycurl on uvloop"),
    _python("acurl-1.2.1", "acurl_upstream", UPSTREAM, BOTH),
    _python("aiohttp", "aiohttp_client", Environment("aiohttp", "aiohttp", "uvloop"), ("h1",)),
    _python("httpx", "httpx_client", Environment("httpx", "httpx[http2]", "uvloop"), BOTH),
    _python("niquests", "niquests_client", Environment("niquests", "niquests", "uvloop"), BOTH),
    _python(
        "urllib3",
        "urllib3_threads",
        Environment("urllib3", "urllib3"),
        ("h1",),
        "urllib3 in threads",
    ),
    _physical("wrk", "wrk", "h1", physical.wrk_command),
    _physical("h2load", "nghttp2-client", "h2", physical.h2load_command),
)
"""All clients, in the order of the table; the others are compared with the first."""
