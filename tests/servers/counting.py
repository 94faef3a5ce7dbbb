"""A server that counts: how many connections and requests it has at once, and in which order.

One thread, one selector. Ends of connections are handled before the next one is accepted, and one
is accepted per pass, so that a client which closes one and then opens another is never seen with
both: what it counts can be held against a ceiling, to the last one.

Paths: one that ends in "/wait/MS" is answered after so many milliseconds, all others at once.
"""

from __future__ import annotations

import heapq
import selectors
import socket
import threading
import time
from collections.abc import Callable
from itertools import count
from types import TracebackType
from typing import Any, Self

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import ConnectionTerminated, RequestReceived, StreamReset
from h2.exceptions import ProtocolError, TooManyStreamsError
from h2.settings import SettingCodes, Settings

BODY = b"ok\n"


class Http1:
    """One connection of HTTP/1.1, kept open."""

    def __init__(self, server: CountingServer) -> None:
        self._server = server
        self._unread = b""

    def greeting(self) -> bytes:
        """What the server says first."""
        return b""

    def received(self, data: bytes) -> list[tuple[int, str]]:
        """Requests that `data` completes: stream number and path."""
        self._unread += data
        found = []
        while b"\r\n\r\n" in self._unread:
            head, _, self._unread = self._unread.partition(b"\r\n\r\n")
            found.append((0, head.split(b" ", 2)[1].decode()))
        return found

    def answer(self, _stream: int) -> bytes:
        """A whole answer."""
        last = b"Connection: close\r\n" if self._server.keeps_none else b""
        return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n%s\r\n%s" % (len(BODY), last, BODY)

    def gone(self) -> list[int]:
        """Streams that the client has given up since this was last asked."""
        return []


class Http2:
    """One connection of HTTP/2, by prior knowledge."""

    def __init__(self, server: CountingServer) -> None:
        self._server = server
        self._protocol = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))
        limits = {SettingCodes.MAX_CONCURRENT_STREAMS: server.stream_limit}
        self._protocol.local_settings = Settings(client=False, initial_values=limits)
        self._gone: list[int] = []

    def greeting(self) -> bytes:
        """The settings."""
        self._protocol.initiate_connection()
        return self._protocol.data_to_send()

    def received(self, data: bytes) -> list[tuple[int, str]]:
        """Requests that `data` begins: stream number and path."""
        found = []
        try:
            events = self._protocol.receive_data(data)
        except TooManyStreamsError:
            self._server.overruns += 1
            return []
        except ProtocolError:  # what follows upon that
            return []
        for event in events:
            if isinstance(event, RequestReceived):
                named = {str(name): str(value) for name, value in event.headers or ()}
                found.append((event.stream_id or 0, named[":path"]))
            elif isinstance(event, StreamReset | ConnectionTerminated):
                self._gone.append(getattr(event, "stream_id", 0) or 0)
        return found

    def answer(self, stream: int) -> bytes:
        """A whole answer, or nothing to a stream that is no more."""
        try:
            self._protocol.send_headers(stream, [(":status", "200")])
            self._protocol.send_data(stream, BODY, end_stream=True)
        except ProtocolError:
            return b""
        return self._protocol.data_to_send()

    def gone(self) -> list[int]:
        """Streams that the client has given up since this was last asked."""
        gone, self._gone = self._gone, []
        return gone


