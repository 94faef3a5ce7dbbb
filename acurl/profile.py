"""Option lists for libcurl, shared by all requests that are set up alike."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from typing import Any, Literal

import certifi

from acurl._engine import ffi, lib
from acurl.errors import RequestError

HttpVersion = Literal["auto", "1.1", "2", "2-prior-knowledge"]

# Option numbers of libcurl, compared with pycurl's by a test.
OPTIONS = {
    "PROXY": 10004,
    "USERAGENT": 10018,
    "SSLCERT": 10025,
    "SSL_VERIFYPEER": 64,
    "CAINFO": 10065,
    "SSL_VERIFYHOST": 81,
    "HTTP_VERSION": 84,
    "SSLKEY": 10087,
    "BUFFERSIZE": 98,
    "CONNECTTIMEOUT_MS": 156,
    "PIPEWAIT": 237,
    "NOPROXY": 10177,
    "SUPPRESS_CONNECT_HEADERS": 265,
}

# CURL_HTTP_VERSION_*. With prior knowledge libcurl offers nothing but h2 in ALPN.
_HTTP_VERSIONS: dict[str, int] = {"auto": 4, "1.1": 2, "2": 5, "2-prior-knowledge": 5}

_PROXY_VARIABLES = ("http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")

# Larger than libcurl's 16 KB: fewer system calls for large bodies. Shared by all transfers.
_RECEIVE_BUFFER = 128 * 1024

# What would end a header line, and halves of characters, which have no encoding.
_NOT_IN_HEADERS = re.compile("[\r\n\0\ud800-\udfff]")

_NO_CONNECT_LIMIT_MS = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Options:
    """What decides how a connection is made; equal options share libcurl handles.

    `verify` is True (the CA bundle of SSL_CERT_FILE or certifi), False, or a CA file's path.
    `cert` is (key file, certificate file). `connect`, `read`, `write` and `total` are limits in
    seconds, None for never.
    """

    http_version: HttpVersion = "auto"
    verify: bool | str = True
    cert: tuple[str, str] | None = None
    connect: float | None = 10.0
    read: float | None = None
    write: float | None = None
    total: float | None = 60.0
    user_agent: str = ""
    trust_env: bool = True

    def __post_init__(self) -> None:
        """Raise RequestError for the first value that is not allowed."""
        if not isinstance(self.http_version, str) or self.http_version not in _HTTP_VERSIONS:
            allowed = ", ".join(map(repr, _HTTP_VERSIONS))
            raise RequestError(f"http_version={self.http_version!r}: must be one of {allowed}")
        if not isinstance(self.verify, (bool, str)):
            raise RequestError(f"verify={self.verify!r}: must be True, False or a CA file's path")
        if isinstance(self.verify, str) and not os.path.isfile(self.verify):  # noqa: PTH113
            raise RequestError(f"verify={self.verify!r}: there is no such CA file")
        agent = self.user_agent
        if not isinstance(agent, str) or _NOT_IN_HEADERS.search(agent):
            raise RequestError(f"user_agent={agent!r}: must be a str without CR, LF and NUL")
        for path in self.cert or ():
            if not os.path.isfile(path):  # noqa: PTH113 - a Path would change the message
                raise RequestError(f"cert: there is no file {path!r} (give key, certificate)")

    def with_changes(self, **changes: Any) -> Options:
        """A copy in which the given fields differ."""
        return replace(self, **changes)


def _ca_file(verify: bool | str) -> str:
    if isinstance(verify, str):
        return verify
    return os.environ.get("SSL_CERT_FILE") or certifi.where()


def _settings(options: Options, *, tls: bool) -> dict[str, int | str]:
    verify = options.verify is not False
    wait_for_multiplexing = tls if options.http_version == "auto" else options.http_version != "1.1"
    connect_ms = _NO_CONNECT_LIMIT_MS
    if options.connect is not None:
        connect_ms = max(1, min(round(min(options.connect, _LONGEST) * 1000), _NO_CONNECT_LIMIT_MS))
    settings: dict[str, int | str] = {
        "HTTP_VERSION": _HTTP_VERSIONS[options.http_version],
        "PIPEWAIT": int(wait_for_multiplexing),
        "CONNECTTIMEOUT_MS": connect_ms,
        "BUFFERSIZE": _RECEIVE_BUFFER,
        "SUPPRESS_CONNECT_HEADERS": 1,
    }
    if options.user_agent:
        settings["USERAGENT"] = options.user_agent
    if not (options.trust_env and any(map(os.environ.get, _PROXY_VARIABLES))):
        # Without this libcurl searches the environment for proxies on every request.
        settings["PROXY"], settings["NOPROXY"] = "", "*"
    if tls:
        settings["SSL_VERIFYPEER"] = int(verify)
        settings["SSL_VERIFYHOST"] = 2 if verify else 0
        if verify:
            settings["CAINFO"] = _ca_file(options.verify)
        if options.cert:
            settings["SSLKEY"], settings["SSLCERT"] = options.cert
    return settings


# The engine takes thirty years for never; what is longer must only fit its integers.
_LONGEST = 1e12


def microseconds(limit: float | None) -> int:
    """A limit in seconds as the engine wants it: 0 for none, never 0 for some."""
    return 0 if limit is None else max(1, round(min(limit, _LONGEST) * 1e6))


class Profile:
    """One option list in C, freed with this object."""

    __slots__ = ("pointer",)

    def __init__(self, options: Options, *, tls: bool) -> None:
        self.pointer = lib.acurl_profile_new()
        if self.pointer == ffi.NULL:
            raise MemoryError
        for name, value in _settings(options, tls=tls).items():
            if isinstance(value, int):
                result = lib.acurl_profile_set_long(self.pointer, OPTIONS[name], value)
            else:
                text = os.fsencode(value)
                result = lib.acurl_profile_set_text(self.pointer, OPTIONS[name], text)
            if result < 0:
                raise MemoryError
        lib.acurl_profile_set_limits(
            self.pointer, microseconds(options.read), microseconds(options.write)
        )

    def __del__(self) -> None:
        lib.acurl_profile_free(self.pointer)


class Settings:
    """What requests with the same options give to the engine.

    There are two option lists, because plain http wants other settings than https.
    """

    __slots__ = ("_profiles", "http", "https", "options", "total_us")

    def __init__(self, options: Options) -> None:
        self.options = options
        self._profiles = Profile(options, tls=False), Profile(options, tls=True)
        self.http, self.https = (profile.pointer for profile in self._profiles)
        if options.http_version == "2":
            self.http = ffi.NULL  # TLS negotiates it: a request for http:// is refused
        self.total_us = microseconds(options.total)
