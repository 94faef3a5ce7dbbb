"""Turns the record of a failed transfer into the exception that tells of it."""

from __future__ import annotations

import errno
import re
from typing import TYPE_CHECKING, NamedTuple

from acurl._engine import ffi, lib
from acurl.errors import (
    ERROR_BY_CODE,
    AcurlError,
    ConnectError,
    PoolTimeout,
    ProtocolError,
    ReadTimeout,
    RequestError,
    ResponseTooLarge,
    StreamError,
    TLSError,
    TotalTimeout,
    WriteTimeout,
    advice,
)
from acurl.response import (
    APPCONNECT,
    CAUSE,
    CODE,
    CONNECT,
    CONNECTION_ID,
    DOWNLOAD_SIZE,
    ERROR_LEN,
    HEADER_LEN,
    HTTP_VERSION,
    IP_LEN,
    NAMELOOKUP,
    NEW_CONNECTIONS,
    OS_ERROR,
    PRETRANSFER,
    RETRIES,
    START,
    STARTTRANSFER,
    STATUS,
    TOTAL,
    VERSION_NAMES,
    WAIT,
    part,
    unpack_record,
)
from acurl.urls import without_password
from acurl.values import shortened

if TYPE_CHECKING:
    from acurl.request import Request

_ERROR_BY_CAUSE: dict[int, type[AcurlError]] = {
    lib.ACURL_CAUSE_TOTAL_TIMEOUT: TotalTimeout,
    lib.ACURL_CAUSE_READ_TIMEOUT: ReadTimeout,
    lib.ACURL_CAUSE_WRITE_TIMEOUT: WriteTimeout,
    lib.ACURL_CAUSE_BODY_TOO_LARGE: ResponseTooLarge,
    lib.ACURL_CAUSE_HEADERS_TOO_LARGE: ResponseTooLarge,
    lib.ACURL_CAUSE_NO_MEMORY: AcurlError,
    lib.ACURL_CAUSE_MAX_RETRIES: ConnectError,
    lib.ACURL_CAUSE_HEAD_CUT_OFF: ProtocolError,
    lib.ACURL_CAUSE_POOL_TIMEOUT: PoolTimeout,
}

_TEXT_BY_CAUSE: dict[int, str] = {
    lib.ACURL_CAUSE_TOTAL_TIMEOUT: "the transfer did not finish within its total limit",
    lib.ACURL_CAUSE_READ_TIMEOUT: "the server was silent for longer than the read limit",
    lib.ACURL_CAUSE_WRITE_TIMEOUT: "the request could not be sent for longer than the write limit",
    lib.ACURL_CAUSE_BODY_TOO_LARGE: "the body is larger than max_response_size",
    lib.ACURL_CAUSE_HEADERS_TOO_LARGE: "the headers are larger than 300 KiB",
    lib.ACURL_CAUSE_NO_MEMORY: "memory ran out",
    lib.ACURL_CAUSE_HEAD_CUT_OFF: "the answer ended inside its headers",
    lib.ACURL_CAUSE_POOL_TIMEOUT: "no connection came free within the pool limit",
    lib.ACURL_CAUSE_MAX_RETRIES: "its connection went away before an answer, or the server "
    "refused its stream, and max_retries does not allow another try",
}

_ADVICE_BY_CAUSE: dict[int, str] = {
    lib.ACURL_CAUSE_HEADERS_TOO_LARGE: advice(ResponseTooLarge, 100),
    lib.ACURL_CAUSE_NO_MEMORY: "take large bodies by stream=True, or give discard_body=True",
    lib.ACURL_CAUSE_MAX_RETRIES: "see the server's log, or raise max_retries",
}

_PARTIAL, _RECEIVING = 18, 56
_HTTP_2 = 3  # in a record
_CONTENT_LENGTH = re.compile(rb"(?im)^content-length:\s*(\d+)\s*$")

_LOGIN = re.compile(r"[^\s'\"/@]*:(?!//)[^\s'\"]*@|(?<=//).*@")
_CUT_OFF = re.compile(r"(//[^/?#@:\s'\"\[]*:)(?![0-9]{0,5}(?:[^0-9A-Za-z]|$))[^@]*$")

_TOOK = re.compile(r" after \d+ ms(?=: )")

_TLS_FILES = "give cert=(key file, certificate file): PEM files that belong together"
_SPEAKS_TLS = "check that this port speaks TLS, and a version that is allowed"
_NOT_OUR_HTTP_2 = "ask for http_version='auto' or '1.1' if the server has no HTTP/2"
_CONNECTION_GONE = "the server ended the HTTP/2 connection; its log may say why"


class _Sign(NamedTuple):
    """What libcurl's text tells beyond its code. The first that fits is taken.

    `words` is a pattern for the text, "" fits only where libcurl gave none; a group in it names
    the HTTP/2 or HTTP/3 error, and stands for {} in `sentence`.
    """

    codes: tuple[int, ...]
    words: str
    kind: type[AcurlError]
    sentence: str
    advice: str | None = None


