"""A TCP server that says exactly what a test tells it to, however wrong that is."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

from tests.servers.certificates import Certificate
from tests.servers.conditions import wait_until

Script = Callable[["Connection"], None]
"""What to do with one accepted connection; it is closed when the script returns."""

ACCEPT_POLL_SECONDS = 0.05


class Connection:
    """One accepted connection, in the hands of a script, in a thread of its own."""

    def __init__(self, sock: socket.socket, number: int) -> None:
        self.sock = sock
        self.number = number
        """1 for the first connection that the server accepted."""
        self._unread = b""

    def __repr__(self) -> str:
        return f"<Connection {self.number} unread={len(self._unread)}>"

    def read_head(self) -> bytes:
        """Request line and headers up to and with the empty line; b"" when the peer has closed."""
        while b"\r\n\r\n" not in self._unread:
            received = self.sock.recv(65536)
            if not received:
                return b""
            self._unread += received
        head, separator, self._unread = self._unread.partition(b"\r\n\r\n")
        return head + separator

    def read_exactly(self, size: int) -> bytes:
        """`size` bytes of a body; fewer when the peer closes first."""
        while len(self._unread) < size and (received := self.sock.recv(65536)):
            self._unread += received
        body, self._unread = self._unread[:size], self._unread[size:]
        return body

    def read_until_closed(self) -> bytes:
        """All that the peer still sends: the way to wait until it goes away."""
        while received := self.sock.recv(65536):
            self._unread += received
        rest, self._unread = self._unread, b""
        return rest

    def send(self, *parts: bytes) -> None:
        """Write each part at once, in its own segment where the kernel agrees."""
        for part in parts:
            self.sock.sendall(part)

    def respond(self, body: bytes = b"ok\n", status: str = "200 OK", *headers: str) -> None:
        """One well-formed HTTP/1.1 response."""
        lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
        self.send("\r\n".join(lines).encode() + b"\r\n\r\n" + body)

    def reset(self) -> None:
        """Close with a RST in place of a FIN."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.sock.close()


class RawServer:
    """Listens on a free port from birth; runs `script` for each connection until closed."""

    def __init__(
        self,
        script: Script,
        certificate: Certificate | None = None,
        protocols: Sequence[str] = (),
        address: str = "127.0.0.1",
    ) -> None:
        """`protocols` are what it offers in ALPN, the best first; `address` is what it binds."""
        self._script = script
        self.tls: ssl.SSLContext | None = None
        """What handshakes follow; what is set on it holds for connections to come."""
        if certificate is not None:
            self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.tls.load_cert_chain(certificate.chain, certificate.key)
            self.tls.set_alpn_protocols(protocols)
        self._listener = socket.create_server((address, 0), backlog=1024)
        self._listener.settimeout(ACCEPT_POLL_SECONDS)
        self.port: int = self._listener.getsockname()[1]
        self.url = f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"
        # Written by the accepting thread only; tests read them.
        self.accepted = 0
        self.failures: list[Exception] = []
        self._open: list[socket.socket] = []
        self._workers: list[threading.Thread] = []
        self._closing = threading.Event()
        self._acceptor = threading.Thread(target=self._accept, name="raw-server")
        self._acceptor.start()

    def __repr__(self) -> str:
        return f"<RawServer {self.url} accepted={self.accepted}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def wait_accepted(self, count: int) -> None:
        """Until `count` connections have been accepted since the start."""
        wait_until(lambda: self.accepted >= count, f"{count} accepted connections on {self!r}")

    def close(self) -> None:
        """End all scripts by shutting their sockets down, and all threads."""
        self._closing.set()
        self._acceptor.join()
        self._listener.close()
        for sock in self._open:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for worker in self._workers:
            worker.join()

    def _accept(self) -> None:
        while not self._closing.is_set():
            try:
                sock, _peer = self._listener.accept()
            except TimeoutError:
                continue
            sock.settimeout(None)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.accepted += 1
            self._open.append(sock)
            worker = threading.Thread(target=self._serve, args=(sock, self.accepted))
            self._workers.append(worker)
            worker.start()

    def _serve(self, sock: socket.socket, number: int) -> None:
        # A peer that goes away, or refuses our certificate, is what many tests are about.
        with contextlib.suppress(OSError), sock:
            if self.tls is None:
                self._run(Connection(sock, number))
                return
            with self.tls.wrap_socket(
                sock, server_side=True, do_handshake_on_connect=False
            ) as secure:
                self._open.append(secure)
                if _shake_hands(secure):
                    self._run(Connection(secure, number))

    def _run(self, connection: Connection) -> None:
        try:
            self._script(connection)
        except OSError:
            raise
        except Exception as error:  # noqa: BLE001 - the fixture raises it in the test's thread
            self.failures.append(error)


def _shake_hands(sock: ssl.SSLSocket) -> bool:
    """Whether it succeeded; if not, the alert is not overtaken by a reset."""
    try:
        sock.do_handshake()
    except ssl.SSLError:
        sock.shutdown(socket.SHUT_WR)
        while sock.recv(65536):
            pass
        return False
    return True
