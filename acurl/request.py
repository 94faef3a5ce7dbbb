"""A request: what the user asked for, checked, and the bytes the engine is given for it."""

from __future__ import annotations

import base64
import copy
import json as json_module
import re
import shlex
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from acurl._engine import ffi
from acurl.cookies import Cookie, cookie_dict
from acurl.errors import RequestError
from acurl.urls import encode_url, login, origin, without_password

if TYPE_CHECKING:
    from acurl.cookies import Jar
    from acurl.profile import Settings
    from acurl.response import _Response

Headers = Mapping[str, str] | Iterable[tuple[str, str]]
Data = bytes | bytearray | str | Mapping[str, Any]

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_UNSAFE = re.compile(r"[\r\n\0]")
# libcurl waits a second for a 100 before it sends a body larger than this.
_EXPECT_ABOVE = 1 << 20
_SECRET_HEADERS = {"authorization", "cookie", "proxy-authorization"}
_BOUND_TO_ORIGIN = {*_SECRET_HEADERS, "host"}
_METHODS_WITH_BODY = {b"POST", b"PUT", b"PATCH"}


class Request:
    """One request, immutable once made.

    `method` is bytes, `url` the str that was given; `headers` and `cookies` are dicts, `data` the
    body as bytes or None, `auth` (user, password) or None, `cert` (key file, certificate file)
    or None.
    """

    __slots__ = (
        "_jar",
        "auth",
        "body",
        "body_len",
        "cert",
        "cookie_items",
        "data",
        "header_items",
        "history",
        "is_https",
        "method",
        "settings",
        "url",
        "wire_headers",
        "wire_headers_len",
        "wire_method",
        "wire_url",
    )

    def __init__(
        self,
        method: bytes,
        url: str,
        header_items: tuple[tuple[str, str], ...] = (),
        cookie_items: tuple[tuple[str, str | Cookie], ...] = (),
        auth: tuple[str, str] | None = None,
        data: bytes | None = None,
        cert: tuple[str, str] | None = None,
    ) -> None:
        self.method = method
        self.url = url
        self.header_items = header_items
        self.cookie_items = cookie_items
        self.auth = auth
        self.data = data
        self.cert = cert
        self.wire_url = encode_url(url)
        self.is_https = self.wire_url.startswith(b"https")
        if data is None and method in _METHODS_WITH_BODY:
            data = b""
        self.body: Any = ffi.NULL if data is None else data
        self.body_len = -1 if data is None else len(data)
        self.wire_method: Any = ffi.NULL if method == b"GET" and data is None else method
        self.wire_headers = _encode_headers(header_items, auth, self.body_len)
        self.wire_headers_len = len(self.wire_headers)
        self.settings: Settings | None = None
        self.history: tuple[_Response, ...] = ()
        self._jar: Jar | None = None

    def __repr__(self) -> str:
        return f"<Request {self.method.decode()} {without_password(self.url)}>"

    @property
    def headers(self) -> dict[str, str]:
        """The headers that were given, by name."""
        return dict(self.header_items)

    @property
    def cookies(self) -> dict[str, str]:
        """Name to value: the session's cookies and those given with the request."""
        cookies = cookie_dict(self._jar.lines()) if self._jar else {}
        for name, value in self.cookie_items:
            cookies[name] = value.value if isinstance(value, Cookie) else value
        return cookies

    def to_curl(self) -> str:
        """A command line for curl that sends this request. It shows credentials as they are."""
        words = ["curl", "-X", self.method.decode()]
        if self.data is not None:
            words += ["--data-raw", self.data.decode("utf-8", "backslashreplace")]
        for name, value in self.header_items:
            words += ["-H", f"{name}: {value}"]
        if self.cookies:
            words += ["--cookie", ";".join(f"{k}={v}" for k, v in self.cookies.items())]
        if self.auth is not None:
            words += ["--user", ":".join(self.auth)]
        words.append(self.url)
        return shlex.join(words)

    def with_jar(self, jar: Jar) -> Request:
        """A copy that shows the session's cookies; this one may be shared by other sessions."""
        shown = copy.copy(self)
        shown._jar = jar  # noqa: SLF001 - our own class
        return shown

    @property
    def has_jar(self) -> bool:
        """Whether `cookies` shows those of a session."""
        return self._jar is not None

    def redirected(self, response: _Response, url: str) -> Request:
        """The request of the next hop: 301, 302 and 303 turn every method into GET.

        Credentials (auth, Authorization and Cookie headers) stay behind when the origin changes.
        Raises RequestError when `url` is none that could be asked for.
        """
        method, data = self.method, self.data
        if response.status_code in {301, 302, 303}:
            method, data = b"GET", None
        encode_url(url)
        same_origin = origin(self.url) == origin(url)
        headers = self.header_items
        if data is None:
            headers = _without(headers, {"content-type", "content-length", "content-encoding"})
        if not same_origin:
            headers = _without(headers, _BOUND_TO_ORIGIN)
        auth = (self.auth or login(self.url)) if same_origin else None
        hop = Request(method, url, headers, (), auth, data, self.cert)
        hop.settings = self.settings
        hop.history = (*self.history, response)
        return hop


