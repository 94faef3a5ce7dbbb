"""Turns the record of a failed transfer into the exception that tells of it."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from acurl._engine import ffi, lib
from acurl.errors import (
    ERROR_BY_CODE,
    AcurlError,
    ConnectError,
    ProtocolError,
    ReadTimeout,
    ResponseTooLarge,
    TotalTimeout,
    WriteTimeout,
    advice,
)
from acurl.response import (
    APPCONNECT,
    CAUSE,
    CODE,
    CONNECT,
    ERROR_LEN,
    IP_LEN,
    NAMELOOKUP,
    OS_ERROR,
    PRETRANSFER,
    RETRIES,
    START,
    STARTTRANSFER,
    STATUS,
    TOTAL,
    part,
    unpack_record,
)
from acurl.urls import without_password

if TYPE_CHECKING:
    from acurl.request import Request

_ERROR_BY_CAUSE: dict[int, type[AcurlError]] = {
    lib.ACURL_CAUSE_TOTAL_TIMEOUT: TotalTimeout,
    lib.ACURL_CAUSE_READ_TIMEOUT: ReadTimeout,
    lib.ACURL_CAUSE_WRITE_TIMEOUT: WriteTimeout,
    lib.ACURL_CAUSE_BODY_TOO_LARGE: ResponseTooLarge,
    lib.ACURL_CAUSE_HEADERS_TOO_LARGE: ResponseTooLarge,
    lib.ACURL_CAUSE_NO_MEMORY: AcurlError,
}

_TEXT_BY_CAUSE: dict[int, str] = {
    lib.ACURL_CAUSE_TOTAL_TIMEOUT: "the transfer did not finish within its total limit",
    lib.ACURL_CAUSE_READ_TIMEOUT: "the server was silent for longer than the read limit",
    lib.ACURL_CAUSE_WRITE_TIMEOUT: "the request could not be sent for longer than the write limit",
    lib.ACURL_CAUSE_BODY_TOO_LARGE: "the body is larger than max_response_size",
    lib.ACURL_CAUSE_HEADERS_TOO_LARGE: "the headers are larger than 300 KiB",
    lib.ACURL_CAUSE_NO_MEMORY: "memory ran out",
}

# libcurl says of these only that sending or receiving failed.
_BROKEN_HTTP = ("not support HTTP/2", "chunk")

_TIMES = {
    "namelookup_time": NAMELOOKUP,
    "connect_time": CONNECT,
    "appconnect_time": APPCONNECT,
    "pretransfer_time": PRETRANSFER,
    "starttransfer_time": STARTTRANSFER,
    "total_time": TOTAL,
    "start_time": START,
}

_DESCRIPTORS_GONE = {errno.EMFILE, errno.ENFILE}


def failure(record: bytes, request: Request) -> AcurlError:
    """The exception for a failed transfer, with its code, request and phase times."""
    fields = unpack_record(record)
    code, cause = fields[CODE], fields[CAUSE]
    kind = _ERROR_BY_CAUSE.get(cause) or ERROR_BY_CODE.get(code, AcurlError)
    said = part(record, fields, ERROR_LEN).decode("utf-8", "replace").strip()
    if kind is ConnectError and any(sign in said for sign in _BROKEN_HTTP):
        kind = ProtocolError  # the connection broke because of what came over it
    text = _TEXT_BY_CAUSE.get(cause) or said or ffi.string(lib.acurl_code_text(code)).decode()
    hint = advice(kind, code)
    if fields[OS_ERROR] in _DESCRIPTORS_GONE:
        hint = "this process has no file descriptors left: raise the limit (ulimit -n)"
    url = without_password(request.url)
    message = f"curl failed with code {code}: {text} ({request.method.decode()} {url})"
    error = kind(f"{message}; {hint}" if hint else message)
    error.code = code
    error.request = request
    error.retries = fields[RETRIES]
    for name, field in _TIMES.items():
        setattr(error, name, fields[field] / 1e6)
    if not fields[STATUS]:
        error.starttransfer_time = 0.0  # libcurl notes there when connecting failed
    error.primary_ip = part(record, fields, IP_LEN).decode()
    return error
