"""URLs as libcurl is to get them: absolute, encoded, with nothing that could be injected."""

from __future__ import annotations

import re
from urllib.parse import quote, unquote, urljoin, urlsplit

from acurl.errors import RequestError

_PLAIN = re.compile(r"https?://[!-~]+", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_PASSWORD = re.compile(r"(//[^/?#@:]*:)[^/?#]*@")
# All that may stand in a URL as it is; "%" too, since what is encoded stays encoded.
_KEPT = "!#$%&'()*+,/:;=?@[]~"


def encode_url(url: object) -> bytes:
    """The bytes of a URL for libcurl, non-ASCII characters and blanks percent-encoded.

    Raises RequestError for anything but an absolute http or https URL without control
    characters.
    """
    if not isinstance(url, str):
        raise RequestError(f"url {url!r}: must be a str, not {type(url).__name__}")
    if _PLAIN.fullmatch(url):
        _check_host(url)
        return url.encode()
    return _encode(url)


def _encode(url: str) -> bytes:
    bad = _CONTROL.search(url)
    if bad:
        raise RequestError(f"url {without_password(url)!r}: must not contain {bad.group()!r}")
    scheme, separator, rest = url.partition("://")
    if not separator:
        raise RequestError(
            f"url {without_password(url)!r}: must be absolute, such as http://host/path"
        )
    if scheme.lower() not in {"http", "https"}:
        raise RequestError(
            f"url {without_password(url)!r}: scheme must be http or https, not {scheme!r}"
        )
    _check_host(url)
    size = re.search(r"[/?#]|$", rest)
    end = size.start() if size else len(rest)
    host = _encode_host(url, rest[:end])
    try:
        path = quote(rest[end:], safe=_KEPT)
    except UnicodeEncodeError as error:
        raise RequestError(f"url {without_password(url)!r}: {error}") from error
    return f"{scheme.lower()}://{host}{path}".encode()


def _encode_host(url: str, authority: str) -> str:
    if authority.isascii():
        if " " in authority:
            raise RequestError(f"url {without_password(url)!r}: the host must not contain a blank")
        return authority
    user, at, host = authority.rpartition("@")
    try:
        return quote(user, safe=_KEPT) + at + host.encode("idna").decode()
    except UnicodeError as error:
        raise RequestError(
            f"url {without_password(url)!r}: host {host!r} is no valid name ({error})"
        ) from error


def _check_host(url: str) -> None:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise RequestError(f"url {without_password(url)!r}: {error}") from error
    if not host:
        raise RequestError(f"url {without_password(url)!r}: has no host")


def without_password(url: str) -> str:
    """The URL as it may be shown: a password in it is replaced by three asterisks."""
    return _PASSWORD.sub(r"\1***@", url)


def login(url: str) -> tuple[str, str] | None:
    """User and password that a URL carries, None where it carries none."""
    parts = urlsplit(url)
    if parts.username is None:
        return None
    return unquote(parts.username), unquote(parts.password or "")


def origin(url: str) -> tuple[str, str | None, int]:
    """Scheme, host and port of an absolute URL, the default port filled in."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)


def resolve(base: str, target: str) -> str:
    """An absolute URL from one that may be relative to `base`."""
    return urljoin(base, target)