_plain_requests: dict[str, Request] = {}
_MOST_PLAIN_REQUESTS = 4096


def plain_get(url: str) -> Request:
    """The GET of a URL and nothing else; kept, since journeys ask for the same ones again."""
    request = Request(b"GET", url)
    if len(_plain_requests) >= _MOST_PLAIN_REQUESTS:
        _plain_requests.clear()
    _plain_requests[url] = request
    return request


kept_plain_get = _plain_requests.get


def build_request(
    method: str | bytes,
    url: str,
    headers: Headers | None = None,
    cookies: Mapping[str, str | Cookie] | None = None,
    auth: tuple[str, str] | None = None,
    data: Data | None = None,
    json: Any = None,
    cert: tuple[str, str] | None = None,
) -> Request:
    """A request from what users give. Raises RequestError, naming what is wrong with it."""
    items = _header_items(headers)
    body = _body(data)
    if json is not None:
        if data is not None:
            raise RequestError("give data or json, not both")
        body = _json_body(json)
        if not any(name.lower() == "content-type" for name, _ in items):
            items += (("Content-Type", "application/json"),)
    if body is not None and method in {"HEAD", b"HEAD"}:
        raise RequestError("method HEAD cannot carry a body: leave out data and json")
    _check_pair("auth", auth, "(user, password)")
    _check_pair("cert", cert, "(key file, certificate file)")
    if cookies is not None and not isinstance(cookies, Mapping):
        raise RequestError(f"cookies must be a dict, not {type(cookies).__name__}")
    cookie_items = tuple(cookies.items()) if cookies else ()
    return Request(_method(method), url, items, cookie_items, auth, body, cert)


def _method(method: object) -> bytes:
    name = method.decode("ascii", "replace") if isinstance(method, bytes) else method
    if not isinstance(name, str) or not _TOKEN.fullmatch(name):
        raise RequestError(f"method {method!r}: must be a word such as GET")
    return name.encode("ascii")


def _header_items(headers: Headers | None) -> tuple[tuple[str, str], ...]:
    if not headers:
        return ()
    try:
        pairs = [(k, v) for k, v in (headers.items() if isinstance(headers, Mapping) else headers)]
    except (TypeError, ValueError) as error:
        raise RequestError(f"headers must be a dict or pairs of str, not {headers!r}") from error
    items = []
    for name, value in pairs:
        if not isinstance(name, str) or not _TOKEN.fullmatch(name):
            raise RequestError(f"header name {name!r}: must be a str of letters, digits and -")
        if not isinstance(value, str):
            raise RequestError(f"header {name}: value must be a str, not {type(value).__name__}")
        if _UNSAFE.search(value):
            shown = "its value" if name.lower() in _SECRET_HEADERS else f"value {value!r}"
            raise RequestError(f"header {name}: {shown} must not contain CR, LF or NUL")
        items.append((name, value.strip(" \t")))
    return tuple(items)


def _body(data: object) -> bytes | None:
    if data is None or isinstance(data, bytes):
        return data
    if isinstance(data, str):
        return _utf8("data", data)
    if isinstance(data, (bytearray, memoryview)):
        return bytes(data)
    if isinstance(data, Mapping):
        try:
            return urlencode(data, doseq=True).encode()
        except UnicodeEncodeError as error:
            raise RequestError(f"data: {error}") from error
    raise RequestError(f"data must be bytes, str or a dict (sent as a form), not {data!r}")


def _utf8(what: str, text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise RequestError(f"{what}: {error}") from error


def _json_body(value: object) -> bytes:
    try:
        return json_module.dumps(value).encode()
    except (TypeError, ValueError) as error:
        raise RequestError(f"json: {error}") from error


def _check_pair(name: str, value: object, meaning: str) -> None:
    if value is None:
        return
    if not (isinstance(value, tuple) and [type(item) for item in value] == [str, str]):
        raise RequestError(f"{name} must be a tuple of two strings {meaning}")
    if any(_UNSAFE.search(v) for v in value):
        raise RequestError(f"{name} must not contain CR, LF or NUL")


def _without(items: tuple[tuple[str, str], ...], names: set[str]) -> tuple[tuple[str, str], ...]:
    return tuple(item for item in items if item[0].lower() not in names)


def _encode_headers(
    items: tuple[tuple[str, str], ...], auth: tuple[str, str] | None, body_len: int
) -> bytes:
    """The header lines for libcurl, each ended by a NUL."""
    # "Name;" is how libcurl is told of an empty value; "Name:" would drop the header.
    lines = [f"{name}: {value}\0" if value else f"{name};\0" for name, value in items]
    names = {name.lower() for name, _ in items}
    if auth is not None and "authorization" not in names:
        if ":" in auth[0]:
            raise RequestError("auth: the user's name must not contain ':'")
        token = base64.b64encode(_utf8("auth", ":".join(auth))).decode()
        lines.append(f"Authorization: Basic {token}\0")
    if body_len > _EXPECT_ABOVE and "expect" not in names:
        lines.append("Expect:\0")
    return _utf8("headers", "".join(lines))
