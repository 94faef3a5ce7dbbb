"""A server that answers each request with the very bytes it received, and remembers them."""

import re

from tests.servers.certificates import Certificate
from tests.servers.conditions import wait_until
from tests.servers.raw import Connection, RawServer


class Echo(RawServer):
    """`received` holds head and body of each request, in the order in which they arrived.

    A path of /status/NNN is answered with that status and without a body; a query of set=COOKIE
    has a Set-Cookie header with the unquoted rest in the answer.
    """

    def __init__(self, certificate: Certificate | None = None) -> None:
        self.received: list[bytes] = []
        super().__init__(self._answer, certificate)

    def last(self) -> bytes:
        """The latest request, head and body."""
        return self.received[-1]

    def wait_received(self, count: int) -> list[bytes]:
        """All requests, once there are `count` of them."""
        wait_until(lambda: len(self.received) >= count, f"{count} requests on {self!r}")
        return self.received

    def _answer(self, connection: Connection) -> None:
        while head := connection.read_head():
            size = re.search(rb"\r\ncontent-length: (\d+)", head, re.IGNORECASE)
            request = head + (connection.read_exactly(int(size[1])) if size else b"")
            self.received.append(request)
            method, target, _ = head.split(b" ", 2)
            status = re.match(rb"/status/(\d+)", target)
            body = b"" if method == b"HEAD" or status else request
            cookie = target.partition(b"?set=")[2].decode()
            headers = [f"Set-Cookie: {cookie.replace('%20', ' ')}"] if cookie else []
            code = status[1].decode() if status else "200"
            connection.respond(body, f"{code} Said", *headers)


def headers_of(request: bytes) -> list[tuple[str, str]]:
    """Name in lower case and value of each header line of a request as received."""
    lines = request.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")[1:]
    pairs = (line.partition(":") for line in lines)
    return [(name.lower(), value.strip()) for name, _, value in pairs]


def body_of(request: bytes) -> bytes:
    """The body of a request as received."""
    return request.partition(b"\r\n\r\n")[2]
