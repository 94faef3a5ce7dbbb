"""A request: what the user asked for, checked, and the bytes the engine is given for it."""

from __future__ import annotations

import copy
import os
import re
import shlex
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from acurl._engine import ffi
from acurl.auth import Auth, Basic, Bearer, Digest, as_auth
from acurl.body import NO_BODY, Body, Data, build_body
from acurl.cookies import Cookie, cookie_dict
from acurl.errors import RequestError
from acurl.form import Files, Form
from acurl.framing import HeaderItems, check_framing
from acurl.urls import encode_url, host, login, origin, with_params, without_password
from acurl.values import shown

if TYPE_CHECKING:
    from acurl.jar import Jar
    from acurl.profile import Settings
    from acurl.response import _Response

Headers = Mapping[str, str] | Iterable[tuple[str, str]]

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_UNSAFE = re.compile(r"[\r\n\0]")
# libcurl waits a second for a 100 before it sends a body larger than this.
_EXPECT_ABOVE = 1 << 20
_SECRET_HEADERS = {"authorization", "cookie", "proxy-authorization"}
_BOUND_TO_ORIGIN = {*_SECRET_HEADERS, "host"}
_ABOUT_THE_BODY = {"content-type", "content-length", "content-encoding", "transfer-encoding"}
_METHODS_WITH_BODY = {b"POST", b"PUT", b"PATCH"}


class Request:
    """One request, immutable once made but for `restarts`.

    `method` is bytes, `url` the str that was given; `headers` and `cookies` are dicts, `data` the
    body as bytes or None (also where it is a form with files, or streamed), `auth` (user,
    password), another of acurl's ways or None, `cert` (key file, certificate file) or None.
    `restarts` counts how often a streamed body was begun again from its source.
    """

    __slots__ = (
        "_form",
        "_jar",
        "auth",
        "body",
        "body_len",
        "cert",
        "cookie_items",
        "data",
        "extras",
        "header_items",
        "history",
        "is_https",
        "method",
        "parts",
        "restarts",
        "settings",
        "source",
        "streams",
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
        header_items: HeaderItems = (),
        cookie_items: tuple[tuple[str, str | Cookie], ...] = (),
        auth: Auth | None = None,
        body: Body = NO_BODY,
        cert: tuple[str, str] | None = None,
        *,
        streams: bool = False,
    ) -> None:
        self.method = method
        self.url = url
        self.header_items = header_items
        self.cookie_items = cookie_items
        self.auth = auth
        data, self.parts, self.source, _ = body
        self.data = data
        self.cert = cert
        self.streams = streams
        self.wire_url = encode_url(url)
        self.is_https = self.wire_url.startswith(b"https")
        if data is None and body is NO_BODY and method in _METHODS_WITH_BODY:
            data = b""
        self.body: Any = ffi.NULL if data is None else data
        self.body_len = -1 if data is None else len(data)
        self.wire_method: Any = ffi.NULL if method == b"GET" and body is NO_BODY else method
        self.wire_headers = _encode_headers(header_items, auth, _may_be_large(body))
        self.wire_headers_len = len(self.wire_headers)
        self.settings: Settings | None = None
        self.restarts = 0
        self.history: tuple[_Response, ...] = ()
        self._jar: Jar | None = None
        self._form: Any = None
        self.extras: Any = ffi.NULL
        if streams or self.parts is not None or self.source is not None or type(auth) is Digest:
            self._add_extras()

    def __repr__(self) -> str:
        return f"<Request {self.method.decode()} {without_password(self.url)}>"

    @property
    def headers(self) -> dict[str, str]:
        """The headers that were given, by name."""
        return dict(self.header_items)

    @property
    def cookies(self) -> dict[str, str]:
        """Name to value: the session's cookies for this host and those given with the request."""
        cookies = cookie_dict(self._jar.lines(), host(self.url)) if self._jar else {}
        for name, value in self.cookie_items:
            cookies[name] = value.value if isinstance(value, Cookie) else value
        return cookies

    def to_curl(self) -> str:
        """A command line for curl that sends this request. It shows credentials as they are.

        The content of streamed bodies and of parts from memory is not in it.
        """
        words = (
            ["curl", "--head"] if self.method == b"HEAD" else ["curl", "-X", self.method.decode()]
        )
        if self.data is not None:
            words += ["--data-raw", self.data.decode("utf-8", "backslashreplace")]
        for part in self.parts or ():
            words += ["-F", f"{part.name}=@{part.path or '-'}"]
        if self.source is not None:
            words += ["--upload-file", self.source.path or "-"]
        for name, value in self.header_items:
            words += ["-H", f"{name}: {value}"]
        if self.cookies:
            words += ["--cookie", ";".join(f"{k}={v}" for k, v in self.cookies.items())]
        words += _curl_auth(self.auth)
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

    @property
    def has_exchange(self) -> bool:
        """Whether its body is given, or its answer taken, piece by piece."""
        return self.streams or self.source is not None

    def redirected(self, response: _Response, url: str) -> Request:
        """The request of the next hop: 301, 302 and 303 turn every method into GET.

        Credentials (auth, Authorization and Cookie headers) stay behind when the origin changes.
        Raises RequestError when `url` is none that could be asked for.
        """
        method, body = self.method, Body(self.data, self.parts, self.source)
        if response.status_code in {301, 302, 303}:
            method, body = b"GET", NO_BODY
        encode_url(url)
        same_origin = origin(self.url) == origin(url)
        headers = self.header_items
        if body == NO_BODY:
            headers, body = _without(headers, _ABOUT_THE_BODY), NO_BODY
        if not same_origin:
            headers = _without(headers, _BOUND_TO_ORIGIN)
        auth = (self.auth or login(self.url)) if same_origin else None
        hop = Request(method, url, headers, (), auth, body, self.cert, streams=self.streams)
        hop.settings = self.settings
        hop.history = (*self.history, response)
        return hop

    def _add_extras(self) -> None:
        extras = self.extras = ffi.new("acurl_extras *")
        extras.stream_answer = self.streams
        if self.source is not None:
            extras.stream_body, extras.stream_size = True, self.source.size
        if self.parts is not None:
            form = Form(self.parts)
            extras.parts, extras.part_count = form.pointer, form.count
            self._form = form
        if isinstance(self.auth, Digest):
            user = ffi.new("char[]", self.auth.user.encode())
            password = ffi.new("char[]", self.auth.password.encode())
            extras.digest_user, extras.digest_password = user, password
            self._form = self._form, user, password


