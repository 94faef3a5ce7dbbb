"""A server that keeps what it receives by case, so that two clients' requests can be compared."""

import re
from collections import defaultdict

from tests.servers.raw import Connection, RawServer

CASE = "Case-Number"
# The body of a request without one that promises chunks; only new libcurls send it.
NO_CHUNKS = b"0\r\n\r\n"
_CASE = re.compile(rb"\r\n" + CASE.encode() + rb": ([0-9.]+)\r\n")
# Each client names the codings that its libcurl was built with.
_CODINGS = re.compile(rb"\r\nAccept-Encoding: deflate, gzip[^\r]*")


class Recorder(RawServer):
    """Answers every request with an empty 200, and with the header lines in `answers[case]`.

    A request says its case in the header Case-Number; those that do not are of case "". While
    `hangs_up` each connection serves one request: over a proxy's connection that it has used for
    another host, an old curl brackets the wrong hosts.
    """

    def __init__(self) -> None:
        self.hangs_up = False
        self.answers: dict[str, list[bytes]] = {}
        self._heads: defaultdict[str, list[bytes]] = defaultdict(list)
        super().__init__(self._record)

    def take(self) -> dict[str, list[bytes]]:
        """Case to the heads that arrived since the last call, without the line of the case."""
        heads, self._heads = self._heads, defaultdict(list)
        return dict(heads)

    def _record(self, connection: Connection) -> None:
        while head := connection.read_head():
            if head == NO_CHUNKS:
                continue
            found = _CASE.search(head)
            case = found[1].decode() if found else ""
            shown = _CODINGS.sub(b"", _CASE.sub(b"\r\n", head, count=1))
            self._heads[case].append(shown)
            lines = [b"HTTP/1.1 200 OK", b"Content-Length: 0", *self.answers.get(case, ())]
            if self.hangs_up:
                lines.append(b"Connection: close")
            connection.send(b"\r\n".join(lines) + b"\r\n\r\n")
            if self.hangs_up:
                return
