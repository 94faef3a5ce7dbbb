"""An HTTP/2 server that does what a test tells it to, however wrong that is.

A script gets an `H2Connection` for each connection. What is right goes through the h2 package,
which keeps the state of the connection; what must be wrong is written as bytes of frames.
"""

import socket
import ssl
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from h2.config import H2Configuration
from h2.connection import H2Connection as Protocol
from h2.events import DataReceived, Event, RequestReceived, StreamEnded, StreamReset
from h2.settings import SettingCodes

from tests.servers.certificates import Certificate
from tests.servers.raw import Connection, RawServer

HTTP_2 = ("h2",)

# Frame types and flags of RFC 9113.
DATA, HEADERS, RST_STREAM, SETTINGS, PUSH_PROMISE, GOAWAY = 0, 1, 3, 4, 5, 7
END_STREAM, END_HEADERS = 1, 4


@dataclass
class H2Request:
    """One request as it came."""

    stream: int
    method: str
    path: str
    body: bytearray = field(default_factory=bytearray)
    complete: bool = False
    reset: bool = False


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    """The bytes of one frame, right or wrong."""
    return struct.pack("!I", len(payload))[1:] + struct.pack("!BBI", kind, flags, stream) + payload


def alpn_of(sock: socket.socket) -> str:
    """The protocol agreed on; without TLS there is nothing to agree on."""
    if isinstance(sock, ssl.SSLSocket):
        return sock.selected_alpn_protocol() or ""
    return "h2"


class H2Connection:
    """One accepted connection, in the hands of a script."""

    def __init__(self, connection: Connection, initial_window: int | None) -> None:
        self.raw = connection
        self.number = connection.number
        """1 for the first connection that the server accepted."""
        self.alpn = alpn_of(connection.sock)
        """What TLS negotiated; "h2" without TLS."""
        self.requests: dict[int, H2Request] = {}
        self.opens_windows = True
        """Whether received bytes are acknowledged with WINDOW_UPDATE."""
        self._protocol = Protocol(H2Configuration(client_side=False, header_encoding="utf-8"))
        if self.alpn == "h2":
            self._protocol.initiate_connection()
            if initial_window is not None:
                self._protocol.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: initial_window})
            self.flush()

    def __repr__(self) -> str:
        return f"<H2Connection {self.number} streams={sorted(self.requests)}>"

    def flush(self) -> None:
        """Send what the protocol has to say."""
        if data := self._protocol.data_to_send():
            self.raw.send(data)

    def write(self, *frames: bytes) -> None:
        """Send bytes that the protocol does not know of."""
        self.flush()
        self.raw.send(*frames)

    def receive(self) -> bool:
        """Take what comes next; False when the client has gone."""
        received = self.raw.sock.recv(65536)
        if not received:
            return False
        for event in self._protocol.receive_data(received):
            self._note(event)
        self.flush()
        return True

    def requested(self, count: int = 1, *, complete: bool = True) -> list[H2Request]:
        """The first `count` requests, once they are there (whole, unless told otherwise).

        Raises OSError, which ends the script in silence, when the client goes away before.
        """
        while True:
            there = [one for one in self.requests.values() if one.complete or not complete]
            if len(there) >= count:
                return there[:count]
            if not self.receive():
                raise ConnectionResetError

    def until_gone(self) -> None:
        """Take, and acknowledge, all that the client still sends."""
        while self.receive():
            pass

    def end(self) -> None:
        """Close for writing, without GOAWAY, and wait for the client to go: no reset follows."""
        self.flush()
        self.raw.sock.shutdown(socket.SHUT_WR)
        self.until_gone()

    def headers(self, stream: int, *fields: tuple[str, str], end: bool = False) -> None:
        """A head with status 200."""
        self._protocol.send_headers(stream, [(":status", "200"), *fields], end_stream=end)
        self.flush()

    def data(self, stream: int, data: bytes, *, end: bool = False) -> None:
        """One DATA frame; `data` must fit into the windows."""
        self._protocol.send_data(stream, data, end_stream=end)
        self.flush()

    def respond(self, stream: int, body: bytes = b"ok\n") -> None:
        """One well-formed answer."""
        self.headers(stream, ("content-length", str(len(body))))
        self.data(stream, body, end=True)

    def reset(self, stream: int, code: int) -> None:
        """RST_STREAM."""
        self.write(frame(RST_STREAM, 0, stream, struct.pack("!I", code)))

    def go_away(self, last_stream: int, code: int = 0, text: bytes = b"") -> None:
        """GOAWAY; the connection stays open."""
        self.write(frame(GOAWAY, 0, 0, struct.pack("!II", last_stream, code) + text))

    def push(self, stream: int, promised: int) -> None:
        """PUSH_PROMISE of GET /, which a client that forbids it must treat as an error."""
        block = struct.pack("!I", promised) + b"\x82\x86\x84"
        self.write(frame(PUSH_PROMISE, END_HEADERS, stream, block))

    def settings(self, count: int) -> None:
        """That many SETTINGS frames, each of which must be acknowledged."""
        one = frame(SETTINGS, 0, 0, struct.pack("!HI", SettingCodes.MAX_CONCURRENT_STREAMS, 100))
        self.write(*[one * 100] * (count // 100))

    def _note(self, event: Event) -> None:
        match event:
            case RequestReceived():
                named = {str(name): str(value) for name, value in event.headers or ()}
                request = H2Request(event.stream_id or 0, named[":method"], named[":path"])
                self.requests[request.stream] = request
            case DataReceived():
                self.requests[event.stream_id or 0].body += event.data or b""
                if self.opens_windows and event.flow_controlled_length:
                    self._protocol.acknowledge_received_data(
                        event.flow_controlled_length, event.stream_id or 0
                    )
            case StreamEnded():
                self.requests[event.stream_id or 0].complete = True
            case StreamReset():
                self.requests[event.stream_id or 0].reset = True
            case _:
                pass


H2Script = Callable[[H2Connection], None]
"""What to do with one accepted connection; it is closed when the script returns."""


class H2Server(RawServer):
    """Listens on a free port; runs `script` for each connection until closed.

    `initial_window` is what each stream of the client may send before the server opens its window.
    `connections` are those of the past and present, in the order in which they came.
    """

    def __init__(
        self,
        script: H2Script,
        certificate: Certificate | None = None,
        initial_window: int | None = None,
        protocols: Sequence[str] = HTTP_2,
    ) -> None:
        self.connections: list[H2Connection] = []

        def run(connection: Connection) -> None:
            http2 = H2Connection(connection, initial_window)
            self.connections.append(http2)
            script(http2)

        super().__init__(run, certificate, protocols)

    def received(self) -> list[H2Request]:
        """All requests that came, over all connections."""
        return [one for each in self.connections for one in each.requests.values()]
