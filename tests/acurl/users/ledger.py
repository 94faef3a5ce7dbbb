"""Servers on the test's own loop that keep account of each connection: what came, and its end.

    async with keeping(Line) as ledger:     # HTTP/1.1; with a certificate over TLS
    async with keeping(Bundle) as ledger:   # HTTP/2

Paths: /hold is never answered; /half gets a head and half of its body (of 4 bytes), then nothing;
/status/NNN that status; /to/URL a redirect to the unquoted rest. The query set=COOKIE adds a
Set-Cookie header; anything else is answered with "ok".
"""

import asyncio
import re
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast
from urllib.parse import unquote

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import ConnectionTerminated, DataReceived, RequestReceived, StreamReset

from tests.servers.certificates import Certificate

HALF = b"ha"


class Ledger:
    """`lines` are the connections in the order in which they came."""

    def __init__(self) -> None:
        self.lines: list[Any] = []
        self.url = ""
        self.port = 0

    def __repr__(self) -> str:
        return f"<Ledger {self.url} lines={len(self.lines)} open={self.open}>"

    @property
    def open(self) -> int:
        """How many connections are not closed."""
        return sum(line.is_open for line in self.lines)

    @property
    def heads(self) -> list[str]:
        """All requests so far, connection by connection."""
        return [head for line in self.lines for head in line.heads]


class _Account(asyncio.Protocol):
    """What HTTP/1.1 and HTTP/2 have in common."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.heads: list[str] = []
        self.latest = 0.0
        """When the last request came, on the monotonic clock."""
        self.is_open = True
        self.transport: asyncio.Transport

    def __repr__(self) -> str:
        return f"<{type(self).__name__} open={self.is_open} heads={self.heads}>"

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Open the account."""
        self.transport = cast(asyncio.Transport, transport)  # which uvloop's is, but not by class
        self.ledger.lines.append(self)

    def note(self, head: str) -> None:
        """Enter a request."""
        self.heads.append(head)
        self.latest = time.monotonic()

    def forget(self) -> None:
        """Give back the memory of what was entered."""
        self.heads.clear()

    def connection_lost(self, exc: Exception | None) -> None:
        """Close the account."""
        self.is_open = False


def _answer(path: str) -> tuple[int, list[tuple[str, str]]] | None:
    """Status and headers for a path, None for no answer."""
    target, _, query = path.partition("?")
    if target == "/hold":
        return None
    status, headers = 200, []
    if found := re.match(r"/status/(\d+)", target):
        status = int(found[1])
    if found := re.match(r"/to/(.+)", target):
        status, headers = 302, [("location", unquote(found[1]))]
    if query.startswith("set="):
        headers.append(("set-cookie", unquote(query[4:])))
    return status, headers


class Line(_Account):
    """One connection with HTTP/1.1; `heads` are requests as they came, decoded."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self.received = b""
        """What has not been answered yet."""
        self._is_deaf = False

    def data_received(self, data: bytes) -> None:
        """Answer each request that is complete; one in chunks never is."""
        if self._is_deaf:
            return
        self.received += data
        while b"\r\n\r\n" in self.received:
            head, _, rest = self.received.partition(b"\r\n\r\n")
            self._is_deaf = b"chunked" in head
            size = re.search(rb"\r\ncontent-length: (\d+)", head, re.IGNORECASE)
            length = int(size[1]) if size else 0
            if len(rest) < length:
                return
            self.received = rest[length:]
            self.note(head.decode())
            if self._is_deaf:
                self.received = b""
                return
            self._say(head.split()[1].decode())

    def _say(self, path: str) -> None:
        answer = _answer(path)
        if answer is None:
            return
        status, headers = answer
        half = path.startswith("/half")
        lines = [f"HTTP/1.1 {status} Said", f"Content-Length: {4 if half else 2}"]
        lines += [f"{name}: {value}" for name, value in headers]
        self.transport.write("\r\n".join(lines).encode() + b"\r\n\r\n" + (HALF if half else b"ok"))


class Bundle(_Account):
    """One connection with HTTP/2; `heads` are paths, `resets` the streams that the client reset."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self.resets: list[str] = []
        """Paths, in the order in which the streams were reset."""
        self.fields: list[dict[str, str]] = []
        """The headers of each request."""
        self.goodbye = False
        self._paths: dict[int, str] = {}
        self._h2 = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Open the account, and HTTP/2."""
        super().connection_made(transport)
        self._h2.initiate_connection()
        self.transport.write(self._h2.data_to_send())

    def data_received(self, data: bytes) -> None:
        """Answer each request once its head is there."""
        for event in self._h2.receive_data(data):
            if isinstance(event, RequestReceived):
                self._say(event.stream_id, dict(event.headers))
            elif isinstance(event, DataReceived):
                self._h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            elif isinstance(event, StreamReset):
                self.resets.append(self._paths[event.stream_id])
            elif isinstance(event, ConnectionTerminated):
                self.goodbye = True
        self.transport.write(self._h2.data_to_send())

    def _say(self, stream: int, fields: dict[Any, Any]) -> None:
        path = self._paths[stream] = str(fields[":path"])
        self.note(path)
        self.fields.append(fields)
        answer = _answer(path)
        if answer is None:
            return
        status, headers = answer
        half = path.startswith("/half")
        self._h2.send_headers(stream, [(":status", str(status)), *headers])
        self._h2.send_data(stream, HALF if half else b"ok", end_stream=not half)


@asynccontextmanager
async def keeping(
    kind: type[Line] | type[Bundle], certificate: Certificate | None = None, host: str = "127.0.0.1"
) -> AsyncIterator[Ledger]:
    """A server of one kind on a free port of `host`; all connections are ended on leaving."""
    tls = None
    if certificate is not None:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate.chain, certificate.key)
        tls.set_alpn_protocols(["h2" if kind is Bundle else "http/1.1"])
    ledger = Ledger()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: kind(ledger), host, 0, ssl=tls, backlog=4096)
    ledger.port = server.sockets[0].getsockname()[1]
    ledger.url = f"{'https' if tls else 'http'}://{host}:{ledger.port}"
    try:
        yield ledger
    finally:
        server.close()
        for line in ledger.lines:
            line.transport.abort()
        while ledger.open:  # noqa: ASYNC110 - the sockets are closed in a later pass of the loop
            await asyncio.sleep(0)
