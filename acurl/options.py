"""How connections are made and used, as one value that is checked when it is made."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from difflib import get_close_matches
from typing import Any, Literal, TypedDict

from acurl._engine import lib
from acurl.errors import RequestError
from acurl.library import has_http3, libcurl_version
from acurl.network import (
    check_interface,
    check_keepalive,
    check_unix_socket,
    checked_redirections,
    checked_resolutions,
)
from acurl.proxy import check_proxy
from acurl.timeouts import Timeout, as_timeout, seconds
from acurl.tls import TlsVersion, check_tls, check_trust
from acurl.values import check_choice, count, shown

HttpVersion = Literal["auto", "1.1", "2", "2-prior-knowledge", "3"]
Connections = str
"""One of CONNECTIONS, or "lanes:N"."""

HTTP_VERSIONS: tuple[HttpVersion, ...] = ("auto", "1.1", "2", "2-prior-knowledge", "3")
CONNECTIONS: tuple[Connections, ...] = ("shared", "session", "request")
MOST_LANES: int = lib.ACURL_MOST_LANES - 1
_LANES = re.compile("lanes:([1-9][0-9]?)")

# What would end a header line, and halves of characters, which have no encoding.
_NOT_IN_HEADERS = re.compile("[\r\n\0\ud800-\udfff]")


class OptionsBesidesVersion(TypedDict, total=False):
    """All of ConnectionOptions but `http_version`, which may be given without its name."""

    timeout: Timeout | float | None
    verify: bool | str | None
    cert: tuple[str, str] | None
    user_agent: str
    trust_env: bool
    proxy: str | None
    connections: Connections
    tls_min: TlsVersion | None
    tls_max: TlsVersion | None
    ciphers: str | None
    tls_resumption: bool
    early_data: bool
    dns_ttl: int | None
    resolve: Mapping[str, str | Sequence[str]] | None
    connect_to: Mapping[str, str] | None
    interface: str | None
    unix_socket: str | None
    happy_eyeballs_timeout: float | None
    tcp_keepalive: tuple[int, int] | None
    max_response_size: int | None
    discard_body: bool
    cert_info: bool
    low_memory: bool


class ConnectionOptions(OptionsBesidesVersion, total=False):
    """What a session takes for all its requests, and a request for itself.

    `http_version`: "auto" (HTTP/2 where TLS negotiates it), "1.1", "2" (over TLS, or the request
    fails), "2-prior-knowledge", "3" (over QUIC, or the request fails). `timeout`: a Timeout, or
    seconds for connect, read, write and pool. `connections`: "shared" with the wrapper's sessions,
    "session" (each session has its own; not for one request), "lanes:N" (shared within each of N
    groups of sessions, which keeps looking for one cheap with thousands), "request" (each has a
    new one).

    TLS: `verify` is True (SSL_CERT_FILE or certifi), False, or a CA file. `cert` is (key file,
    certificate file). `tls_min`, `tls_max`: "1.0" to "1.3". `ciphers`: names of OpenSSL, those of
    TLS 1.3 among them, with ":" between. `tls_resumption` False: a full handshake each time.
    `early_data`: send safe methods with a resumed handshake. `cert_info`: keep the server's
    certificates for the response that came first on its connection; not over HTTP/3.
    `low_memory`: give TLS buffers back while a connection is idle.

    Network: `proxy` is "http://user:password@host:port", also https, socks4, socks4a, socks5
    and socks5h (the last of each resolves names itself), for every host; "" is none, None the
    environment's (http_proxy, https_proxy, all_proxy, NO_PROXY) if `trust_env`. `resolve`:
    {"host:port": address, or a list of them}, in place of the name server. `connect_to`:
    {"host:port": "other:port"}; Host and certificate stay the URL's. `interface`: the name or
    address of a local one. `unix_socket`: a path to connect to, whatever the URL's host.
    `dns_ttl`: seconds that an address is kept, 0 not at all, None for ever.
    `happy_eyeballs_timeout`: seconds before the next address is tried as well.
    `tcp_keepalive`: (seconds of silence, seconds between probes), None for off.

    Answers: `max_response_size` in bytes after decompression, None as the wrapper's.
    `discard_body`: bodies are counted, not kept. `user_agent`: "" sends none.
    """

    http_version: HttpVersion | None


NAMES = ConnectionOptions.__annotations__.keys()
"""Of the options that users may give."""

_SWITCHES = (
    "trust_env", "tls_resumption", "early_data", "discard_body", "cert_info", "low_memory",
)  # fmt: skip


def check_connections(value: object) -> None:
    """Raise RequestError for what is no way to use connections."""
    if not (isinstance(value, str) and lanes_of(value)):
        check_choice("connections", value, (*CONNECTIONS, f"lanes:N with N from 1 to {MOST_LANES}"))


def lanes_of(connections: str) -> int:
    """N of "lanes:N", 0 for all else."""
    found = _LANES.fullmatch(connections)
    number = int(found[1]) if found else 0
    return number if number <= MOST_LANES else 0


# None means "as the session has it" where a request gives it.
_SESSIONS_IF_NONE = ("verify", "http_version", "cert")


@dataclass(frozen=True, slots=True)
class Options:
    """ConnectionOptions, checked and hashable; equal ones share libcurl handles.

    `connect`, `read`, `write`, `pool` and `total` are limits in seconds, None for never. `max_idle`
    and `max_lifetime` are the oldest connections, in seconds, that a request may use.
    """

    http_version: HttpVersion = "auto"
    verify: bool | str = True
    cert: tuple[str, str] | None = None
    connect: float | None = 10.0
    read: float | None = None
    write: float | None = None
    pool: float | None = 5.0
    total: float | None = 60.0
    user_agent: str = ""
    trust_env: bool = True
    proxy: str | None = field(default=None, repr=False)  # it may hold a password
    connections: Connections = "shared"
    tls_min: TlsVersion | None = None
    tls_max: TlsVersion | None = None
    ciphers: str | None = None
    tls_resumption: bool = True
    early_data: bool = False
    dns_ttl: int | None = 60
    resolve: tuple[tuple[str, tuple[str, ...]], ...] = ()
    connect_to: tuple[tuple[str, str], ...] = ()
    interface: str | None = None
    unix_socket: str | None = None
    happy_eyeballs_timeout: float | None = None
    tcp_keepalive: tuple[int, int] | None = None
    max_response_size: int | None = None
    discard_body: bool = False
    cert_info: bool = False
    low_memory: bool = False
    max_idle: float | None = 118.0
    max_lifetime: int | None = None

    def __post_init__(self) -> None:
        """Raise RequestError for the first value that is not allowed."""
        check_choice("http_version", self.http_version, HTTP_VERSIONS)
        if self.http_version == "3" and not has_http3():
            raise RequestError(
                f"http_version='3': libcurl {libcurl_version()} was built without HTTP/3"
            )
        check_connections(self.connections)
        for name in _SWITCHES:
            check_choice(name, getattr(self, name), (False, True))
        if self.low_memory and not lib.acurl_can_save_memory():
            raise RequestError(
                f"low_memory=True: libcurl {libcurl_version()} has another TLS than OpenSSL"
            )
        check_trust(self.verify, self.cert)
        check_tls(self.tls_min, self.tls_max, self.ciphers)
        agent = self.user_agent
        if not isinstance(agent, str) or _NOT_IN_HEADERS.search(agent):
            raise RequestError(f"user_agent={shown(agent)}: must be a str without CR, LF and NUL")
        check_proxy(self.proxy)
        check_interface(self.interface)
        check_unix_socket(self.unix_socket)
        self._check_way()
        seconds("happy_eyeballs_timeout", self.happy_eyeballs_timeout)
        if self.dns_ttl is not None:
            count("dns_ttl", self.dns_ttl, 0)
        if self.max_response_size is not None:
            count("max_response_size", self.max_response_size, 1)
        check_keepalive(self.tcp_keepalive)

    def _check_way(self) -> None:
        if self.proxy and self.unix_socket:
            raise RequestError("proxy and unix_socket: give one of them, not both")
        if self.http_version == "3" and self.unix_socket:
            raise RequestError("http_version='3': runs over UDP, which unix_socket is not")
        if self.http_version == "3" and self.proxy and self.proxy.lower().startswith("socks"):
            raise RequestError("http_version='3': a proxy must be http or https (connect-udp)")

    def with_changes(self, **changes: Any) -> Options:
        """A copy in which the given fields differ."""
        return replace(self, **changes)


def session_fields(given: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of Options from the ConnectionOptions of a session.

    Raises TypeError for names that are none, RequestError for values that are none.
    """
    unknown = sorted(given.keys() - NAMES)
    if unknown:
        allowed = ", ".join(sorted(NAMES))
        raise TypeError(
            f"there is no option {unknown[0]!r}{_meant(unknown[0])}; besides what a request is "
            f"made of (headers, params, data and so on) allowed are {allowed}"
        )
    found = {name: _text_of_path(value) for name, value in given.items()}
    if "timeout" in found:
        limits = as_timeout(given["timeout"])
        del found["timeout"]
        found |= {limit.name: getattr(limits, limit.name) for limit in fields(Timeout)}
    if "resolve" in found:
        found["resolve"] = checked_resolutions(found["resolve"])
    if "connect_to" in found:
        found["connect_to"] = checked_redirections(found["connect_to"])
    return found


