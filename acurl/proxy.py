"""Proxies: what is one, when there may be one, and what libcurl is told of it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from acurl.errors import RequestError
from acurl.tls import ca_file
from acurl.values import shown

if TYPE_CHECKING:
    from acurl.options import Options
    from acurl.profile import Value

PROXY_SCHEMES = ("http", "https", "socks4", "socks4a", "socks5", "socks5h")
_PROXY_VARIABLES = ("http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")


def check_proxy(value: object) -> None:
    """Raise RequestError for what is neither None, "" nor the URL of a proxy."""
    if value is None or value == "":
        return
    if not isinstance(value, str):
        raise RequestError(f"proxy: must be a str, '' for none or None, not {type(value).__name__}")
    told = shown(shown_proxy(value))
    if not (value.isascii() and value.isprintable() and " " not in value):
        raise RequestError(f"proxy={told}: must be ASCII without blanks (write %20)")
    scheme, separator, _ = value.partition("://")
    if not separator or scheme.lower() not in PROXY_SCHEMES:
        raise RequestError(
            f"proxy={told}: must begin with one of {', '.join(PROXY_SCHEMES)} and '://'"
        )
    if not _has_host_and_port(value):
        raise RequestError(
            f"proxy={told}: must be scheme://host:port or scheme://user:password@host:port"
        )


def _has_host_and_port(proxy: str) -> bool:
    try:
        parts = urlsplit(proxy)
        found = parts.hostname and parts.port
    except ValueError:
        return False
    return bool(found) and parts.path in {"", "/"} and not parts.query and not parts.fragment


def shown_proxy(value: str) -> str:
    """A proxy as it may be shown: without what stands before its host."""
    login, at, rest = value.rpartition("@")
    if not at:
        return value
    scheme, separator, _ = login.partition("://")
    return f"{scheme}://***@{rest}" if separator else f"***@{rest}"


def may_be_proxied(options: Options) -> bool:
    """Whether requests with these options may go through a proxy, named or the environment's."""
    if options.unix_socket is not None:
        return False
    if options.proxy is not None:
        return bool(options.proxy)
    return options.trust_env and any(map(os.environ.get, _PROXY_VARIABLES))


def proxy_settings(options: Options) -> dict[str, Value]:
    """libcurl's options that say which proxy to use, or to look for none."""
    if not may_be_proxied(options):
        # Without this libcurl searches the environment for proxies on every request.
        return {"PROXY": "", "NOPROXY": "*"}
    verify = options.verify is not False
    settings: dict[str, Value] = {
        "SUPPRESS_CONNECT_HEADERS": 1,
        "PROXY_SSL_VERIFYPEER": int(verify),
        "PROXY_SSL_VERIFYHOST": 2 if verify else 0,
    }
    if verify:
        settings |= {"PROXY_CAINFO": ca_file(options.verify), "PROXY_CAPATH": None}
    if options.proxy:
        settings["PROXY"] = options.proxy
        settings["NOPROXY"] = ""  # or the environment would name exceptions
    return settings
