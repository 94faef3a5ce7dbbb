"""A read-only view of a finished transfer, unpacked as far as it is asked for."""

from __future__ import annotations

import codecs
import json as json_module
import struct
from typing import TYPE_CHECKING, Any, Self

from acurl.case_insensitive import CaseInsensitiveDefaultDict, CaseInsensitiveDict
from acurl.cookies import cookie_dict
from acurl.errors import StatusError
from acurl.urls import without_password

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from acurl.jar import Jar
    from acurl.record import HeldBody
    from acurl.request import Request

# The layout of acurl_record in csrc/engine_api.h; a test compares the two.
RECORD = struct.Struct("=6i12qQ8I")
(
    CODE,
    STATUS,
    HTTP_VERSION,
    CAUSE,
    NEW_CONNECTIONS,
    OS_ERROR,
    CONNECTION_ID,
    NAMELOOKUP,
    CONNECT,
    APPCONNECT,
    PRETRANSFER,
    STARTTRANSFER,
    TOTAL,
    START,
    WAIT,
    UPLOAD_SIZE,
    DOWNLOAD_SIZE,
    BODY_LEN,
    HELD_BODY,
    HEADER_LEN,
    IP_LEN,
    REDIRECT_LEN,
    COOKIE_LEN,
    ERROR_LEN,
    CERT_LEN,
    RETRIES,
    REQUEST_SIZE,
) = range(27)

VERSION_NAMES = {1: "1.0", 2: "1.1", 3: "2", 30: "3"}
# Python's own, in which no page is written: they warn, or take minutes for a megabyte.
_NO_CHARSETS = {"idna", "punycode", "raw-unicode-escape", "unicode-escape"}
_SECOND = 1e6  # in microseconds; a quotient is rounded right, a product is not

unpack_record = RECORD.unpack_from
_unpack_body_len = struct.Struct("=q").unpack_from
_BODY_LEN_AT = struct.calcsize("=6i11q")

# In order: start_time and the phases namelookup, connect, appconnect, pretransfer, starttransfer,
# total and pool wait, all in seconds; bytes of body sent and received; connection id,
# connections opened, retries, status; HTTP version and server address.
Figures = tuple[
    float, float, float, float, float, float, float, float, int, int, int, int, int, int, str, str
]


def part(record: bytes, fields: tuple[int, ...], which: int) -> bytes:
    """One variable part of a record; they lie behind it in the order of their lengths."""
    start = RECORD.size + sum(fields[HEADER_LEN:which])
    return record[start : start + fields[which]]


