"""URLs as libcurl is to get them: absolute, encoded, with nothing that could be injected."""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Iterable, Mapping
from typing import NamedTuple
from urllib.parse import quote, unquote, urlencode

import idna

from acurl.errors import RequestError
from acurl.values import shortened, shown

Scalar = str | int | float | bool | None
Params = Mapping[str, Scalar | Iterable[Scalar]] | Iterable[tuple[str, Scalar | Iterable[Scalar]]]

# What needs no closer look: a name or address without a dot at its end, and a good port.
_PLAIN = re.compile(
    r"https?://[0-9A-Za-z._~-]*[0-9A-Za-z_~-](?::[0-5]?[0-9]{1,4})?(?:[/?#][!-~]*)?"
)
_UNFIT = re.compile(r"[\x00- \x7f]")
_PARTS = re.compile(r"(?:([^@]*)@)?(\[[^\]]*\]|[^:@]*)(?::([0-9]*))?")
_HOST = re.compile(r"(?=\.*[0-9A-Za-z_~-])[0-9A-Za-z._~-]+(?<!\.\.)")
_BRACKETED = re.compile(r"\[([0-9A-Fa-f:.]+)(?:%(?:25)?[0-9A-Za-z._~-]+)?\]")
_NUMERIC = re.compile(r"(?:0[xX][0-9A-Fa-f]+|[0-9]+)(?:\.(?:0[xX][0-9A-Fa-f]+|[0-9]+)){0,3}")
_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
# A password may hold "@"; or "/", "?" and "#", which then make a port that is none.
_PASSWORD = re.compile(
    r"((?:^|//)(?:[^/?#@:]*@)*[^/?#@:\[]*:)(?:[^/?#]*@|(?![0-9]*(?:[/?#]|$)).*@)", re.DOTALL
)
_WITHOUT_SCHEME = re.compile(r"^([^:]*:).*@", re.DOTALL)
# All that may stand in a URL as it is; "%" too, since what is encoded stays encoded.
_KEPT = "!#$%&'()*+,/:;=?@[]~\"<>\\^`{|}"
_LAST_PORT = 65535
_MOST_BYTES = 1_000_000  # all that is sent before a body has room in 1 MiB of libcurl


class _Place(NamedTuple):
    """A URL taken apart, its parts as libcurl is to get them.

    `user` is None without "@"; `port` is empty where none is named.
    """

    scheme: str
    user: str | None
    host: str
    port: str
    rest: str


def encode_url(url: object) -> bytes:
    """The bytes of a URL for libcurl: non-ASCII characters percent-encoded, names in punycode.

    Raises RequestError for anything but an absolute http or https URL without blanks and control
    characters.
    """
    if isinstance(url, str) and len(url) <= _MOST_BYTES and _PLAIN.fullmatch(url):
        return url.encode("ascii")
    place = _place(url)
    user = "" if place.user is None else f"{place.user}@"
    port = f":{place.port}" if place.port else ""
    encoded = f"{place.scheme}://{user}{place.host}{port}{place.rest}".encode("ascii")
    if len(encoded) > _MOST_BYTES:
        start = shown(f"{place.scheme}://{place.host}{port}")
        raise RequestError(
            f"url {start} and so on: has {len(encoded)} bytes, at most are {_MOST_BYTES}"
        )
    return encoded


def _refusal(url: str, reason: str) -> RequestError:
    return RequestError(f"url {shown(without_password(url))}: {reason}")


def _no_text(url: object) -> RequestError:
    return RequestError(f"url: must be a str, not {type(url).__name__}")


def _quoted(url: str, text: str) -> str:
    try:
        return quote(text, safe=_KEPT)
    except UnicodeEncodeError as error:
        raise _refusal(url, str(error)) from error


def _place(url: object) -> _Place:
    if not isinstance(url, str):
        raise _no_text(url)
    unfit = _UNFIT.search(url)
    if unfit:
        hint = " (%20, or '+' in a query)" if unfit.group() == " " else ""
        raise _refusal(url, f"must not contain {unfit.group()!r}{hint}")
    scheme, separator, rest = url.partition("://")
    if not separator:
        raise _refusal(url, "must be absolute, such as http://host/path")
    if scheme.lower() not in {"http", "https"}:
        raise _refusal(url, f"scheme must be http or https, not {shown(without_password(scheme))}")
    size = re.search(r"[/?#]|$", rest)
    end = size.start() if size else len(rest)
    parts = _PARTS.fullmatch(rest[:end])
    if not parts:
        raise _refusal(url, "after :// must stand [user[:password]@]host[:port]")
    user, host, port = parts.groups()
    if user in {"", ":"}:
        raise _refusal(url, "has no user before '@'")
    number = (port or "").lstrip("0")
    if len(number) > 5 or int(number or 0) > _LAST_PORT:
        raise _refusal(url, f"port {shortened(number)} is out of range 0-{_LAST_PORT}")
    return _Place(
        scheme.lower(),
        user and _quoted(url, user),
        _host(url, host),
        port or "",
        _quoted(url, rest[end:]),
    )