# What other clients call it.
_ELSEWHERE = {
    "follow_redirects": "allow_redirects",
    "content": "data",
    "proxies": "proxy",
    "http2": "http_version",
    "uds": "unix_socket",
}
_OF_REQUESTS = (
    "headers", "params", "cookies", "auth", "data", "json", "files", "stream", "allow_redirects",
    "max_redirects",
)  # fmt: skip


def _meant(name: str) -> str:
    near = get_close_matches(name, [*NAMES, *_OF_REQUESTS], 1)
    meant = _ELSEWHERE.get(name) or (near[0] if near else None)
    return "" if meant is None else f" (did you mean {meant!r}?)"


def _text_of_path(value: object) -> object:
    """A path as str, a pair of paths as one of strs, anything else as it is."""
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, tuple) and any(isinstance(item, os.PathLike) for item in value):
        return tuple(map(_text_of_path, value))
    return value


def request_fields(given: Mapping[str, Any], session: Options) -> dict[str, Any]:
    """Fields of Options from the ConnectionOptions of one request in a session with `session`."""
    found = session_fields(given)
    for name in _SESSIONS_IF_NONE:
        if name in found and found[name] is None:
            del found[name]
    asked = found.get("connections", session.connections)
    if asked not in {session.connections, "request"}:
        check_connections(asked)
        raise RequestError(
            f"connections={asked!r}: is for a whole session; a request may ask for 'request' "
            f"or the session's own, {session.connections!r}"
        )
    return found
