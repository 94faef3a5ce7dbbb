"""The server that sees what pools do: `python -m bench.pools.witness`, told what to do by lines.

It answers each request after a delay, over HTTP/1.1, and counts. The first line that it prints is
its port. `reset SECONDS` sets the delay and zeroes the counts; `look` changes nothing; each is
answered by a line of JSON. It ends when its standard input does.
"""

import asyncio
import json
import socket
import sys
import time
from dataclasses import asdict, dataclass
from typing import cast

import uvloop

BODY = b"thirty-four bytes of a small body\n"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(BODY), BODY)

AFTER = 1.0
"""Seconds after the last answer at which the connections that were kept are counted."""


@dataclass(slots=True)
class Counts:
    """What was seen since the last reset; `busy` is the sum of the seconds that requests took.

    `kept` is how many connections were open a second after the last answer, None before that.
    Changed by the connections alone, on the server's only loop.
    """

    accepted: int = 0
    open: int = 0
    peak_open: int = 0
    running: int = 0
    peak_running: int = 0
    received: int = 0
    answered: int = 0
    busy: float = 0.0
    kept: int | None = None


class Register:
    """The counts and the delay that all connections share."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.delay = 0.0
        self.counts = Counts()
        self._last = time.monotonic()
        self._planned = False

    def reset(self, delay: float) -> None:
        """Starts anew; connections that are open stay counted as open."""
        self.delay = delay
        self.counts = Counts(open=self.counts.open, peak_open=self.counts.open)

    def opened(self) -> None:
        """A connection was accepted."""
        counts = self.counts
        counts.accepted += 1
        counts.open += 1
        counts.peak_open = max(counts.peak_open, counts.open)

    def began(self) -> None:
        """A request has arrived."""
        counts = self.counts
        counts.received += 1
        counts.running += 1
        counts.peak_running = max(counts.peak_running, counts.running)
        counts.kept = None

    def ended(self, seconds: float, *, answered: bool) -> None:
        """A request was answered after so many seconds, or its connection has gone."""
        counts = self.counts
        counts.running = max(0, counts.running - 1)
        if answered:
            counts.answered += 1
            counts.busy += seconds
        self._last = time.monotonic()
        if not self._planned:
            self._planned = True
            self.loop.call_later(AFTER, self._look_after)

    def _look_after(self) -> None:
        left = self._last + AFTER - time.monotonic()
        if left > 0 or self.counts.running:
            self.loop.call_later(max(left, 0.01), self._look_after)
            return
        self._planned = False
        self.counts.kept = self.counts.open


class Connection(asyncio.Protocol):
    """One accepted connection: GET requests one after the other, each answered after the delay."""

    def __init__(self, register: Register) -> None:
        self._register = register
        self._transport: asyncio.Transport | None = None
        self._pending = b""
        self._began = 0.0
        self._answer: asyncio.TimerHandle | None = None
        self._last = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Counts it."""
        self._transport = cast(asyncio.Transport, transport)
        self._register.opened()

    def data_received(self, data: bytes) -> None:
        """Begins the next request once its header is complete."""
        self._pending += data
        if self._answer is None:
            self._next()

    def connection_lost(self, error: Exception | None) -> None:
        """Counts it out, and with it the request that nobody waits for any more."""
        self._register.counts.open -= 1
        if self._answer is not None:
            self._answer.cancel()
            self._register.ended(0.0, answered=False)

    def _next(self) -> None:
        header, end, rest = self._pending.partition(b"\r\n\r\n")
        if not end:
            return
        self._pending = rest
        self._last = b"\r\nconnection: close" in header.lower()
        self._began = time.monotonic()
        self._register.began()
        self._answer = self._register.loop.call_later(self._register.delay, self._finish)

    def _finish(self) -> None:
        transport, self._answer = self._transport, None
        if transport is None:
            return
        transport.write(ANSWER)
        self._register.ended(time.monotonic() - self._began, answered=True)
        if self._last:
            transport.close()
        else:
            self._next()


async def obey(register: Register) -> None:
    """Does what the lines of standard input say, until it ends."""
    lines = asyncio.StreamReader()
    await register.loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while line := await lines.readline():
        command, *arguments = line.decode().split()
        if command == "reset":
            register.reset(float(arguments[0]))
        print(json.dumps(asdict(register.counts)), flush=True)


async def serve() -> None:
    """Serves on a free port of the loopback interface until standard input ends."""
    loop = asyncio.get_running_loop()
    register = Register(loop)
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    server = await loop.create_server(lambda: Connection(register), sock=listener, backlog=4096)
    print(listener.getsockname()[1], flush=True)
    await obey(register)
    server.close()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve())
