"""Option lists for libcurl, shared by all requests that are set up alike."""

from __future__ import annotations

import math
import os
from hashlib import blake2b

import certifi

from acurl._engine import ffi, lib
from acurl.addresses import endpoint, shown_proxy
from acurl.errors import RequestError
from acurl.library import libcurl_version
from acurl.options import MOST_COUNTED, HttpVersion, Options
from acurl.timeouts import LONGEST

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

# CURL_SSLVERSION_*; as the most, they stand in the upper half of the number.
_TLS_VERSIONS = {None: 0, "1.0": 4, "1.1": 5, "1.2": 6, "1.3": 7}

_PROXY_VARIABLES = ("http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")

# Larger than libcurl's 16 KB: fewer system calls for large bodies. Shared by all transfers.
_RECEIVE_BUFFER = 128 * 1024

_MOST_MS = 2**31 - 1
# For libcurl, which counts in whole seconds and overflows early; the engine's own are exact.
_MOST_SECONDS = 2_000_000


def _milliseconds(limit: float) -> int:
    return max(1, min(round(limit * 1000), _MOST_MS))


def _ca_file(verify: bool | str) -> str:
    if isinstance(verify, str):
        return verify
    return os.environ.get("SSL_CERT_FILE") or certifi.where()


def _may_be_proxied(options: Options) -> bool:
    if options.unix_socket is not None:
        return False
    if options.proxy is not None:
        return bool(options.proxy)
    return options.trust_env and any(map(os.environ.get, _PROXY_VARIABLES))


def _connection_settings(options: Options, *, tls: bool) -> dict[str, Value]:
    wait_for_multiplexing = tls if options.http_version == "auto" else options.http_version != "1.1"
    connect_ms = _MOST_MS if options.connect is None else _milliseconds(options.connect)
    max_idle = _MOST_SECONDS if options.max_idle is None else options.max_idle
    settings: dict[str, Value] = {
        "HTTP_VERSION": _HTTP_VERSIONS[options.http_version],
        "PIPEWAIT": int(wait_for_multiplexing),
        "CONNECTTIMEOUT_MS": connect_ms,
        "BUFFERSIZE": _RECEIVE_BUFFER,
        "DNS_CACHE_TIMEOUT": -1 if options.dns_ttl is None else min(options.dns_ttl, _MOST_MS),
        # The engine ends idle connections; libcurl must not find them too old before.
        "MAXAGE_CONN": min(math.ceil(max_idle), _MOST_SECONDS),
        "MAXLIFETIME_CONN": min(options.max_lifetime or 0, _MOST_SECONDS),
    }
    if options.user_agent:
        settings["USERAGENT"] = options.user_agent
    if options.connections == "request":
        settings["FRESH_CONNECT"] = settings["FORBID_REUSE"] = 1
    if options.interface:
        settings["INTERFACE"] = options.interface
    if options.unix_socket:
        settings["UNIX_SOCKET_PATH"] = options.unix_socket
    if options.happy_eyeballs_timeout is not None:
        settings["HAPPY_EYEBALLS_TIMEOUT_MS"] = _milliseconds(options.happy_eyeballs_timeout)
    if options.tcp_keepalive:
        settings["TCP_KEEPALIVE"] = 1
        settings["TCP_KEEPIDLE"], settings["TCP_KEEPINTVL"] = options.tcp_keepalive
    return settings


def _proxy_settings(options: Options) -> dict[str, Value]:
    if not _may_be_proxied(options):
        # Without this libcurl searches the environment for proxies on every request.
        return {"PROXY": "", "NOPROXY": "*"}
    verify = options.verify is not False
    settings: dict[str, Value] = {
        "SUPPRESS_CONNECT_HEADERS": 1,
        "PROXY_SSL_VERIFYPEER": int(verify),
        "PROXY_SSL_VERIFYHOST": 2 if verify else 0,
    }
    if verify:
        settings |= {"PROXY_CAINFO": _ca_file(options.verify), "PROXY_CAPATH": None}
    if options.proxy:
        settings["PROXY"] = options.proxy
        settings["NOPROXY"] = ""  # or the environment would name exceptions
    return settings