_SIGNS = (
    _Sign(
        (100,),
        "request too large",
        RequestError,
        "the request's headers are larger than libcurl sends (1 MiB)",
        "send less in headers, cookies and the URL",
    ),
    _Sign(
        (92, 95),
        r"reset by server \(error 0x[0-9a-f]+ ?(\w*)\)",
        StreamError,
        "the server reset the stream with {}",
    ),
    _Sign(
        (92,),
        r"reset by curl \(error 0x[0-9a-f]+ ?(\w*)\)",
        StreamError,
        "the HTTP/2 connection ended with {}, and this stream with it",
        _CONNECTION_GONE,
    ),
    _Sign(
        (92,),
        "received invalid frame",
        ProtocolError,
        "the server sent a frame that HTTP/2 does not allow",
        _CONNECTION_GONE,
    ),
    _Sign(
        (16, 55, 56),
        "unexpected data while we expected SETTINGS|not support HTTP/2",
        ProtocolError,
        "what answers does not speak HTTP/2",
        _NOT_OUR_HTTP_2,
    ),
    _Sign(
        (16,),
        r"shuts down connection with error \d+: (\w+)",
        ProtocolError,
        "the server broke the rules of HTTP/2 ({})",
        _CONNECTION_GONE,
    ),
    _Sign(
        (16,),
        "",
        ConnectError,
        "the server closed the HTTP/2 connection before it answered",
        _CONNECTION_GONE,
    ),
    _Sign(
        (55, 56),
        "Flooding was detected",
        ProtocolError,
        "the server flooded the HTTP/2 connection with frames that want an answer",
        _CONNECTION_GONE,
    ),
    _Sign(
        (55, 56),
        "Connection died, tried",
        ConnectError,
        "the server refused or dropped the request on every connection that was tried",
    ),
    _Sign(
        (55, 56),
        "^Failed to connect",
        ConnectError,
        "no connection could be made",
        "check that the server runs, and speaks HTTP/3 (over UDP) if that was asked for",
    ),
    _Sign(
        (56,),
        "Too large response headers",
        ResponseTooLarge,
        "the headers are larger than 300 KiB",
        advice(ResponseTooLarge, 100),
    ),
    _Sign(
        (56,), "chunk", ProtocolError, "a chunk of the body is malformed", "the server is at fault"
    ),
    _Sign(
        (65,),
        ".",
        ConnectError,
        "the connection broke in the middle of a body that cannot be sent again",
        "give bytes, a file, a list, or a function that makes the iterator",
    ),
    _Sign(
        (7, 56, 97),
        "response 407|rejected by the SOCKS|authentication",
        ConnectError,
        "the proxy wants another user or password",
        "check user and password in proxy=",
    ),
    _Sign(
        (59,),
        "cipher",
        TLSError,
        "OpenSSL knows none of these ciphers",
        "check the option ciphers",
    ),
    _Sign(
        (35,),
        "no application protocol",
        ProtocolError,
        "the server does not speak the HTTP version that was asked for",
        _NOT_OUR_HTTP_2,
    ),
    _Sign(
        (1,),
        "HTTP/0.9",
        ProtocolError,
        "what answers does not speak HTTP",
        "try https:// if this port speaks TLS",
    ),
    _Sign((43,), "private key", TLSError, "the client's key cannot be used", _TLS_FILES),
    _Sign((58,), ".", TLSError, "the client's certificate cannot be used", _TLS_FILES),
    _Sign(
        (60,),
        "no alternative certificate subject name|common name|does not match",
        TLSError,
        "the server's certificate is for another host",
        "use a name that the certificate has",
    ),
    _Sign(
        (60,),
        "expired",
        TLSError,
        "the server's certificate has expired",
        "renew it, or give verify=False",
    ),
    _Sign(
        (60,),
        "not yet valid",
        TLSError,
        "the server's certificate is not valid yet",
        "check the clocks, or give verify=False",
    ),
    _Sign((60,), "self-signed", TLSError, "the server's certificate is signed by itself"),
    _Sign((60,), "issuer", TLSError, "nobody vouches for the server's certificate"),
    _Sign(
        (35,),
        "Recv failure|Send failure|unexpected eof|SSL_ERROR_SYSCALL|Connection closed abruptly",
        TLSError,
        "the server ended the connection during the TLS handshake",
        _SPEAKS_TLS,
    ),
    _Sign(
        (35,),
        "wrong version number|packet length too long|http request",
        TLSError,
        "what answers does not speak TLS",
        _SPEAKS_TLS,
    ),
    _Sign(
        (35, 56),
        "alert certificate required",
        TLSError,
        "the server wants a certificate of the client",
        _TLS_FILES,
    ),
    _Sign((35,), "alert", TLSError, "the server refused the TLS handshake", _SPEAKS_TLS),
    _Sign((35,), "protocol|cipher", TLSError, "server and client agree on no TLS", _SPEAKS_TLS),
)


