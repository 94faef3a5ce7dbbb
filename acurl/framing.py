"""Where a body ends: what users say of it must be true.

Else the rest of one user's body would be read as the next request on the connection, which may be
another user's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from acurl.errors import RequestError

if TYPE_CHECKING:
    from acurl.body import Body

HeaderItems = tuple[tuple[str, str], ...]

_MOST_DIGITS = 18
_ABOUT_LENGTH = {"content-length", "transfer-encoding"}


def check_framing(method: object, items: HeaderItems, body: Body) -> None:
    """Refuse a length that is not the body's, codings but chunked, and the method CONNECT.

    Gives a streamed body the length that its user knows. Raises RequestError.
    """
    if method in ("CONNECT", b"CONNECT"):
        raise RequestError("method CONNECT: is for proxies; give proxy=")
    about = [(name, value) for name, value in items if name.lower() in _ABOUT_LENGTH]
    if not about:
        return
    if len(about) > 1:
        raise RequestError(
            f"headers {about[0][0]} and {about[1][0]}: one of them says where the body ends"
        )
    name, value = about[0]
    if name.lower() == "transfer-encoding":
        if value.lower() != "chunked":
            raise RequestError(f"header {name}: {value[:60]!r} must be 'chunked'")
        if body.source is not None:
            body.source.size = -1
        return
    if not (value.isascii() and value.isdigit() and len(value) <= _MOST_DIGITS):
        raise RequestError(f"header {name}: {value[:60]!r} must be a whole number of bytes")
    _check_length(name, int(value), body)


def _check_length(name: str, given: int, body: Body) -> None:
    if body.source is not None:
        if body.source.size < 0:
            body.source.size = given
        size: int | None = body.source.size
    else:
        size = None if body.parts is not None else len(body.data or b"")
    if given != size:
        what = "a form, whose length is not known before" if size is None else f"{size} bytes"
        raise RequestError(f"header {name}: {given} is not the body's length ({what})")