def _tls_settings(options: Options) -> dict[str, Value]:
    verify = options.verify is not False
    settings: dict[str, Value] = {
        "SSL_VERIFYPEER": int(verify),
        "SSL_VERIFYHOST": 2 if verify else 0,
    }
    if verify:
        settings["CAINFO"] = _ca_file(options.verify)
    if options.cert:
        settings["SSLKEY"], settings["SSLCERT"] = options.cert
    if options.tls_min or options.tls_max:
        settings["SSLVERSION"] = _tls_range(options.tls_min, options.tls_max)
    if not options.tls_resumption:
        settings["SSL_SESSIONID_CACHE"] = 0
    if options.cert_info:
        settings["CERTINFO"] = 1
    return settings | _cipher_settings(options.ciphers or "")


def _tls_range(least: str | None, most: str | None) -> int:
    # libcurl's own least is 1.2, and would be above the most.
    if least is None and most in {"1.0", "1.1"}:
        least = most
    return _TLS_VERSIONS[most] << 16 | _TLS_VERSIONS[least]


def _cipher_settings(ciphers: str) -> dict[str, Value]:
    names = ciphers.replace(",", ":").replace(" ", ":").split(":")
    # "_WITH_" stands in the names of older suites only.
    latest = [name for name in names if name.startswith("TLS_") and "_WITH_" not in name]
    older = [name for name in names if name and name not in latest]
    settings: dict[str, Value] = {}
    if latest:
        settings["TLS13_CIPHERS"] = ":".join(latest)
    if older:
        settings["SSL_CIPHER_LIST"] = ":".join(older)
    return settings


def _destination_settings(options: Options) -> dict[str, Value]:
    """Where to connect instead of the URL's host, which stays the one that is verified.

    RESOLVE alone would do for addresses, but it fills the cache that all sessions of an engine
    share. So a host is led to its address; and where it has several, to a name that nobody else
    asks for, which they are filed under.
    """
    addresses = dict(options.resolve)
    targets = {key: key for key, _ in options.resolve} | dict(options.connect_to)
    filed: list[str] = []
    led: list[str] = []
    for source, target in targets.items():
        host, port = endpoint("connect_to", target)
        found = addresses.get(target)
        if found and (len(found) == 1 or _may_be_proxied(options)):
            host = found[0]  # a proxy knows nothing of names that we make up
        elif found:
            host = f"{blake2b(','.join(found).encode(), digest_size=12).hexdigest()}.invalid"
            filed.append(f"{host}:{port}:{','.join(found)}")
        led.append(f"{source}:{host}:{port}")
    settings: dict[str, Value] = {"CONNECT_TO": led} if led else {}
    return settings | ({"RESOLVE": filed} if filed else {})


def _settings(options: Options, *, tls: bool) -> dict[str, Value]:
    return {
        **_connection_settings(options, tls=tls),
        **_proxy_settings(options),
        **_destination_settings(options),
        **(_tls_settings(options) if tls else {}),
    }


def microseconds(limit: float | None) -> int:
    """A limit in seconds as the engine wants it: 0 for none, never 0 for some."""
    return 0 if limit is None else max(1, round(min(limit, LONGEST) * 1e6))


def _flags(options: Options, *, tls: bool) -> int:
    flags: int = lib.ACURL_PROFILE_DISCARD_BODY if options.discard_body else 0
    if tls and options.cert_info:
        flags |= lib.ACURL_PROFILE_CERTIFICATES
    if tls and options.early_data:
        flags |= lib.ACURL_PROFILE_EARLY_DATA
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
            self.pointer, microseconds(options.read), microseconds(options.write)
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
    of its own.
    """

    __slots__ = ("_profiles", "http", "https", "options", "private", "total_us")

    def __init__(self, options: Options) -> None:
        self.options = options
        self._profiles = Profile(options, tls=False), Profile(options, tls=True)
        self.http, self.https = (profile.pointer for profile in self._profiles)
        if options.http_version in _ONLY_OVER_TLS:
            self.http = ffi.NULL
        self.private = options.connections == "session"
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
        return RequestError(f"{name}={value!r}: libcurl {libcurl_version()} does not take it")


__all__ = ["OPTIONS", "HttpVersion", "Options", "Profile", "Settings", "microseconds"]