class _Diagnosis(NamedTuple):
    """What is said of a failure; no `sentence` leaves it to libcurl's own words."""

    kind: type[AcurlError]
    sentence: str
    advice: str
    stream_error: str = ""


def _diagnose(code: int, cause: int, said: str, fields: tuple[int, ...]) -> _Diagnosis:
    kind = _ERROR_BY_CAUSE.get(cause)
    if kind is not None:
        hint = _ADVICE_BY_CAUSE.get(cause) or advice(kind, code)
        return _Diagnosis(kind, _TEXT_BY_CAUSE[cause], hint)
    for sign in _SIGNS:
        found = code in sign.codes and re.search(sign.words or "^$", said)
        if found:
            name = found[1] or "an error without a name" if found.re.groups else ""
            hint = advice(sign.kind, code) if sign.advice is None else sign.advice
            stream_error = name if issubclass(sign.kind, StreamError) else ""
            return _Diagnosis(sign.kind, sign.sentence.format(name), hint, stream_error)
    kind = ERROR_BY_CODE.get(code, AcurlError)
    hint = advice(kind, code)
    if code != _RECEIVING:
        return _Diagnosis(kind, "", hint)
    if not said and fields[HTTP_VERSION] == _HTTP_2:
        # The one end without a word: GOAWAY or RST_STREAM, in the middle of an answer.
        sentence = "the server refused the stream in the middle of its answer"
        return _Diagnosis(StreamError, sentence, _CONNECTION_GONE, "REFUSED_STREAM")
    where = " in the middle of its answer" if fields[STATUS] else " before it answered"
    return _Diagnosis(kind, f"the server broke the connection{where}", hint)


def _missing(record: bytes, fields: tuple[int, ...]) -> str:
    """How much of an incomplete body came."""
    came = fields[DOWNLOAD_SIZE]
    claimed = _CONTENT_LENGTH.findall(part(record, fields, HEADER_LEN))
    if claimed and came == int(claimed[-1]):
        return "the server ended the answer before it had the whole request"
    if claimed:
        return f"the body ended after {came} of {int(claimed[-1])} bytes"
    return f"the body ended after {came} bytes, before its last chunk"


def _unsecret(said: str) -> str:
    """libcurl's words without the user and password of a URL in them, which may be cut off.

    Nor with how long connecting took: that is in the times, and makes one failure look like many.
    """
    return _TOOK.sub("", _CUT_OFF.sub(r"\1***", _LOGIN.sub("***@", said)))


_TIMES = {
    "namelookup_time": NAMELOOKUP,
    "connect_time": CONNECT,
    "appconnect_time": APPCONNECT,
    "pretransfer_time": PRETRANSFER,
    "starttransfer_time": STARTTRANSFER,
    "total_time": TOTAL,
    "start_time": START,
    "pool_wait_time": WAIT,
}

_POOL_TIMEOUT: int = lib.ACURL_CAUSE_POOL_TIMEOUT
_DESCRIPTORS_GONE = {errno.EMFILE, errno.ENFILE}


def failure(record: bytes, request: Request) -> AcurlError:
    """The exception for a failed transfer, with its code, request and phase times."""
    fields = unpack_record(record)
    code, cause = fields[CODE], fields[CAUSE]
    said = _unsecret(part(record, fields, ERROR_LEN).decode("utf-8", "replace").strip())
    kind, sentence, hint, stream_error = _diagnose(code, cause, said, fields)
    if code == _PARTIAL:
        sentence = _missing(record, fields)
    if cause or not said:
        text = sentence or ffi.string(lib.acurl_code_text(code)).decode()
    else:
        text = f"{sentence}: {said}" if sentence else said
    if fields[OS_ERROR] in _DESCRIPTORS_GONE:
        hint = "this process has no file descriptors left: raise the limit (ulimit -n)"
    url = shortened(without_password(request.url))
    method = shortened(request.method.decode())
    # libcurl never saw what waited in vain.
    failed = f"curl failed with code {code}: " if cause != _POOL_TIMEOUT else ""
    message = f"{failed}{text} ({method} {url})"
    error = kind(f"{message}; {hint}" if hint else message)
    error.code = 0 if cause == _POOL_TIMEOUT else code
    if isinstance(error, StreamError):
        error.stream_error = stream_error
    error.request = request
    error.retries = fields[RETRIES] + request.restarts
    error.connection_id = fields[CONNECTION_ID]
    error.http_version = VERSION_NAMES.get(fields[HTTP_VERSION], "")
    # What could not be connected has a number, too, and opened none.
    stood = fields[CONNECTION_ID] >= 0 and fields[PRETRANSFER] > 0
    error.reused = stood and not fields[NEW_CONNECTIONS]
    for name, field in _TIMES.items():
        setattr(error, name, fields[field] / 1e6)
    if not fields[STATUS]:
        error.starttransfer_time = 0.0  # libcurl notes there when connecting failed
    error.primary_ip = part(record, fields, IP_LEN).decode(errors="surrogateescape")
    return error
