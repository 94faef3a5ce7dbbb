"""acurl: an asynchronous HTTP client on libcurl's multi interface, driven from C.

The way of a request: session.py (verbs, redirects) and request.py (checks, encoding), then
driver.py (futures, the event loop), csrc/engine_api.h (the contract) and csrc/engine.c; back
through csrc/record.c, driver.py and response.py. options.py holds what can be chosen,
errors.py every exception. `acurl.get(url)` and its like in blocking.py are for scripts.
"""

from acurl.auth import Basic, Bearer, Digest
from acurl.blocking import (
    delete,
    get,
    head,
    open_session,
    options,
    patch,
    post,
    put,
    request,
)
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
from acurl.options import ConnectionOptions
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
    "ConnectionOptions",
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
    "delete",
    "get",
    "head",
    "libcurl_description",
    "libcurl_version",
    "open_session",
    "options",
    "parse_cookie_string",
    "patch",
    "post",
    "put",
    "request",
    "session_cookie_for_url",
]
