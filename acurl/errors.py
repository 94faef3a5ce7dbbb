"""Every exception acurl raises, and the one table from libcurl's codes to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from acurl.request import Request
    from acurl.response import _Response


class AcurlError(Exception):
    """Base of all errors of acurl.

    `code` is libcurl's code, 0 where libcurl was not involved; `request` is the request that
    failed, None where there was none. The phase times are seconds since the transfer started,
    0.0 for phases that were not reached; `start_time` is wall clock, seconds since 1970.
    `pool_wait_time` is how many seconds it waited for a connection before, in the pool's queue;
    `connection_id` is -1 and `http_version` "" where it did not get so far.
    """

    code: int = 0
    request: Request | None = None
    start_time: float = 0.0
    namelookup_time: float = 0.0
    connect_time: float = 0.0
    appconnect_time: float = 0.0
    pretransfer_time: float = 0.0
    starttransfer_time: float = 0.0
    total_time: float = 0.0
    primary_ip: str = ""
    retries: int = 0
    pool_wait_time: float = 0.0
    connection_id: int = -1
    http_version: str = ""
    reused: bool = False


class EngineClosed(AcurlError):
    """The engine was closed, before the request or while it ran. Make a new CurlWrapper."""


class EngineMisuse(AcurlError, RuntimeError):
    """The engine was used from a thread or a process that does not own it.

    An engine belongs to the thread that made it; after a fork the child makes its own.
    """


class LibcurlError(AcurlError):
    """No usable libcurl could be bound. Raised when acurl is first used, never by a request."""


class RequestError(AcurlError, ValueError):
    """The request was refused before anything was sent: something in it is not valid."""


class TooManyRedirects(RequestError):
    """More redirects than `max_redirects`; the last response is not returned."""


class ResolveError(AcurlError):
    """The host name, or a proxy's, has no address."""


class ConnectError(AcurlError):
    """No connection could be made, or it broke before a whole answer came.

    When libcurl met a dead connection it has tried others first: `retries` says how often.
    """


class TLSError(AcurlError):
    """The TLS handshake failed, or a file that it needs is not what it should be.

    Most often the server's certificate is not trusted. Nothing of the request was sent.
    """


class ProtocolError(AcurlError):
    """The server's answer breaks HTTP, or it refused the HTTP version that was asked for.

    An answer that ends before its own length, or its last chunk, is one of these.
    """


class StreamError(ProtocolError):
    """One HTTP/2 or HTTP/3 stream was reset; others on the connection go on.

    `stream_error` is the error's name in HTTP, such as "REFUSED_STREAM", or "" when libcurl did
    not tell.
    """

    stream_error: str = ""


class ResponseTooLarge(AcurlError):
    """The headers or the body passed their limit (`max_response_size` for the body).

    Headers, those of 1xx answers included, may have 5,000 lines, 300 KiB, 100 KB a line.
    """


class StatusError(AcurlError):
    """The answer's status is 4xx or 5xx. Raised by `Response.raise_for_status()` only.

    The transfer itself went well: `code` is 0, and `response` is the whole answer.
    """

    response: _Response | None = None


class ConnectTimeout(AcurlError, TimeoutError):
    """No connection stood within `Timeout.connect`. Never raised once it stands."""


class ReadTimeout(AcurlError, TimeoutError):
    """No byte of the answer came for `Timeout.read` seconds."""


class WriteTimeout(AcurlError, TimeoutError):
    """No byte of the request could be sent for `Timeout.write` seconds."""


class PoolTimeout(AcurlError, TimeoutError):
    """No connection came free within `Timeout.pool`. Nothing was sent, and `code` is 0.

    Raised only where the pool has a ceiling: `max_connections`, `max_host_connections`.
    """


class TotalTimeout(AcurlError, TimeoutError):
    """The transfer did not finish within `Timeout.total`, the wait in the queue included."""


