"""A proxy as a real peer: forwards HTTP, tunnels CONNECT and UDP, speaks SOCKS 4, 4a and 5.

Which of them a connection speaks is told by its first byte. Names that end in .test are led to
127.0.0.1, so a test can see who looked a name up.
"""

import base64
import re
import select
import socket
import struct
from urllib.parse import urlsplit

from tests.servers.certificates import Certificate
from tests.servers.raw import Connection, RawServer

SOCKS5_FAILURE, SOCKS5_OK, SOCKS4_OK = 1, 0, 90
NO_LOGIN, WITH_LOGIN = 0, 2
IPV4, NAME, IPV6 = 1, 3, 4

# RFC 9298; its datagrams are capsules of RFC 9297: type, length, context, packet.
UDP_TARGET = re.compile(r"/\.well-known/masque/udp/([^/]+)/([0-9]+)/$")
UDP_WELCOME = (
    b"HTTP/1.1 101 Go\r\nConnection: Upgrade\r\nUpgrade: connect-udp\r\n"
    b"Capsule-Protocol: ?1\r\n\r\n"
)
DATAGRAM = 0


class Proxy(RawServer):
    """`log` has a line for each request or tunnel, such as "CONNECT example.test:443".

    With `login`, "user:password", it refuses whoever does not give it.
    """

    def __init__(self, login: str | None = None, certificate: Certificate | None = None) -> None:
        self.log: list[str] = []
        self.logins: list[str] = []
        """What was given as credentials, refused ones too."""
        self._login = login
        super().__init__(self._proxy, certificate)

    @property
    def address(self) -> str:
        """host:port, to put a scheme before."""
        return f"127.0.0.1:{self.port}"

    def _proxy(self, connection: Connection) -> None:
        first = connection.read_exactly(1)
        if first == b"\5":
            self._socks5(connection)
        elif first == b"\4":
            self._socks4(connection)
        elif first:
            self._http(connection, first)

    def _admits(self, login: str | None) -> bool:
        if login is not None:
            self.logins.append(login)
        return self._login is None or login == self._login

    def _http(self, connection: Connection, first: bytes) -> None:
        head = first + connection.read_head()
        while not self._admits(_basic(head)):
            connection.respond(b"", "407 Who Are You", 'Proxy-Authenticate: Basic realm="p"')
            if not (head := connection.read_head()):
                return
        method, target, _ = head.decode().split(" ", 2)
        if udp := UDP_TARGET.search(target):
            self.log.append(f"UDP {udp[1]}:{udp[2]}")
            connection.send(UDP_WELCOME)
            carry_packets(connection, udp[1], int(udp[2]))
            return
        self.log.append(f"{method} {target}")
        if method == "CONNECT":
            host, _, port = target.rpartition(":")
            self._tunnel(connection, host.strip("[]"), int(port), b"HTTP/1.1 200 Go\r\n\r\n")
            return
        parts = urlsplit(target)
        request = head.replace(target.encode(), parts.path.encode() or b"/", 1)
        with connect(parts.hostname or "", parts.port or 80) as upstream:
            upstream.sendall(request.replace(b"\r\n", b"\r\nConnection: close\r\n", 1))
            upstream.shutdown(socket.SHUT_WR)
            connection.send(b"".join(iter(lambda: upstream.recv(65536), b"")))

    def _tunnel(self, connection: Connection, host: str, port: int, welcome: bytes) -> None:
        with connect(host, port) as upstream:
            connection.send(welcome)
            pump(connection.sock, upstream)

    def _socks5(self, connection: Connection) -> None:
        methods = connection.read_exactly(connection.read_exactly(1)[0])
        login = None
        if WITH_LOGIN in methods:
            connection.send(bytes((5, WITH_LOGIN)))
            connection.read_exactly(1)
            user = connection.read_exactly(connection.read_exactly(1)[0])
            password = connection.read_exactly(connection.read_exactly(1)[0])
            login = f"{user.decode()}:{password.decode()}"
        if not self._admits(login):
            connection.send(bytes((1, SOCKS5_FAILURE)))
            return
        connection.send(bytes((5, NO_LOGIN)) if login is None else bytes((1, SOCKS5_OK)))
        _version, _command, _reserved, kind = connection.read_exactly(4)
        if kind == NAME:
            host = connection.read_exactly(connection.read_exactly(1)[0]).decode()
        elif kind == IPV4:
            host = socket.inet_ntop(socket.AF_INET, connection.read_exactly(4))
        else:
            host = socket.inet_ntop(socket.AF_INET6, connection.read_exactly(16))
        (port,) = struct.unpack(">H", connection.read_exactly(2))
        self.log.append(f"SOCKS5 {host}:{port}")
        welcome = bytes((5, SOCKS5_OK, 0, IPV4)) + bytes(6)
        self._tunnel(connection, host, port, welcome)

    def _socks4(self, connection: Connection) -> None:
        _command, port, address = struct.unpack(">BH4s", connection.read_exactly(7))
        user = read_text(connection)
        self._admits(user or None)
        host = socket.inet_ntop(socket.AF_INET, address)
        if address[:3] == b"\0\0\0":  # of SOCKS 4a: the name follows
            host = read_text(connection)
        self.log.append(f"SOCKS4 {host}:{port}")
        self._tunnel(connection, host, port, bytes((0, SOCKS4_OK)) + bytes(6))


def _basic(head: bytes) -> str | None:
    given = re.search(rb"\r\nProxy-Authorization: Basic (\S+)\r\n", head, re.IGNORECASE)
    return base64.b64decode(given[1]).decode() if given else None


def read_text(connection: Connection) -> str:
    """What stands before the next NUL."""
    return b"".join(iter(lambda: connection.read_exactly(1), b"\0")).decode()


def connect(host: str, port: int) -> socket.socket:
    """A connection to a loopback address, or to 127.0.0.1 for a name of .test."""
    return socket.create_connection(("127.0.0.1" if host.endswith(".test") else host, port), 10)


def pump(one: socket.socket, other: socket.socket) -> None:
    """Carry bytes both ways until either side has closed."""
    while True:
        waiting = hasattr(one, "pending") and one.pending()
        for source in [one] if waiting else select.select([one, other], [], [])[0]:
            data = source.recv(65536)
            if not data:
                return
            (other if source is one else one).sendall(data)


def carry_packets(connection: Connection, host: str, port: int) -> None:
    """Carry packets both ways until the client has closed."""
    client, unread = connection.sock, b""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as target:
        target.connect((host, port))
        while True:
            waiting = hasattr(client, "pending") and client.pending()
            ready = [client] if waiting else select.select([client, target], [], [])[0]
            if target in ready:
                packet = bytes((0,)) + target.recv(65536)
                connection.send(bytes((DATAGRAM,)) + number(len(packet)) + packet)
            if client in ready:
                received = client.recv(65536)
                if not received:
                    return
                packets, unread = split_capsules(unread + received)
                for packet in packets:
                    target.send(packet)


def number(value: int) -> bytes:
    """A length as QUIC writes it."""
    return bytes((value,)) if value < 64 else (value | 0x4000).to_bytes(2, "big")


def split_capsules(data: bytes) -> tuple[list[bytes], bytes]:
    """The packets in complete capsules, and what is left."""
    packets = []
    while len(data) >= 3:
        size = 1 << (data[1] >> 6)
        length = int.from_bytes(data[1 : 1 + size], "big") & ((1 << (8 * size - 2)) - 1)
        end = 1 + size + length
        if len(data) < end:
            break
        if data[0] == DATAGRAM and data[1 + size] == 0:
            packets.append(data[2 + size : end])
        data = data[end:]
    return packets, data
