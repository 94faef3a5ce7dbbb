"""Cookies as values, the lines that libcurl knows them by, and the files that hold such lines."""

from __future__ import annotations

import errno
import os
import re
import stat
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from acurl import urls
from acurl.errors import RequestError
from acurl.values import shown

_HTTP_ONLY = "#HttpOnly_"
_FLAGS = {"TRUE": True, "FALSE": False}
_NUMBER = re.compile(r"[0-9]{1,19}")
_LAST_SECOND = 2**63 - 1
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_FILE_HEAD = "# Netscape HTTP Cookie File\n# Written by acurl.\n\n"
# Given more in its first cookie, libcurl sends a header without an end, and waits for an answer.
_MOST_BYTES = 8180
# The hosts for which libcurl takes plain http to be as good as https.
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


@dataclass(frozen=True, slots=True)
class Cookie:
    """A cookie to be set for a domain of one's own choice."""

    domain: str
    name: str
    value: str = field(repr=False)


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
    value: str = field(repr=False)

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
        return "\t".join(fields).encode(errors="surrogateescape")


def parse_cookie_string(line: str) -> _Cookie:
    """The cookie of one Netscape line.

    Raises ValueError, with a reason that does not show the cookie's value, for lines that have
    not six or seven fields, flags that are neither TRUE nor FALSE, a time that is no number of
    seconds, and lines without a domain.
    """
    line = line.strip("\r\n")
    http_only = line.startswith(_HTTP_ONLY)
    fields = line.removeprefix(_HTTP_ONLY).split("\t")
    if len(fields) == 6:
        fields.append("")
    if len(fields) != 7:
        raise ValueError(f"cookie line must have 7 fields between tabs, not {len(fields)}")
    domain, subdomains, path, secure, expiration, name, value = fields
    if not domain:
        raise ValueError("cookie line must begin with a domain")
    return _Cookie(
        http_only,
        domain,
        _flag("subdomains", subdomains),
        path,
        _flag("secure", secure),
        _seconds(expiration),
        name,
        value,
    )


def _flag(what: str, text: str) -> bool:
    flag = _FLAGS.get(text.upper())
    if flag is None:
        raise ValueError(f"cookie line: {what} must be TRUE or FALSE, not {text!r}")
    return flag


def _seconds(text: str) -> int:
    if not _NUMBER.fullmatch(text) or int(text) > _LAST_SECOND:
        raise ValueError(f"cookie line: expiration must be seconds since 1970 or 0, not {text!r}")
    return int(text)


def cookie_dict(lines: Iterable[str], host: str | None = None) -> dict[str, str]:
    """Name to value of the cookies in Netscape lines; a later one of the same name wins.

    With `host` only those that may go there.
    """
    cookies = [parse_cookie_string(line) for line in lines]
    if host is not None:
        cookies = [cookie for cookie in cookies if _may_go_to(cookie, host)]
    return {_as_text(cookie.name): _as_text(cookie.value) for cookie in cookies}


def _may_go_to(cookie: _Cookie, host: str) -> bool:
    domain = cookie.domain.removeprefix(".").lower()
    return host == domain or (cookie.include_subdomains and host.endswith(f".{domain}"))


def _as_text(text: str) -> str:
    if text.isascii():
        return text
    return text.encode(errors="surrogateescape").decode(errors="replace")


def read_cookie_file(path: str | os.PathLike[str]) -> list[_Cookie]:
    """The cookies of a Netscape file, such as `curl -c` and extensions of browsers write.

    Raises RequestError for a line that is no cookie, naming file, line and reason, and OSError
    for a file that cannot be read.
    """
    try:
        if not stat.S_ISREG(Path(path).stat().st_mode):  # one without an end, or that blocks
            raise RequestError(f"cookie file {os.fspath(path)!r}: is no regular file")
    except ValueError as error:
        raise _no_path(path, error) from error
    # Not splitlines(): a value may hold characters that it takes for line ends.
    text = Path(path).read_bytes().decode("utf-8-sig", errors="surrogateescape")
    cookies = []
    for number, line in enumerate(text.split("\n"), 1):
        try:
            cookie = _cookie_of(line.removesuffix("\r").lstrip(" \t"))
        except ValueError as error:
            raise RequestError(
                f"cookie file {os.fspath(path)!r}, line {number}: {error}"
            ) from error
        if cookie is not None:
            cookies.append(cookie)
    return cookies