class CountingServer:
    """Serves in a thread from birth until closed. Its figures are written by that thread alone."""

    def __init__(self, *, http2: bool = False, stream_limit: int = 1000) -> None:
        self.stream_limit = stream_limit
        """MAX_CONCURRENT_STREAMS of connections to come."""
        self.keeps_none = False
        """Whether answers say "Connection: close"."""
        self.accepted = self.open = self.peak_open = 0
        self.running = self.peak_running = self.peak_streams = 0
        self.overruns = 0
        """How often a client had more streams than were allowed."""
        self.order: list[str] = []
        """Paths of all requests, as they came."""
        self._kind: Callable[[CountingServer], Http1 | Http2] = Http2 if http2 else Http1
        self._connections: dict[socket.socket, Http1 | Http2] = {}
        self._due: list[tuple[float, int, socket.socket, int]] = []
        self._streams: dict[socket.socket, set[int]] = {}
        self._serial = count()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
        self._listener.setblocking(False)
        self.port: int = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._waker, self._sleeper = socket.socketpair()
        self._selector.register(self._sleeper, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._serve, name="counting-server")
        self._thread.start()

    def __repr__(self) -> str:
        return f"<CountingServer {self.url} open={self.open} accepted={self.accepted}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the thread and all connections."""
        self._waker.close()
        self._thread.join()
        for sock in (*self._connections, self._listener, self._sleeper):
            sock.close()
        self._selector.close()

    def drop(self) -> None:
        """Reset all connections, at once."""
        self._waker.send(b"x")

    def _serve(self) -> None:
        while True:
            wait = max(0.0, self._due[0][0] - time.monotonic()) if self._due else None
            ready = [key.fileobj for key, _ in self._selector.select(wait)]
            if self._sleeper in ready:
                if not self._sleeper.recv(16):
                    return
                self._reset_all()
            for sock in ready:
                if sock in self._connections:
                    self._read(sock)
            if self._listener in ready:
                self._accept()
            self._answer_due()

    def _accept(self) -> None:
        try:
            sock, _ = self._listener.accept()
        except BlockingIOError:
            return
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = self._connections[sock] = self._kind(self)
        self._streams[sock] = set()
        self._selector.register(sock, selectors.EVENT_READ)
        self.accepted += 1
        self.open += 1
        self.peak_open = max(self.peak_open, self.open)
        self._send(sock, connection.greeting())

    def _read(self, sock: Any) -> None:
        data, ended = _all_of(sock)
        connection = self._connections[sock]
        for stream, path in connection.received(data):
            self.order.append(path)
            self._begin(sock, stream)
            wait = float(path.rpartition("/")[2]) / 1e3 if "/wait/" in path else 0.0
            heapq.heappush(self._due, (time.monotonic() + wait, next(self._serial), sock, stream))
        for stream in connection.gone():
            self._end(sock, stream)
        if ended:
            self._forget(sock)

    def _begin(self, sock: socket.socket, stream: int) -> None:
        self._streams[sock].add(stream)
        self.running += 1
        self.peak_running = max(self.peak_running, self.running)
        self.peak_streams = max(self.peak_streams, len(self._streams[sock]))

    def _end(self, sock: socket.socket, stream: int) -> None:
        if stream in self._streams.get(sock, ()):
            self._streams[sock].discard(stream)
            self.running -= 1

    def _answer_due(self) -> None:
        now = time.monotonic()
        while self._due and self._due[0][0] <= now:
            _, _, sock, stream = heapq.heappop(self._due)
            if stream in self._streams.get(sock, ()):
                self._end(sock, stream)
                self._send(sock, self._connections[sock].answer(stream))

    def _send(self, sock: socket.socket, data: bytes) -> None:
        try:
            sock.sendall(data)
        except OSError:
            self._forget(sock)

    def _forget(self, sock: socket.socket) -> None:
        if self._connections.pop(sock, None) is None:
            return
        self.running -= len(self._streams.pop(sock))
        self._selector.unregister(sock)
        sock.close()
        self.open -= 1

    def _reset_all(self) -> None:
        for sock in list(self._connections):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            self._forget(sock)


def _all_of(sock: socket.socket) -> tuple[bytes, bool]:
    """What has come, and whether that is all: a goodbye and the end come one behind the other."""
    data = b""
    while True:
        try:
            piece = sock.recv(1 << 18, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return data, False
        except ConnectionError:
            return data, True
        if not piece:
            return data, True
        data += piece