def _host(url: str, host: str) -> str:
    if not host:
        raise _refusal(url, "has no host")
    if host.startswith("["):
        return _bracketed(url, host)
    if _ESCAPE.search(host):
        raise _refusal(url, f"host {shown(host)}: after '%' must stand two hexadecimal digits")
    name = unquote(host)
    if not name.isascii():
        try:
            name = idna.encode(name, uts46=True).decode("ascii")
        except UnicodeError as error:
            raise _refusal(url, f"host {shown(host)} is no valid name ({error})") from error
        if _NUMERIC.fullmatch(name.removesuffix(".")):
            raise _refusal(url, f"host {shown(host)}: an address must have ASCII digits")
    if not _HOST.fullmatch(name):
        raise _refusal(
            url, f"host {shown(host)} must consist of letters, digits, '.', '-', '_' and '~'"
        )
    if name.endswith(".") and _NUMERIC.fullmatch(name[:-1]):
        raise _refusal(url, f"host {shown(host)}: an address must not end with a dot")
    return name


def _bracketed(url: str, host: str) -> str:
    parts = _BRACKETED.fullmatch(host)
    try:
        ipaddress.IPv6Address(parts[1] if parts else "")
    except ValueError as error:
        raise _refusal(url, f"host {shown(host)} is no IPv6 address") from error
    return host


def without_password(url: str) -> str:
    """The URL as it may be shown: a password in it is replaced by three asterisks."""
    if "@" not in url:
        return url
    pattern = _PASSWORD if "//" in url else _WITHOUT_SCHEME
    return pattern.sub(r"\1***@", url)


def login(url: str) -> tuple[str, str] | None:
    """User and password that a URL carries, None where it carries none.

    Raises RequestError where `encode_url` does.
    """
    user = _place(url).user
    if user is None:
        return None
    name, _, password = user.partition(":")
    return unquote(name), unquote(password)


def host(url: str) -> str:
    """The host of a URL as cookies know it: lower case, punycode, addresses in one form.

    IPv6 addresses have neither brackets nor zone. Raises RequestError where `encode_url` does.
    """
    return _known_as(_place(url).host)


def _known_as(sent: str) -> str:
    name = sent.lower()
    bracketed = _BRACKETED.fullmatch(name)
    if bracketed:
        packed = socket.inet_pton(socket.AF_INET6, bracketed[1])
        # As libcurl does: the common form, unless what was given is shorter.
        return min(socket.inet_ntop(socket.AF_INET6, packed), bracketed[1], key=len)
    if _NUMERIC.fullmatch(name):
        try:
            return socket.inet_ntoa(socket.inet_aton(name))
        except OSError:  # out of range: libcurl takes it for a name as well
            return name
    return name


def path(url: str) -> str:
    """The path of a URL, encoded, without its query; "/" where it has none.

    Raises RequestError where `encode_url` does.
    """
    return re.split(r"[?#]", _place(url).rest, maxsplit=1)[0] or "/"


def origin(url: str) -> tuple[str, str, int]:
    """Scheme, host and port of an absolute URL, the default port filled in.

    Raises RequestError where `encode_url` does.
    """
    place = _place(url)
    return (
        place.scheme,
        _known_as(place.host),
        int(place.port or (443 if place.scheme == "https" else 80)),
    )


def redirect_url(location: str) -> str:
    """The URL that a server redirects to, its blanks encoded as curl does when it follows one.

    Servers may write what users may not. libcurl encodes blanks in relative ones only.
    """
    start, mark, query = location.partition("?")
    return start.replace(" ", "%20") + mark + query.replace(" ", "+")


def with_params(url: str, params: Params | None) -> str:
    """The URL with query parameters added behind those it has, before its fragment.

    `params` is a mapping of names to values or an iterable of such pairs. A value is a str, int,
    float, a bool (sent as true or false), None (leaves the name out), or a list or tuple of these,
    which repeats the name. Encoded as forms are: a blank becomes "+". Raises RequestError for
    other types, naming the parameter but never its value.
    """
    if not isinstance(url, str):
        raise _no_text(url)
    if params is None:
        return url
    try:
        added = urlencode(param_pairs(params))
    except UnicodeEncodeError as error:
        raise RequestError(
            f"params: halves of characters cannot be sent ({error.reason})"
        ) from error
    if not added:
        return url
    start, mark, fragment = url.partition("#")
    joint = "" if start.endswith(("?", "&")) else "&"
    return f"{start}{joint if '?' in start else '?'}{added}{mark}{fragment}"


def param_pairs(params: Params) -> list[tuple[str, str]]:
    """Name and text of each query parameter. Raises RequestError where `with_params` does."""
    try:
        items = [(k, v) for k, v in (params.items() if isinstance(params, Mapping) else params)]
    except (TypeError, ValueError) as error:
        raise RequestError(
            "params must be a mapping or an iterable of (name, value) pairs"
        ) from error
    pairs: list[tuple[str, str]] = []
    for name, value in items:
        if not isinstance(name, str):
            raise RequestError(
                f"params: name {shown(name)} must be a str, not {type(name).__name__}"
            )
        values = value if isinstance(value, (list, tuple)) else (value,)
        pairs += [(name, _text(name, item)) for item in values if item is not None]
    return pairs


def _text(name: str, value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    if isinstance(value, (int, float)):
        return str(value)
    raise RequestError(
        f"params: {shown(name)} must be str, int, float, bool, None or a list of these, "
        f"not {type(value).__name__}"
    )
