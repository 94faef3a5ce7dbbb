"""Cookies as values, their Netscape lines, and the jar that libcurl keeps for one session."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from acurl._engine import ffi, lib
from acurl.driver import refusal
from acurl.errors import RequestError
from acurl.urls import without_password

if TYPE_CHECKING:
    from acurl.driver import Driver

_HTTP_ONLY = "#HttpOnly_"


@dataclass(frozen=True, slots=True)
class Cookie:
    """A cookie to be set for a domain of one's own choice."""

    domain: str
    name: str
    value: str


@dataclass(frozen=True, slots=True)
class _Cookie:
    """A cookie as a jar holds it. `expiration` is seconds since 1970, 0 for session cookies."""

    http_only: bool
    domain: str
    include_subdomains: bool
    path: str
    is_secure: bool
    expiration: int
    name: str
    value: str

    @property
    def has_expired(self) -> bool:
        """Whether its time is over; session cookies never expire by time."""
        return self.expiration != 0 and time.time() > self.expiration

    def format(self) -> bytes:
        """The Netscape line of this cookie, without a line end."""
        fields = (
            (_HTTP_ONLY if self.http_only else "") + self.domain,
            "TRUE" if self.include_subdomains else "FALSE",
            self.path,
            "TRUE" if self.is_secure else "FALSE",
            str(self.expiration),
            self.name,
            self.value,
        )
        return "\t".join(fields).encode()


def parse_cookie_string(line: str) -> _Cookie:
    """The cookie of one Netscape line. Raises ValueError when it has not six or seven fields."""
    line = line.strip("\r\n")
    http_only = line.startswith(_HTTP_ONLY)
    fields = line.removeprefix(_HTTP_ONLY).split("\t")
    if len(fields) == 6:
        fields.append("")
    if len(fields) != 7:
        raise ValueError(f"cookie line {line!r}: must have 7 fields between tabs")
    domain, subdomains, path, secure, expiration, name, value = fields
    return _Cookie(
        http_only,
        domain,
        subdomains == "TRUE",
        path,
        secure == "TRUE",
        int(expiration),
        name,
        value,
    )


def cookie_dict(lines: Iterable[str]) -> dict[str, str]:
    """Name to value of the cookies in Netscape lines; a later one of the same name wins."""
    cookies = map(parse_cookie_string, lines)
    return {cookie.name: cookie.value for cookie in cookies}


def _refuse_bad_text(what: str, text: str, forbidden: str) -> None:
    if not isinstance(text, str):
        raise RequestError(f"cookie {what} must be a str, not {type(text).__name__}")
    for character in text:
        unfit = character < " " or character == "\x7f" or "\ud800" <= character <= "\udfff"
        if unfit or character in forbidden:
            shown = "" if what == "value" else f" {text!r}"  # a value may be a secret
            raise RequestError(f"cookie {what}{shown}: must not contain {character!r}")


def session_cookie_for_url(
    url: str,
    name: str,
    value: str | Cookie,
    http_only: bool = False,
    include_subdomains: bool = True,
    is_secure: bool = False,
    include_url_path: bool = False,
) -> _Cookie:
    """A session cookie for the host of a URL, or for the domain that a Cookie names.

    Raises RequestError (a ValueError) for a value that is neither str nor Cookie, for a URL
    without a host, and for characters that cookies cannot carry.
    """
    parts = urlsplit(url)
    host = parts.hostname
    if isinstance(value, Cookie):
        domain, name, value = value.domain, value.name, value.value
    elif isinstance(value, str):
        if not host:
            raise RequestError(f"url {without_password(url)!r}: has no host to set a cookie for")
        # A leading dot would have libcurl match subdomains of an address as well.
        domain = f".{host}" if include_subdomains and not _is_address(host) else host
    else:
        raise RequestError(
            f"cookie {name!r}: value must be str or Cookie, not {type(value).__name__}"
        )
    _refuse_bad_text("name", name, "=; \t")
    _refuse_bad_text("value", value, ";\t")
    _refuse_bad_text("domain", domain, "; \t")
    path = (parts.path or "/") if include_url_path else "/"
    tail = include_subdomains and not _is_address(domain)
    return _Cookie(http_only, domain, tail, path, is_secure, 0, name, value)


def _is_address(host: str) -> bool:
    return ":" in host or host.replace(".", "").isdigit()


class Jar:
    """The cookies of one session, in libcurl's hands. Freed with this object."""

    __slots__ = ("_driver", "pointer")

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self.pointer = lib.acurl_jar_new(driver.engine, 0)
        if self.pointer == ffi.NULL:
            raise refusal(lib.ACURL_ENOMEM)

    def add(self, netscape_line: bytes) -> None:
        """Set one cookie. Raises RequestError when libcurl refuses the line."""
        self._check(lib.acurl_jar_add(self._driver.engine, self.pointer, netscape_line))

    def clear(self) -> None:
        """Forget all cookies."""
        self._check(lib.acurl_jar_clear(self._driver.engine, self.pointer))

    def lines(self) -> list[str]:
        """All cookies as Netscape lines."""
        driver = self._driver
        size = self._check(lib.acurl_jar_list(driver.engine, self.pointer))
        if not size:
            return []
        batch = lib.acurl_engine_batch(driver.engine)
        text: bytes = ffi.unpack(batch.bytes, size)
        # Not splitlines(): a value may hold characters that it takes for line ends.
        return text.decode(errors="replace").removesuffix("\n").split("\n")

    @staticmethod
    def _check(result: int) -> int:
        if result < 0:
            raise refusal(result)
        return result

    def __del__(self) -> None:
        pointer = getattr(self, "pointer", ffi.NULL)
        if pointer != ffi.NULL:
            self._driver.release_jar(pointer)