class _Response:
    """The answer to one request. Times are seconds, on libcurl's monotonic clock.

    Made by a session only.
    """

    __slots__ = ("_held", "_jar", "_record", "_request", "_unpacked")

    def __init__(
        self,
        record: bytes,
        request: Request,
        jar: Jar | None = None,
        held: HeldBody | None = None,
    ) -> None:
        self._record = record
        self._unpacked: tuple[int, ...] | None = None
        self._request = request
        self._jar = jar
        self._held = held

    def __repr__(self) -> str:
        url = without_password(self.url)
        return f"<Response {self.status_code} HTTP/{self.http_version} {url}>"

    @property
    def _fields(self) -> tuple[int, ...]:
        if self._unpacked is None:
            self._unpacked = unpack_record(self._record)
        return self._unpacked

    @property
    def request(self) -> Request:
        """The request that this answers."""
        if self._jar is not None and not self._request.has_jar:
            self._request = self._request.with_jar(self._jar)
        return self._request

    @property
    def history(self) -> list[_Response]:
        """The responses of the redirects before this one, oldest first."""
        return list(self.request.history)

    @property
    def status_code(self) -> int:
        """The HTTP status."""
        record = self._record  # the one field that everybody reads: not worth unpacking all
        return record[4] | record[5] << 8

    response_code = status_code

    def raise_for_status(self) -> Self:
        """Raise StatusError when the status is 400 or above; give the response otherwise."""
        if not self.ok:
            raise self._status_error()
        return self

    def _status_error(self) -> StatusError:
        request = self.request
        reason = self.header.partition("\n")[0].partition(f" {self.status_code} ")[2].strip()
        status = f"{self.status_code} {reason}".strip()
        method = request.method.decode()
        error = StatusError(f"{status} for {method} {without_password(self.url)}")
        error.response, error.request = self, request
        return error

    @property
    def ok(self) -> bool:
        """Whether the status is below 400."""
        return self.status_code < 400

    @property
    def url(self) -> str:
        """The URL that gave this answer."""
        return self._request.url

    @property
    def redirect_url(self) -> str | None:
        """The absolute URL that a 3xx answer points to, None otherwise."""
        return part(self._record, self._fields, REDIRECT_LEN).decode(errors="replace") or None

    def figures(self) -> Figures:
        """All figures at once, which is cheaper than asking for each."""
        f = self._fields
        address = RECORD.size + f[HEADER_LEN]
        return (
            f[START] / _SECOND,
            f[NAMELOOKUP] / _SECOND,
            f[CONNECT] / _SECOND,
            f[APPCONNECT] / _SECOND,
            f[PRETRANSFER] / _SECOND,
            f[STARTTRANSFER] / _SECOND,
            f[TOTAL] / _SECOND,
            f[WAIT] / _SECOND,
            f[UPLOAD_SIZE],
            f[DOWNLOAD_SIZE],
            f[CONNECTION_ID],
            f[NEW_CONNECTIONS],
            f[RETRIES] + self._request.restarts,
            f[STATUS],
            VERSION_NAMES.get(f[HTTP_VERSION], "?"),
            self._record[address : address + f[IP_LEN]].decode(errors="surrogateescape"),
        )

    @property
    def namelookup_time(self) -> float:
        """Seconds from the start until the host name was resolved."""
        return self._fields[NAMELOOKUP] / _SECOND

    @property
    def connect_time(self) -> float:
        """Seconds from the start until TCP (or QUIC) was connected; 0.0 on a reused connection."""
        return self._fields[CONNECT] / _SECOND

    @property
    def appconnect_time(self) -> float:
        """Seconds from the start until TLS stood; 0.0 without TLS or on a reused connection."""
        return self._fields[APPCONNECT] / _SECOND

    @property
    def pretransfer_time(self) -> float:
        """Seconds from the start until the request began to be sent."""
        return self._fields[PRETRANSFER] / _SECOND

    @property
    def starttransfer_time(self) -> float:
        """Seconds from the start until the first byte of the answer."""
        return self._fields[STARTTRANSFER] / _SECOND

    @property
    def total_time(self) -> float:
        """Seconds from the start until the last byte."""
        return self._fields[TOTAL] / _SECOND

    @property
    def pool_wait_time(self) -> float:
        """Seconds from submission until libcurl was given the request."""
        return self._fields[WAIT] / _SECOND

    @property
    def start_time(self) -> float:
        """When the transfer started, wall clock, seconds since 1970."""
        return self._fields[START] / _SECOND

    @property
    def upload_size(self) -> int:
        """Bytes of body sent; where its length was not known before, chunk sizes are among them."""
        return self._fields[UPLOAD_SIZE]

    @property
    def download_size(self) -> int:
        """Bytes of body received, before decompression."""
        return self._fields[DOWNLOAD_SIZE]

    @property
    def request_size(self) -> int:
        """Bytes of the request sent, repeats included: the head, and a body given as one block."""
        return self._fields[REQUEST_SIZE]

    @property
    def is_closed(self) -> bool:
        """Whether the transfer has ended; False for a streamed response that still comes."""
        return True

    @property
    def certificates(self) -> tuple[dict[str, str], ...]:
        """Facts about the server's certificates, its own first, each by name as libcurl gives them.

        Empty unless asked for by `cert_info=True`, and when another request made the connection.
        """
        return tuple(facts for facts in self._tls_facts() if "TLS" not in facts)

    @property
    def tls(self) -> tuple[str, str] | None:
        """Version and cipher of its connection, such as ("TLSv1.3", "TLS_AES_256_GCM_SHA384").

        None unless asked for by `cert_info=True`; without TLS, over HTTP/3 and where it is no
        OpenSSL.
        """
        told = next((facts["TLS"] for facts in self._tls_facts() if "TLS" in facts), "")
        version, _, cipher = told.partition(" ")
        return (version, cipher) if version else None

    def _tls_facts(self) -> list[dict[str, str]]:
        data = part(self._record, self._fields, CERT_LEN)
        groups = [group.split(b"\0") for group in data.split(b"\0\0") if group]
        pairs = [[line.decode("utf-8", "replace").partition(":") for line in g] for g in groups]
        return [{name: value for name, _, value in facts if name} for facts in pairs]

    @property
    def primary_ip(self) -> str:
        """The server's address, or the start (46 bytes) of its Unix socket's path."""
        return part(self._record, self._fields, IP_LEN).decode(errors="surrogateescape")

    @property
    def http_version(self) -> str:
        """The version that was spoken: "1.0", "1.1", "2" or "3"."""
        return VERSION_NAMES.get(self._fields[HTTP_VERSION], "?")

    @property
    def reused(self) -> bool:
        """Whether an open connection carried this request."""
        return self._fields[NEW_CONNECTIONS] == 0

    @property
    def connection_id(self) -> int:
        """The connection's number, unique within the engine."""
        return self._fields[CONNECTION_ID]

    @property
    def retries(self) -> int:
        """How often the request had to be repeated on another connection."""
        return self._fields[RETRIES] + self._request.restarts

    @property
    def cookies(self) -> dict[str, str]:
        """Name to value of all cookies that the session holds now."""
        return cookie_dict(self._jar.lines()) if self._jar else {}

    @property
    def header(self) -> str:
        """Status line and headers as they came, and the empty line that ends them."""
        return part(self._record, self._fields, HEADER_LEN).decode("latin-1") + "\r\n"

    @property
    def headers_tuple(self) -> tuple[tuple[str, str], ...]:
        """(name, value) of each header line, in order, repeated ones kept."""
        # Neither splitlines() nor a plain strip(): both also take bytes of UTF-8 for blanks.
        pairs = (line.partition(":") for line in self.header.split("\n")[1:])
        return tuple((name, value.strip(" \t\r")) for name, colon, value in pairs if colon)

    @property
    def headers(self) -> CaseInsensitiveDict[str]:
        """Headers by name in any case; values of repeated ones are joined by ", "."""
        lists: CaseInsensitiveDefaultDict[list[str]] = CaseInsensitiveDefaultDict(list)
        for name, value in self.headers_tuple:
            lists[name].append(value)
        return CaseInsensitiveDict({name: ", ".join(values) for name, values in lists.items()})

    @property
    def body(self) -> bytes:
        """The body, decompressed."""
        if self._held is not None:
            return self._held.read()
        record = self._record  # the body is its end: not worth unpacking all
        (size,) = _unpack_body_len(record, _BODY_LEN_AT)
        return record[len(record) - size :]

    content = body

    async def stream(self) -> AsyncIterator[bytes]:
        """The body in pieces; of a response without `stream=True` in one piece."""
        body = self.body
        if body:
            yield body

    async def read(self) -> bytes:
        """The body; awaited so that it serves streamed responses, too."""
        return self.body

    async def aclose(self) -> None:
        """Nothing to do: the transfer has ended. There for the sake of streamed responses."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    @property
    def encoding(self) -> str:
        """The charset that Content-Type names; "latin1" where it names none or an unknown one."""
        _, _, rest = self.headers.get("Content-Type", "").lower().partition("charset=")
        name = rest.partition(";")[0].strip(" \"'")
        try:
            codec = codecs.lookup(name or "latin1")
            b"a".decode(codec.name, "replace")  # not all are for text, and one always fails
        except (LookupError, ValueError):
            return "latin1"
        return "latin1" if not name or codec.name in _NO_CHARSETS else codec.name

    @property
    def text(self) -> str:
        """The body as text; bytes that do not fit the charset become U+FFFD."""
        try:
            return self.body.decode(self.encoding, "replace")
        except UnicodeError:  # a codec that cannot replace
            return self.body.decode("latin1")

    def json(self) -> Any:
        """The body parsed as JSON. Raises ValueError when it is not."""
        try:
            return json_module.loads(self.body)
        except RecursionError as error:
            raise ValueError("the body is JSON nested too deeply to be read") from error
