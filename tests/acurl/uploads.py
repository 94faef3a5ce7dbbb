"""A server that takes bodies of any framing, and keeps them as they arrive."""

import re
from dataclasses import dataclass

from tests.acurl.echo import headers_of
from tests.servers.raw import Connection, RawServer


@dataclass
class Upload:
    """One request: `body` grows while it comes, unframed."""

    method: str
    path: str
    headers: dict[str, str]
    connection: int
    body: bytes = b""
    complete: bool = False


class Uploads(RawServer):
    """Answers each request with its method and the length of its body once that is whole.

    /status/NNN?TARGET is answered with that status, and the rest as Location.
    """

    def __init__(self) -> None:
        self.received: list[Upload] = []
        super().__init__(self._take)

    def _take(self, connection: Connection) -> None:
        while head := connection.read_head():
            method, path, _version = head.split(b"\r\n", 1)[0].decode().split(" ")
            upload = Upload(method, path, dict(headers_of(head)), connection.number)
            self.received.append(upload)
            if not receive(connection, upload):
                return
            upload.complete = True
            status = re.match(r"/status/(\d+)\?(.*)", path)
            code, target = status.groups() if status else ("200", "")
            headers = [f"Location: {target}"] if target else []
            connection.respond(f"{method} {len(upload.body)}".encode(), f"{code} Taken", *headers)


def receive(connection: Connection, upload: Upload) -> bool:
    """Take the body; False when the client has gone before its end."""
    if "chunked" not in upload.headers.get("transfer-encoding", ""):
        size = int(upload.headers.get("content-length", "0"))
        upload.body = connection.read_exactly(size)
        return len(upload.body) == size
    parts: list[bytes] = []
    while line := line_of(connection):
        size = int(line, 16)
        data = connection.read_exactly(size + 2)
        if len(data) < size + 2:
            return False
        if not size:
            upload.body = b"".join(parts)
            return True
        parts.append(data[:-2])
    return False


def line_of(connection: Connection) -> bytes:
    """The size of a chunk; b"" when the client has gone."""
    line = b""
    while not line.endswith(b"\r\n"):
        byte = connection.read_exactly(1)
        if not byte:
            return b""
        line += byte
    return line