_plain_requests: dict[str, Request] = {}
_MOST_PLAIN_REQUESTS = 4096
_LONGEST_KEPT = 2048


def plain_get(url: str) -> Request:
    """The GET of a URL and nothing else; kept, since journeys ask for the same ones again."""
    request = Request(b"GET", url)
    if len(url) > _LONGEST_KEPT or "@" in url:  # large, or with a password
        return request
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
    auth: Auth | None = None,
    data: Data | None = None,
    json: Any = None,
    cert: tuple[str, str] | None = None,
    *,
    params: Any = None,
    files: Files | None = None,
    stream: bool = False,
) -> Request:
    """A request from what users give. Raises RequestError, naming what is wrong with it."""
    items = header_items(headers)
    body = NO_BODY
    if data is not None or json is not None or files is not None:
        body = build_body(data, json, files)
        if method in ("HEAD", b"HEAD"):
            raise RequestError("method HEAD cannot carry a body: leave out data, json and files")
    if body.content_type and not any(name.lower() == "content-type" for name, _ in items):
        items += (("Content-Type", body.content_type),)
    check_framing(method, items, body)
    if params is not None:
        url = with_params(url, params)
    if not isinstance(stream, bool):
        raise RequestError(f"stream={shown(stream)}: must be True or False")
    as_auth(auth)
    cert = _pair_of_files(cert)
    if cookies is not None and not isinstance(cookies, Mapping):
        raise RequestError(f"cookies must be a dict, not {type(cookies).__name__}")
    cookie_items = tuple(cookies.items()) if cookies else ()
    return Request(_method(method), url, items, cookie_items, auth, body, cert, streams=stream)


def _method(method: object) -> bytes:
    name = method.decode("ascii", "replace") if isinstance(method, bytes) else method
    if not isinstance(name, str) or not _TOKEN.fullmatch(name):
        raise RequestError(f"method {shown(method)}: must be a word such as GET")
    return name.encode("ascii")


def header_items(headers: Headers | None) -> HeaderItems:
    """Name and value of each header, checked. Raises RequestError that names the first bad one."""
    if not headers:
        return ()
    try:
        pairs = [(k, v) for k, v in (headers.items() if isinstance(headers, Mapping) else headers)]
    except (TypeError, ValueError) as error:
        kind = type(headers).__name__  # what it is may be a secret
        raise RequestError(f"headers must be a dict or pairs of str, not {kind}") from error
    items = []
    for name, value in pairs:
        if not isinstance(name, str) or not _TOKEN.fullmatch(name):
            shown = name.partition(":")[0][:60] if isinstance(name, str) else type(name).__name__
            raise RequestError(f"header name {shown!r}: must be a str of letters, digits and -")
        if not isinstance(value, str):
            raise RequestError(f"header {name}: value must be a str, not {type(value).__name__}")
        if _UNSAFE.search(value):
            raise RequestError(f"header {name}: its value must not contain CR, LF or NUL")
        items.append((name, value.strip(" \t")))
    return tuple(items)


def _pair_of_files(cert: object) -> tuple[str, str] | None:
    if cert is None:
        return None
    pair = cert if isinstance(cert, tuple) else ()
    names = tuple(os.fspath(file) for file in pair if isinstance(file, (str, os.PathLike)))
    if len(names) != 2 or len(pair) != 2:
        raise RequestError("cert must be a tuple of two strings (key file, certificate file)")
    if any(_UNSAFE.search(name) for name in names):
        raise RequestError("cert must not contain CR, LF or NUL")
    return names


def _without(items: HeaderItems, names: set[str]) -> HeaderItems:
    return tuple(item for item in items if item[0].lower() not in names)


def _may_be_large(body: Body) -> bool:
    if body.data is not None:
        return len(body.data) > _EXPECT_ABOVE
    return body.parts is not None or body.source is not None


def _curl_auth(auth: Auth | None) -> list[str]:
    if auth is None:
        return []
    if isinstance(auth, Bearer):
        return ["--oauth2-bearer", auth.token]
    if isinstance(auth, Digest):
        return ["--digest", "--user", f"{auth.user}:{auth.password}"]
    return ["--user", f"{auth.user}:{auth.password}" if isinstance(auth, Basic) else ":".join(auth)]


def _encode_headers(items: HeaderItems, auth: Auth | None, is_large: bool) -> bytes:
    """The header lines for libcurl, each ended by a NUL."""
    # "Name;" is how libcurl is told of an empty value; "Name:" would drop the header.
    lines = [f"{name}: {value}\0" if value else f"{name};\0" for name, value in items]
    names = {name.lower() for name, _ in items}
    if auth is not None and "authorization" not in names:
        way = as_auth(auth)
        if isinstance(way, (Basic, Bearer)):
            lines.append(f"Authorization: {way.header}\0")
    if is_large and "expect" not in names:
        lines.append("Expect:\0")
    try:
        return "".join(lines).encode()
    except UnicodeEncodeError as error:
        raise RequestError(f"headers: {error}") from error
