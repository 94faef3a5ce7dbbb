"""Opens the connections of a pool before anybody waits for them.

libcurl can open a connection without a request, but then gives it to nobody else.  So there are
requests, and as many at the same time as connections are wanted: one that finds none free opens
one.  Over HTTP/2 a connection takes many requests, so it is told to take one while this lasts, and
since others wait to see whether a new connection multiplexes, a round brings one more at best.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import acurl
from acurl import _Response
from acurl.options import lanes_of
from mite_http.targets import MOST_CONNECTIONS

if TYPE_CHECKING:
    from mite_http.branch import Branch

logger = logging.getLogger("mite_http")

_BARREN_ROUNDS = 2
_PATIENCE = 1.0
"""Seconds."""

Targets = Iterable[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class PrewarmReport:
    """What became of one URL.

    ``connections``: how many distinct ones, of the ``wanted``, carried a request; ``opened``: how
    many of them are new; ``handshakes``: seconds until each new one stood, TLS included;
    ``http_version``: "1.1", "2" or "3"; ``error``: why there are fewer than wanted, or None.
    """

    url: str
    wanted: int
    connections: int = 0
    opened: int = 0
    http_version: str = ""
    handshakes: tuple[float, ...] = ()
    error: str | None = None

    def __str__(self) -> str:
        made = f"{self.url}: {self.connections} of {self.wanted} connections, {self.opened} new"
        if self.handshakes:
            slowest = f"{max(self.handshakes) * 1000:.1f} ms"
            made += f", HTTP/{self.http_version}, slowest handshake {slowest}"
        return made if self.error is None else f"{made}: {self.error}"


async def warm_up(branch: Branch) -> None:
    """What the option ``prewarm`` asks for; its failures are log lines."""
    try:
        branch.warmed = await prewarm(branch, branch.pool.options.prewarm, "HEAD")
        for report in branch.warmed:
            level = logging.INFO if report.error is None else logging.WARNING
            logger.log(level, "pool %s: prewarm %s", branch.name, report)
    except acurl.AcurlError as error:
        logger.warning("pool %s: prewarm failed: %s", branch.name, error)
    finally:
        # Unless the pool was closed and opened again in the meantime.
        if branch.warming is asyncio.current_task():
            branch.warming = None


async def prewarm(branch: Branch, targets: Targets, method: str) -> tuple[PrewarmReport, ...]:
    """Open connections to all targets at the same time; one report for each, in their order."""
    targets = tuple(targets)
    most = max((wanted for _, wanted in targets), default=0)
    options = branch.pool.options
    if options.connections in {"session", "request"}:
        error = f"connections={options.connections!r}: each has its own, so none can be prepared"
        return tuple(PrewarmReport(url, wanted, error=error) for url, wanted in targets)
    with _Singly(branch, most):
        each = (_target(branch, url, wanted, method) for url, wanted in targets)
        return tuple(await asyncio.gather(*each))


class _Singly:
    """While any of its kind lasts, an HTTP/2 or HTTP/3 connection takes one request at a time."""

    def __init__(self, branch: Branch, most: int) -> None:
        self._branch = branch
        self._needed = most > 1

    def __enter__(self) -> None:
        if self._needed:
            self._branch.singly += 1
            self._set()

    def __exit__(self, *_: object) -> None:
        if self._needed:
            self._branch.singly -= 1
            self._set()

    def _set(self) -> None:
        branch = self._branch
        if branch.wrapper is not None:
            branch.wrapper.resize(**branch.limits())


class _Seen:
    """The connections that answered so far, of one URL in one lane or in all."""

    def __init__(self) -> None:
        self.ids: set[int] = set()
        self.handshakes: list[float] = []
        self.http_version = ""
        self.error: str | None = None

    def is_barren(self, rounds: int, seconds: float) -> bool:
        """Whether so much without a new connection means that no more will come.

        Over HTTP/2 a request may be answered before the next one looks for a connection.
        """
        return rounds >= _BARREN_ROUNDS and (self.http_version == "1.1" or seconds > _PATIENCE)

    def add(self, answer: _Response | BaseException) -> None:
        """Note the outcome of a request."""
        if isinstance(answer, _Response):
            self.ids.add(answer.connection_id)
            self.http_version = answer.http_version
            if not answer.reused:
                self.handshakes.append(max(answer.connect_time, answer.appconnect_time))
        elif isinstance(answer, acurl.AcurlError):
            self.error = f"{type(answer).__name__}: {answer}"
        else:
            raise answer


async def _target(branch: Branch, url: str, wanted: int, method: str) -> PrewarmReport:
    lanes = lanes_of(branch.pool.options.connections) or 1
    seen = [_Seen() for _ in range(lanes)]
    # Sessions that are made one after the other have one lane after the other.
    sessions = [_session(branch) for _ in seen]
    try:
        await asyncio.gather(
            *(
                _fill(branch, session, one, (url, wanted, method))
                for session, one in zip(sessions, seen, strict=True)
            )
        )
    finally:
        for session in sessions:
            session.close()
    return _report(branch, url, wanted * lanes, seen)


def _session(branch: Branch) -> acurl.Session:
    if branch.first is None:
        raise acurl.EngineClosed("the pool was closed while it was prepared")
    return branch.first.twin()


async def _fill(
    branch: Branch, session: acurl.Session, seen: _Seen, what: tuple[str, int, str]
) -> None:
    """Rounds of requests at the same time, until there are enough or no more come about."""
    url, wanted, method = what
    wanted = min(wanted, *_ceilings(branch))
    clock = branch.loop.time
    barren, last = 0, clock()
    while len(seen.ids) < wanted and seen.error is None:
        before = len(seen.ids)
        for answer in await _round(branch, session, url, wanted, method):
            seen.add(answer)
        if len(seen.ids) > before:
            barren, last = 0, clock()
        else:
            barren += 1
            if seen.is_barren(barren, clock() - last):
                return


def _ceilings(branch: Branch) -> list[int]:
    """No more connections than these can be open."""
    options = branch.pool.options
    limits = (options.max_connections, options.max_host_connections)
    return [MOST_CONNECTIONS, *(limit for limit in limits if limit is not None)]


async def _round(
    branch: Branch, session: acurl.Session, url: str, count: int, method: str
) -> list[Any]:
    requests = (session.request(method, url, allow_redirects=False) for _ in range(count))
    return await asyncio.gather(*map(branch.own, requests), return_exceptions=True)


def _report(branch: Branch, url: str, wanted: int, seen: list[_Seen]) -> PrewarmReport:
    connections = sum(len(one.ids) for one in seen)
    error = next((one.error for one in seen if one.error is not None), None)
    if error is None and connections < wanted:
        error = f"no more than {connections} came about with {branch.pool.options}"
    limits = branch.pool.options.limits()
    for name in ("max_connects", "max_connections"):
        if error is None and limits[name] is not None and limits[name] < connections:
            error = f"{name}={limits[name]} keeps no more than so many of them"
    handshakes = tuple(time for one in seen for time in one.handshakes)
    version = next((one.http_version for one in seen if one.http_version), "")
    return PrewarmReport(
        url, wanted, connections, len(handshakes), version, handshakes, error=error
    )
