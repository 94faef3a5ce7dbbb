"""Requests that are in flight while another one meets a fault, and must not notice.

    async with Bystanders(wrapper):
        ...the fault...

On entry their heads and half of each body are on their way to the client; the rest is sent on
leaving, and then each must have got the whole of its own answer, at its first attempt.
"""

import asyncio
import re
import socket
import threading
from types import TracebackType
from typing import Any, Self

import acurl

COUNT = 500
BACKLOG = 4096
START_SECONDS = 20.0
END_SECONDS = 20.0


class _Holder(asyncio.Protocol):
    """One connection: answers the first half, keeps the second."""

    def __init__(self, server: "HoldingServer") -> None:
        self._server = server
        self._received = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._server.transports.append(transport)

    def data_received(self, data: bytes) -> None:
        """Answer half of a request that is complete."""
        self._received += data
        while b"\r\n\r\n" in self._received:
            head, _, self._received = self._received.partition(b"\r\n\r\n")
            body = body_for(head.split()[1].decode())
            middle = len(body) // 2
            start = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n".encode()
            assert self._transport is not None
            self._transport.write(start + body[:middle])
            self._server.hold(self._transport, body[middle:])


def body_for(path: str) -> bytes:
    """What a request for `path` is answered."""
    return f"the answer to {path} and to no other\n".encode() * 20


class HoldingServer:
    """An HTTP/1.1 server, one thread, whose answers stop half way until `release()`."""

    def __init__(self) -> None:
        # All are changed by the server's thread only; tests read `held`.
        self.transports: list[asyncio.Transport] = []
        self._kept: list[tuple[asyncio.Transport, bytes]] = []
        self.held = 0
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=BACKLOG)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._loop: asyncio.AbstractEventLoop
        self._stop: asyncio.Event
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))
        self._thread.start()
        self._ready.wait()

    def __repr__(self) -> str:
        return f"<HoldingServer {self.url} held={self.held}>"

    def hold(self, transport: asyncio.Transport, rest: bytes) -> None:
        """Keep the rest of an answer."""
        self._kept.append((transport, rest))
        self.held += 1

    def release(self) -> None:
        """Send what has been held back."""
        self._loop.call_soon_threadsafe(self._release)

    def close(self) -> None:
        """End the thread and all connections."""
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        server = await self._loop.create_server(
            lambda: _Holder(self), sock=self._listener, backlog=BACKLOG
        )
        self._ready.set()
        await self._stop.wait()
        server.close()
        for transport in self.transports:
            transport.abort()
        await asyncio.sleep(0)  # the transports close their sockets in the next pass

    def _release(self) -> None:
        for transport, rest in self._kept:
            transport.write(rest)
        self._kept.clear()


class Bystanders:
    """`COUNT` requests of one session, held half way while the block runs."""

    def __init__(self, wrapper: acurl.CurlWrapper, count: int = COUNT) -> None:
        self._wrapper = wrapper
        self._count = count
        self._server = HoldingServer()
        self._tasks: list[asyncio.Task[acurl._Response]] = []

    def __repr__(self) -> str:
        return f"<Bystanders {self._count} {self._server!r}>"

    async def __aenter__(self) -> Self:
        session = self._wrapper.session(timeout=acurl.Timeout(None, connect=30, total=None))
        for number in range(self._count):
            request = session.get(f"{self._server.url}/{number}")
            self._tasks.append(asyncio.create_task(request))
        try:
            async with asyncio.timeout(START_SECONDS):
                while self._server.held < self._count:  # noqa: ASYNC110 - set by another thread
                    await asyncio.sleep(0.005)
        except BaseException:
            await self._abandon()
            raise
        assert self._wrapper.stats().in_flight == self._count
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if error is None:
                await self._check()
        finally:
            await self._abandon()

    async def _check(self) -> None:
        ended = [task for task in self._tasks if task.done()]
        assert not ended, f"{len(ended)} bystanders ended early, the first: {ended[0]!r}"
        self._server.release()
        async with asyncio.timeout(END_SECONDS):
            responses = await asyncio.gather(*self._tasks)
        wrong = [
            response
            for number, response in enumerate(responses)
            if response.status_code != 200
            or response.body != body_for(f"/{number}")
            or response.retries
        ]
        assert not wrong, f"{len(wrong)} bystanders were harmed, the first: {wrong[0]!r}"

    async def _abandon(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._server.close()


async def meet(
    wrapper: acurl.CurlWrapper,
    url: str,
    *,
    times: int = 1,
    within: float = 30.0,
    method: str = "GET",
    session: acurl.Session | None = None,
    **options: Any,
) -> list[acurl.AcurlError]:
    """The errors of so many requests to a server that misbehaves, made beside bystanders.

    All must fail within so many seconds of the clock on the wall, with a message that tells code,
    request and what to try.
    """
    session = session or wrapper.session(timeout=10)
    async with Bystanders(wrapper):
        requests = [session.request(method, url, **options) for _ in range(times)]
        async with asyncio.timeout(within):
            results = await asyncio.gather(*requests, return_exceptions=True)
    errors = [result for result in results if isinstance(result, acurl.AcurlError)]
    assert len(errors) == times, results
    for error in errors:
        message = str(error)
        start = rf"curl failed with code {error.code}: .+ \({method} {re.escape(url)}\); \w.+"
        assert re.fullmatch(start, message), message
    return errors
