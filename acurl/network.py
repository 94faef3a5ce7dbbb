"""Where connections go and how: what may be chosen, and what libcurl is told."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Mapping
from hashlib import blake2b
from ipaddress import ip_address
from typing import TYPE_CHECKING, NamedTuple

import idna

from acurl.errors import RequestError
from acurl.proxy import may_be_proxied
from acurl.values import shown

if TYPE_CHECKING:
    from acurl.options import Options
    from acurl.profile import Value

MOST_MS = 2**31 - 1
_MOST_KEEPALIVE = 32767  # what Linux takes

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
    raise RequestError(f"{option}: {shown(text)} must be 'host:port', such as 'example.com:443'")


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
    raise RequestError(
        f"resolve: {shown(text)} must be an IP address, such as '127.0.0.1' or '::1'"
    )


def checked_resolutions(value: object) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """The option `resolve` as pairs of "host:port" and addresses."""
    if value is None:
        return ()
    if not isinstance(value, Mapping):
        raise RequestError(f"resolve={shown(value)}: must be a dict of 'host:port' to an address")
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
        raise RequestError(
            f"connect_to={shown(value)}: must be a dict of 'host:port' to 'host:port'"
        )
    return tuple(
        (str(endpoint("connect_to", key)), str(endpoint("connect_to", value[key]))) for key in value
    )


def check_interface(value: object) -> None:
    """Raise RequestError for what is no network interface or address of this machine."""
    if value is None:
        return
    if not isinstance(value, str) or not value:
        raise RequestError(f"interface={shown(value)}: must be the name or address of one, or None")
    names = [name for _, name in socket.if_nameindex()]
    if value in names:
        return
    try:
        address = ip_address(value)
    except ValueError:
        raise RequestError(
            f"interface={shown(value)}: must be an address of this machine or one of "
            f"{', '.join(names)}"
        ) from None
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.bind((value, 0))
    except OSError as error:
        raise RequestError(
            f"interface={shown(value)}: must be an address of this machine ({error.strerror})"
        ) from error


def check_unix_socket(value: object) -> None:
    """Raise RequestError for what cannot be the path of a Unix socket."""
    if value is None:
        return
    if not isinstance(value, str) or not value or "\0" in value:
        raise RequestError(f"unix_socket={shown(value)}: must be the path of a socket, or None")
    try:
        size = len(os.fsencode(value))
    except UnicodeEncodeError as error:
        raise RequestError(f"unix_socket={shown(value)}: {error.reason}") from error
    if size > _LONGEST_SOCKET_PATH:
        raise RequestError(
            f"unix_socket={shown(value)}: must be at most {_LONGEST_SOCKET_PATH} bytes, not {size}"
        )


def check_keepalive(value: object) -> None:
    """Raise RequestError for what is no pair of seconds."""
    if value is None:
        return
    if not (isinstance(value, tuple) and [type(item) for item in value] == [int, int]):
        raise RequestError(
            f"tcp_keepalive={shown(value)}: must be (seconds of silence, seconds between probes), "
            "whole numbers, or None"
        )
    if not all(0 < number <= _MOST_KEEPALIVE for number in value):
        raise RequestError(
            f"tcp_keepalive={shown(value)}: each must be 1 to {_MOST_KEEPALIVE} seconds"
        )


def milliseconds(limit: float) -> int:
    """Seconds as libcurl counts them, never 0."""
    return max(1, round(min(limit * 1000, MOST_MS)))


def network_settings(options: Options) -> dict[str, Value]:
    """libcurl's options that say where to connect, and how."""
    settings = _destination_settings(options)
    settings["DNS_CACHE_TIMEOUT"] = -1
    if options.dns_ttl is not None:
        settings["DNS_CACHE_TIMEOUT"] = min(options.dns_ttl, MOST_MS)
    if options.interface:
        settings["INTERFACE"] = options.interface
    if options.unix_socket:
        settings["UNIX_SOCKET_PATH"] = options.unix_socket
    if options.happy_eyeballs_timeout is not None:
        settings["HAPPY_EYEBALLS_TIMEOUT_MS"] = milliseconds(options.happy_eyeballs_timeout)
    if options.tcp_keepalive:
        settings["TCP_KEEPALIVE"] = 1
        settings["TCP_KEEPIDLE"], settings["TCP_KEEPINTVL"] = options.tcp_keepalive
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
        if found and (len(found) == 1 or may_be_proxied(options)):
            host = found[0]  # a proxy knows nothing of names that we make up
        elif found:
            host = _filed_name(host, found)
            filed.append(f"{host}:{port}:{','.join(found)}")
        led.append(f"{source}:{host}:{port}")
    settings: dict[str, Value] = {"CONNECT_TO": led} if led else {}
    return settings | ({"RESOLVE": filed} if filed else {})


def _filed_name(host: str, addresses: tuple[str, ...]) -> str:
    """A name for these addresses alone. libcurl's messages show it, so it tells of the host."""
    digest = blake2b(",".join(addresses).encode(), digest_size=12).hexdigest()
    return f"{digest}.invalid" if host.startswith("[") else f"{host}.{digest}.invalid"
