"""Proxies, sockets and addresses that a request is led to, checked."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Mapping
from ipaddress import ip_address
from typing import NamedTuple
from urllib.parse import urlsplit

import idna

from acurl.errors import RequestError

PROXY_SCHEMES = ("http", "https", "socks4", "socks4a", "socks5", "socks5h")

_ENDPOINT = re.compile(r"(\[[0-9a-fA-F:.]+\]|[^][\s:/?#@,]+):([0-9]{1,5})")

# sizeof(sockaddr_un.sun_path) on Linux, less the NUL that ends it.
_LONGEST_SOCKET_PATH = 107


class Endpoint(NamedTuple):
    """A host, an IPv6 address in brackets, and a port."""

    host: str
    port: int

    def __str__(self) -> str:
        """As libcurl compares it."""
        return f"{self.host}:{self.port}"


def endpoint(option: str, text: object) -> Endpoint:
    """The parts of "host:port" or "[address]:port". Raises RequestError that names `option`."""
    found = _ENDPOINT.fullmatch(text) if isinstance(text, str) else None
    try:
        if found and 0 < int(found[2]) < 65536:
            return Endpoint(bracketed(found[1]), int(found[2]))
    except ValueError:  # of no IPv6 address, or no name
        pass
    raise RequestError(f"{option}: {text!r} must be 'host:port', such as 'example.com:443'")


def bracketed(host: str) -> str:
    """A host as it stands in a URL, from a name or an address with or without brackets."""
    if ":" in host:
        return f"[{ip_address(host.strip('[]'))}]"
    return host.lower() if host.isascii() else idna.encode(host, uts46=True).decode()


def _address(text: object) -> str:
    try:
        if isinstance(text, str) and "%" not in text:
            return bracketed(str(ip_address(text.strip("[]"))))
    except ValueError:
        pass
    raise RequestError(f"resolve: {text!r} must be an IP address, such as '127.0.0.1' or '::1'")


def checked_resolutions(value: object) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """The option `resolve` as pairs of "host:port" and addresses."""
    if value is None:
        return ()
    if not isinstance(value, Mapping):
        raise RequestError(f"resolve={value!r}: must be a dict of 'host:port' to an address")
    return tuple((str(endpoint("resolve", key)), _addresses(value[key])) for key in value)


def _addresses(value: object) -> tuple[str, ...]:
    if isinstance(value, (list, tuple)) and value:
        return tuple(map(_address, value))
    return (_address(value),)


def checked_redirections(value: object) -> tuple[tuple[str, str], ...]:
    """The option `connect_to` as pairs of "host:port" and "host:port"."""
    if value is None:
        return ()
    if not isinstance(value, Mapping):
        raise RequestError(f"connect_to={value!r}: must be a dict of 'host:port' to 'host:port'")
    return tuple(
        (str(endpoint("connect_to", key)), str(endpoint("connect_to", value[key]))) for key in value
    )


def check_proxy(value: object) -> None:
    """Raise RequestError for what is neither None, "" nor the URL of a proxy."""
    if value is None or value == "":
        return
    if not isinstance(value, str):
        raise RequestError(f"proxy={value!r}: must be a str, '' for none or None")
    shown = shown_proxy(value)
    if not (value.isascii() and value.isprintable() and " " not in value):
        raise RequestError(f"proxy={shown!r}: must be ASCII without blanks (write %20)")
    scheme, separator, _ = value.partition("://")
    if not separator or scheme.lower() not in PROXY_SCHEMES:
        raise RequestError(
            f"proxy={shown!r}: must begin with one of {', '.join(PROXY_SCHEMES)} and '://'"
        )
    if not _has_host_and_port(value):
        raise RequestError(
            f"proxy={shown!r}: must be scheme://host:port or scheme://user:password@host:port"
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


def check_interface(value: object) -> None:
    """Raise RequestError for what is no network interface or address of this machine."""
    if value is None:
        return
    if not isinstance(value, str) or not value:
        raise RequestError(f"interface={value!r}: must be the name or address of one, or None")
    names = [name for _, name in socket.if_nameindex()]
    if value in names:
        return
    try:
        address = ip_address(value)
    except ValueError:
        raise RequestError(
            f"interface={value!r}: must be an address of this machine or one of {', '.join(names)}"
        ) from None
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.bind((value, 0))
    except OSError as error:
        raise RequestError(
            f"interface={value!r}: must be an address of this machine ({error.strerror})"
        ) from error


def check_unix_socket(value: object) -> None:
    """Raise RequestError for what cannot be the path of a Unix socket."""
    if value is None:
        return
    if not isinstance(value, str) or not value or "\0" in value:
        raise RequestError(f"unix_socket={value!r}: must be the path of a socket, or None")
    size = len(os.fsencode(value))
    if size > _LONGEST_SOCKET_PATH:
        raise RequestError(
            f"unix_socket={value!r}: must be at most {_LONGEST_SOCKET_PATH} bytes, not {size}"
        )
