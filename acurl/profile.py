"""Option lists for libcurl, shared by all requests that are set up alike."""

from __future__ import annotations

import math
import os

from acurl._engine import ffi, lib
from acurl.errors import RequestError
from acurl.library import libcurl_version
from acurl.network import MOST_MS, milliseconds, network_settings
from acurl.options import HttpVersion, Options, lanes_of
from acurl.proxy import proxy_settings, shown_proxy
from acurl.timeouts import microseconds
from acurl.tls import tls_settings
from acurl.values import MOST_COUNTED, shown

# Option numbers of libcurl, compared with its own list by a test.
OPTIONS = {
    "PROXY": 10004,
    "USERAGENT": 10018,
    "SSLCERT": 10025,
    "SSLVERSION": 32,
    "INTERFACE": 10062,
    "SSL_VERIFYPEER": 64,
    "CAINFO": 10065,
    "FRESH_CONNECT": 74,
    "FORBID_REUSE": 75,
    "SSL_VERIFYHOST": 81,
    "SSL_CIPHER_LIST": 10083,
    "HTTP_VERSION": 84,
    "SSLKEY": 10087,
    "DNS_CACHE_TIMEOUT": 92,
    "BUFFERSIZE": 98,
    "SSL_SESSIONID_CACHE": 150,
    "CONNECTTIMEOUT_MS": 156,
    "CERTINFO": 172,
    "NOPROXY": 10177,
    "RESOLVE": 10203,
    "TCP_KEEPALIVE": 213,
    "TCP_KEEPIDLE": 214,
    "TCP_KEEPINTVL": 215,
    "UNIX_SOCKET_PATH": 10231,
    "PIPEWAIT": 237,
    "CONNECT_TO": 10243,
    "PROXY_CAINFO": 10246,
    "PROXY_CAPATH": 10247,
    "PROXY_SSL_VERIFYPEER": 248,
    "PROXY_SSL_VERIFYHOST": 249,
    "SUPPRESS_CONNECT_HEADERS": 265,
    "HAPPY_EYEBALLS_TIMEOUT_MS": 271,
    "TLS13_CIPHERS": 10276,
    "MAXAGE_CONN": 288,
    "MAXLIFETIME_CONN": 314,
}
Value = int | str | list[str] | None

# What a user calls the options whose values libcurl may refuse.
_OPTION_BEHIND = {
    "HTTP_VERSION": "http_version",
    "PROXY": "proxy",
    "SSLVERSION": "tls_min",
    "SSL_CIPHER_LIST": "ciphers",
    "TLS13_CIPHERS": "ciphers",
    "INTERFACE": "interface",
    "UNIX_SOCKET_PATH": "unix_socket",
    "CERTINFO": "cert_info",
    "RESOLVE": "resolve",
    "CONNECT_TO": "connect_to",
}

# CURL_HTTP_VERSION_*. With prior knowledge libcurl offers nothing but h2 in ALPN.
_HTTP_VERSIONS = {"auto": 4, "1.1": 2, "2": 5, "2-prior-knowledge": 5, "3": 31}
# Those that TLS negotiates, so that there is no way to ask http:// URLs for them.
_ONLY_OVER_TLS = ("2", "3")

# Larger than libcurl's 16 KB: fewer system calls for large bodies. Shared by all transfers.
_RECEIVE_BUFFER = 128 * 1024

# For libcurl, which counts in whole seconds and overflows early; the engine's own are exact.
_MOST_SECONDS = 2_000_000


def _multiplexes(options: Options, *, tls: bool) -> bool:
    """Whether a request had better wait for a connection that is being opened for another."""
    if options.connections == "request":
        return False
    return tls if options.http_version == "auto" else options.http_version != "1.1"


def _connection_settings(options: Options, *, tls: bool) -> dict[str, Value]:
    connect_ms = MOST_MS if options.connect is None else milliseconds(options.connect)
    max_idle = _MOST_SECONDS if options.max_idle is None else options.max_idle
    settings: dict[str, Value] = {
        "HTTP_VERSION": _HTTP_VERSIONS[options.http_version],
        "PIPEWAIT": int(_multiplexes(options, tls=tls)),
        "CONNECTTIMEOUT_MS": connect_ms,
        "BUFFERSIZE": _RECEIVE_BUFFER,
        # The engine ends idle connections; libcurl must not find them too old before.
        "MAXAGE_CONN": min(math.ceil(max_idle), _MOST_SECONDS),
        "MAXLIFETIME_CONN": _lifetime(options.max_lifetime),
    }
    if options.user_agent:
        settings["USERAGENT"] = options.user_agent
    if options.connections == "request":
        settings["FRESH_CONNECT"] = settings["FORBID_REUSE"] = 1
    return settings


