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
    """No connection could be made, or it broke before a whole answer came."""


class TLSError(AcurlError):
    """The TLS handshake failed; most often a certificate that is not trusted."""


class ProtocolError(AcurlError):
    """The server's answer breaks HTTP, or it refused the HTTP version that was asked for."""


class StreamError(ProtocolError):
    """One HTTP/2 or HTTP/3 stream was reset; others on the connection go on."""


class ResponseTooLarge(AcurlError):
    """The headers or the body passed their limit (`max_response_size` for the body)."""


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
    """No connection became free within `Timeout.pool`."""


class TotalTimeout(AcurlError, TimeoutError):
    """The transfer did not finish within `Timeout.total`, the wait in the queue included."""


ERROR_BY_CODE: dict[int, type[AcurlError]] = {
    1: ProtocolError,  # what answers does not speak HTTP
    3: RequestError,  # malformed URL
    5: ResolveError,  # proxy
    6: ResolveError,
    7: ConnectError,
    8: ProtocolError,
    16: ProtocolError,  # HTTP/2 framing
    18: ProtocolError,  # partial file
    23: ResponseTooLarge,
    27: AcurlError,
    28: ConnectTimeout,  # libcurl is given the connect limit only
    35: TLSError,
    43: AcurlError,
    45: ConnectError,  # local interface
    47: TooManyRedirects,
    52: ConnectError,  # nothing came
    53: TLSError,
    54: TLSError,
    55: ConnectError,  # send
    56: ConnectError,  # receive
    58: TLSError,  # local certificate
    59: TLSError,  # cipher
    60: TLSError,  # peer certificate
    61: ProtocolError,  # content encoding
    65: ConnectError,  # a body that cannot be sent again
    66: TLSError,
    77: TLSError,  # CA file
    80: TLSError,
    82: TLSError,
    83: TLSError,
    90: TLSError,
    91: TLSError,
    92: StreamError,
    95: StreamError,  # HTTP/3
    96: ConnectError,  # QUIC
    97: ConnectError,  # proxy handshake
    98: TLSError,
    100: ResponseTooLarge,  # one header line, or too many of them
}

ADVICE_BY_ERROR: dict[type[AcurlError], str] = {
    ResolveError: "check the host name and the name server",
    ConnectError: "check that the server runs and that host and port are right",
    ConnectTimeout: "check that the host is reachable, or raise Timeout(connect=...)",
    TotalTimeout: "raise Timeout(total=...) if the server may take that long",
    ReadTimeout: "raise Timeout(read=...) if the server may pause that long",
    WriteTimeout: "raise Timeout(write=...) if the network may stall that long",
    ProtocolError: "the server's answer is broken, or it does not speak this HTTP version",
    StreamError: "the server reset this stream; others on the connection go on",
    ResponseTooLarge: "raise max_response_size if such bodies are expected",
}

CERTIFICATE_ADVICE = "give verify=CA_FILE (or SSL_CERT_FILE) if the server's CA is your own"


def advice(error: type[AcurlError], code: int) -> str:
    """What to try next, in half a sentence; empty when there is nothing general to say."""
    if code == 60:
        return CERTIFICATE_ADVICE
    return ADVICE_BY_ERROR.get(error, "")
