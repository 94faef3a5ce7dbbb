"""The words of the command line turned into what the target needs."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mite.demo.errors import TargetError

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 8080
DEFAULT_TLS_PORT = 8443


@dataclass(frozen=True, slots=True)
class TargetOptions:
    """Where to serve, and what to leave for others; `address` is the numeric form of `host`."""

    host: str
    address: str
    port: int
    tls_port: int
    cert_dir: Path | None
    ready_file: Path | None


def parse(options: Mapping[str, Any]) -> TargetOptions:
    """Options out of docopt's dictionary, or a TargetError that names the one that is wrong."""
    host = _given(options, "--host") or DEFAULT_HOST
    port = _port(options, "--port", DEFAULT_PORT)
    tls_port = _port(options, "--tls-port", DEFAULT_TLS_PORT)
    if port == tls_port != 0:
        raise TargetError(
            f"--port and --tls-port are both {port}: they must be two different ports"
        )
    return TargetOptions(
        host, _address(host), port, tls_port, _directory(options), _ready_file(options)
    )


def _given(options: Mapping[str, Any], name: str) -> str | None:
    value = options.get(name)
    return None if value is None else str(value)


def _port(options: Mapping[str, Any], name: str, default: int) -> int:
    value = _given(options, name)
    if value is None:
        return default
    if not (value.isascii() and value.isdigit()) or len(value) > 5 or int(value) > 65535:
        raise TargetError(
            f"{name} is {value!r}: it must be a port from 1 to 65535, or 0 for any free one"
        )
    return int(value)


def _address(host: str) -> str:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        raise TargetError(
            f"--host is {host!r}, which is no address of this machine: {error}"
        ) from error
    found.sort(key=lambda entry: entry[0] != socket.AF_INET)
    return str(found[0][4][0])


def _directory(options: Mapping[str, Any]) -> Path | None:
    value = _given(options, "--cert-dir")
    if value is None:
        return None
    path = Path(value)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TargetError(
            f"--cert-dir is {value!r}, which cannot be made a directory: {error.strerror}"
        ) from error
    return path


def _ready_file(options: Mapping[str, Any]) -> Path | None:
    value = _given(options, "--ready-file")
    if value is None:
        return None
    path = Path(value)
    try:
        usable = path.parent.is_dir() and (path.is_file() or not path.exists())
    except (OSError, ValueError):
        usable = False
    if not usable:
        raise TargetError(
            f"--ready-file is {value!r}: it must name a file in a directory that exists"
        )
    return path