def _lifetime(most: int | None) -> int:
    """As libcurl counts: what is a second older than this is too old, and 0 is no limit."""
    return 0 if most is None else max(1, min(most - 1, _MOST_SECONDS))


def _settings(options: Options, *, tls: bool) -> dict[str, Value]:
    return {
        **_connection_settings(options, tls=tls),
        **proxy_settings(options),
        **network_settings(options),
        **(tls_settings(options) if tls else {}),
    }


def _flags(options: Options, *, tls: bool) -> int:
    flags: int = lib.ACURL_PROFILE_DISCARD_BODY if options.discard_body else 0
    if tls and options.cert_info:
        flags |= lib.ACURL_PROFILE_CERTIFICATES
    if tls and options.early_data:
        flags |= lib.ACURL_PROFILE_EARLY_DATA
    if tls and options.low_memory:
        flags |= lib.ACURL_PROFILE_LOW_MEMORY
    if _multiplexes(options, tls=tls):
        flags |= lib.ACURL_PROFILE_MULTIPLEX
    if options.connections == "request":
        flags |= lib.ACURL_PROFILE_SINGLE_USE
    return flags


class Profile:
    """One option list in C, freed with this object."""

    __slots__ = ("pointer",)

    def __init__(self, options: Options, *, tls: bool) -> None:
        self.pointer = lib.acurl_profile_new()
        if self.pointer == ffi.NULL:
            raise MemoryError
        for name, value in _settings(options, tls=tls).items():
            self._set(OPTIONS[name], value)
        lib.acurl_profile_set_limits(
            self.pointer,
            microseconds(options.read),
            microseconds(options.write),
            microseconds(options.pool),
        )
        lib.acurl_profile_set_body_limit(
            self.pointer, min(options.max_response_size or 0, MOST_COUNTED)
        )
        lib.acurl_profile_set_flags(self.pointer, _flags(options, tls=tls))

    def _set(self, option: int, value: Value) -> None:
        if isinstance(value, int):
            result = lib.acurl_profile_set_long(self.pointer, option, value)
        elif isinstance(value, list):
            lines = b"".join(os.fsencode(line) + b"\0" for line in value)
            result = lib.acurl_profile_set_list(self.pointer, option, lines, len(lines))
        else:
            text = ffi.NULL if value is None else os.fsencode(value)
            result = lib.acurl_profile_set_text(self.pointer, option, text)
        if result < 0:
            raise MemoryError

    def __del__(self) -> None:
        lib.acurl_profile_free(self.pointer)


class Settings:
    """What requests with the same options give to the engine.

    There are two option lists, because plain http wants other settings than https. `http` is
    NULL where only TLS leads to the HTTP version; `private` says that a session wants connections
    of its own, `lanes` in how many lanes sessions are to be spread, 0 for none.
    """

    __slots__ = ("_profiles", "http", "https", "lanes", "options", "private", "total_us")

    def __init__(self, options: Options) -> None:
        self.options = options
        self._profiles = Profile(options, tls=False), Profile(options, tls=True)
        self.http, self.https = (profile.pointer for profile in self._profiles)
        if options.http_version in _ONLY_OVER_TLS:
            self.http = ffi.NULL
        self.private = options.connections == "session"
        self.lanes = lanes_of(options.connections)
        self.total_us = microseconds(options.total)

    def refusal(self, number: int) -> RequestError:
        """The error for an option, by libcurl's number, whose value libcurl did not take."""
        names = {number: name for name, number in OPTIONS.items()}
        name = _OPTION_BEHIND.get(names.get(number, ""))
        if name is None:
            return RequestError("libcurl refuses an option of this request")
        value = getattr(self.options, name)
        if name == "proxy":
            value = shown_proxy(value or "")
        return RequestError(f"{name}={shown(value)}: libcurl {libcurl_version()} does not take it")


__all__ = ["OPTIONS", "HttpVersion", "Options", "Profile", "Settings"]