def _cookie_of(line: str) -> _Cookie | None:
    """The cookie of a file's line, None for blank lines and comments."""
    if not line or (line.startswith("#") and not line.startswith(_HTTP_ONLY)):
        return None
    unfit = _CONTROL.search(line)
    if unfit:
        raise ValueError(f"cookie line must not contain {unfit.group()!r}")
    cookie = parse_cookie_string(line)
    if not cookie.name:
        raise ValueError("cookie line must name the cookie")
    _refuse_bad_size(cookie.name, cookie.value)
    # Old curls write the path that a server said in place of the one they took it for.
    return cookie if cookie.path.startswith("/") else replace(cookie, path="/")


def _no_path(path: str | os.PathLike[str], error: ValueError) -> RequestError:
    if isinstance(error, RequestError):
        return error
    return RequestError(f"cookie file {os.fspath(path)!r}: {error}")


def write_cookie_file(path: str | os.PathLike[str], lines: Iterable[str]) -> None:
    """Write Netscape lines to a file that only its owner can read, all of them or none.

    A file of that name is replaced; where the name is a link, what it links to. Raises
    RequestError for what is no regular file, and OSError where nothing can be written.
    """
    try:
        target = Path(path).resolve()
    except RuntimeError:  # as Python 3.11 and 3.12 tell of links that lead to each other
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), os.fspath(path)) from None
    except ValueError as error:
        raise _no_path(path, error) from error
    if target.exists() and not target.is_file():
        raise RequestError(f"cookie file {os.fspath(path)!r}: is no regular file")
    text = _FILE_HEAD + "".join(f"{line}\n" for line in lines)
    descriptor, name = tempfile.mkstemp(prefix=".cookies-", dir=target.parent)
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(text.encode(errors="surrogateescape"))
        temporary.replace(target)
    except BaseException:
        temporary.unlink()
        raise


def _told(name: object) -> str:
    """A name as messages show it: without the value, where a whole cookie was given for it."""
    return shown(name.partition("=")[0] if isinstance(name, str) else name)


def _refuse_bad_text(what: str, text: str, forbidden: str) -> None:
    if not isinstance(text, str):
        raise RequestError(f"cookie {what} must be a str, not {type(text).__name__}")
    for character in text:
        unfit = character < " " or character == "\x7f" or "\ud800" <= character <= "\udfff"
        if unfit or character in forbidden:
            told = "" if what == "value" else f" {_told(text)}"  # a value may be a secret
            raise RequestError(f"cookie {what}{told}: must not contain {character!r}")


def _refuse_bad_size(name: str, value: str) -> None:
    size = len(f"{name}{value}".encode(errors="surrogateescape"))
    if size > _MOST_BYTES:
        raise RequestError(
            f"cookie {_told(name)}: name and value have {size} bytes, at most are {_MOST_BYTES}"
        )


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

    Names that begin with __Secure- or __Host- make it as narrow as they promise. Raises
    RequestError (a ValueError) for a value that is neither str nor Cookie, for a URL that
    cannot be asked for or cannot carry the cookie, and for text that cookies cannot carry.
    """
    if isinstance(value, Cookie):
        domain, name, value = value.domain, value.name, value.value
    elif isinstance(value, str):
        domain = urls.host(url)
        # A leading dot would have libcurl match subdomains of an address as well.
        if include_subdomains and not _is_address(domain):
            domain = f".{domain}"
    else:
        raise RequestError(
            f"cookie {_told(name)}: value must be str or Cookie, not {type(value).__name__}"
        )
    _refuse_bad_text("name", name, "=; \t")
    _refuse_bad_text("value", value, ";\t")
    _refuse_bad_text("domain", domain, "; \t")
    if not (name and domain):
        raise RequestError(f"cookie {name!r} of {domain!r}: needs both a name and a domain")
    _refuse_bad_size(name, value)
    if not domain.isascii():
        bare = domain.removeprefix(".")
        domain = domain.removesuffix(bare) + urls.host(f"http://{bare}")
    path = urls.path(url) if include_url_path else "/"
    tail = include_subdomains and not _is_address(domain)
    cookie = _Cookie(http_only, domain, tail, path, is_secure, 0, name, value)
    return _narrowed(url, cookie)


def _narrowed(url: str, cookie: _Cookie) -> _Cookie:
    """The cookie, as libcurl wants those to be whose names make a promise."""
    promise = cookie.name.lower()
    if not promise.startswith(("__secure-", "__host-")):
        return cookie
    scheme, host, _ = urls.origin(url)
    if scheme != "https" and host not in _LOOPBACK:
        raise RequestError(f"cookie {cookie.name!r}: only https URLs can carry it")
    if promise.startswith("__host-"):
        domain = cookie.domain.removeprefix(".")
        cookie = replace(cookie, domain=domain, include_subdomains=False, path="/")
    return replace(cookie, is_secure=True)


def _is_address(host: str) -> bool:
    return ":" in host or host.replace(".", "").isdigit()