ERROR_BY_CODE: dict[int, type[AcurlError]] = {
    1: ProtocolError,  # what answers does not speak HTTP
    2: AcurlError,  # libcurl could not start
    3: RequestError,  # malformed URL
    4: AcurlError,  # left out when this libcurl was built
    5: ResolveError,  # proxy
    6: ResolveError,
    7: ConnectError,
    8: ProtocolError,
    16: ProtocolError,  # HTTP/2 framing
    18: ProtocolError,  # partial file
    22: ProtocolError,  # a proxy's refusal
    23: ResponseTooLarge,
    26: RequestError,  # the body to send could not be read
    27: AcurlError,  # memory
    28: ConnectTimeout,  # libcurl is given the connect limit only
    33: ProtocolError,  # range
    35: TLSError,
    36: ProtocolError,  # range
    37: RequestError,  # a file to send
    42: AcurlError,  # a callback's wish
    43: AcurlError,
    45: ConnectError,  # local interface
    47: TooManyRedirects,
    48: AcurlError,  # an option that this libcurl lacks
    52: ConnectError,  # nothing came
    53: TLSError,
    54: TLSError,
    55: ConnectError,  # send
    56: ConnectError,  # receive
    58: TLSError,  # local certificate
    59: TLSError,  # cipher
    60: TLSError,  # peer certificate
    61: ProtocolError,  # content encoding
    63: ResponseTooLarge,
    65: ConnectError,  # a body that cannot be sent again
    66: TLSError,
    67: ConnectError,  # a proxy's login
    77: TLSError,  # CA file
    80: TLSError,
    81: ConnectError,  # a socket that is never ready
    82: TLSError,
    83: TLSError,
    88: AcurlError,  # a callback's wish
    89: ConnectError,  # libcurl's own queue
    90: TLSError,
    91: TLSError,
    92: StreamError,
    93: AcurlError,  # a call from within a callback
    94: ProtocolError,  # authentication
    95: StreamError,  # HTTP/3
    96: ConnectError,  # QUIC
    97: ConnectError,  # proxy handshake
    98: TLSError,
    99: AcurlError,  # a poll that failed
    100: ResponseTooLarge,  # one header line, or too many of them
    101: TLSError,  # ECH
}

OTHER_PROTOCOLS = frozenset(
    {*range(9, 16), 17, *range(19, 22), 24, 25, *range(29, 33), 34, *range(38, 42), 44, 46}
    | {*range(49, 52), 57, 62, 64, *range(68, 77), 78, 79, *range(84, 88), 102}
)
"""Codes that no http or https transfer ends with: of FTP, LDAP, SSH and the like, or obsolete."""

ADVICE_BY_ERROR: dict[type[AcurlError], str] = {
    ResolveError: "check the host name and the name server",
    ConnectTimeout: "check that the host is reachable, or raise Timeout(connect=...)",
    PoolTimeout: "raise max_connections or max_host_connections, ask with fewer users, or raise "
    "Timeout(pool=...)",
    TotalTimeout: "raise Timeout(total=...) if the server may take that long",
    ReadTimeout: "raise Timeout(read=...) if the server may pause that long",
    WriteTimeout: "raise Timeout(write=...) if the network may stall that long",
    TLSError: "check the certificates, and the TLS versions that both sides allow",
    ProtocolError: "the server's answer is broken, or it does not speak this HTTP version",
    StreamError: "the server reset this stream; others on the connection go on",
}

ADVICE_BY_CODE: dict[int, str] = {
    5: "check the proxy's name and the name server",
    7: "check that the server runs and that host and port are right",
    23: "raise max_response_size if such bodies are expected",
    **dict.fromkeys((52, 55, 56), "the server, or something on the way, ended the connection"),
    60: "give verify=CA_FILE (or SSL_CERT_FILE) if the server's CA is your own",
    77: "give verify=CA_FILE a PEM file of CA certificates",
    100: "the server may send 5,000 header lines, 300 KiB in all, 100 KB a line",
}


def advice(error: type[AcurlError], code: int) -> str:
    """What to try next, in half a sentence; empty when there is nothing general to say."""
    if issubclass(error, TimeoutError):
        return ADVICE_BY_ERROR.get(error, "")
    return ADVICE_BY_CODE.get(code) or ADVICE_BY_ERROR.get(error, "")
