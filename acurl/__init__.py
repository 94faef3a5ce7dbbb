"""acurl: an asynchronous HTTP client on libcurl's multi interface, driven from C.

The way of a request: session.py (verbs, redirects) and request.py (checks, encoding), then
driver.py (futures, the event loop), csrc/engine_api.h (the contract) and csrc/engine.c; back
through csrc/record.c, driver.py and response.py. errors.py holds every exception.
"""

from acurl.auth import Basic, Bearer, Digest
from acurl.case_insensitive import CaseInsensitiveDefaultDict, CaseInsensitiveDict
from acurl.cookies import Cookie, _Cookie, parse_cookie_string, session_cookie_for_url
from acurl.errors import (
    AcurlError,
    ConnectError,
    ConnectTimeout,
    EngineClosed,
    EngineMisuse,
    LibcurlError,
    PoolTimeout,
    ProtocolError,
    ReadTimeout,
    RequestError,
    ResolveError,
    ResponseTooLarge,
    StatusError,
    StreamError,
    TLSError,
    TooManyRedirects,
    TotalTimeout,
    WriteTimeout,
)
from acurl.library import libcurl_description, libcurl_version
from acurl.request import Request
from acurl.response import _Response
from acurl.session import Session
from acurl.stream import StreamedResponse
from acurl.timeouts import Timeout
from acurl.wrapper import VERSION, CurlWrapper

__version__ = VERSION

__all__ = [
    "AcurlError",
    "Basic",
    "Bearer",
    "CaseInsensitiveDefaultDict",
    "CaseInsensitiveDict",
    "ConnectError",
    "ConnectTimeout",
    "Cookie",
    "CurlWrapper",
    "Digest",
    "EngineClosed",
    "EngineMisuse",
    "LibcurlError",
    "PoolTimeout",
    "ProtocolError",
    "ReadTimeout",
    "Request",
    "RequestError",
    "ResolveError",
    "ResponseTooLarge",
    "Session",
    "StatusError",
    "StreamError",
    "StreamedResponse",
    "TLSError",
    "Timeout",
    "TooManyRedirects",
    "TotalTimeout",
    "WriteTimeout",
    "_Cookie",
    "_Response",
    "libcurl_description",
    "libcurl_version",
    "parse_cookie_string",
    "session_cookie_for_url",
]
