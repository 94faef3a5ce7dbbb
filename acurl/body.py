"""The body of a request: one block of bytes, a form of parts, or a source of pieces."""

from __future__ import annotations

import json as json_module
import reprlib
from collections.abc import AsyncIterable, Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple
from urllib.parse import urlencode

from acurl.errors import RequestError
from acurl.form import Files, Part, parts
from acurl.source import Source, is_source

Piece = bytes | bytearray | str
Pieces = Iterable[Piece] | AsyncIterable[Piece] | IO[bytes] | Path
Fields = Mapping[str, Any] | Sequence[tuple[str, Any]]
Data = bytes | bytearray | memoryview | str | Fields | Pieces | Callable[[], Pieces]


class Body(NamedTuple):
    """At most one of the first three is given; all None is no body."""

    data: bytes | None = None
    parts: tuple[Part, ...] | None = None
    source: Source | None = None
    content_type: str | None = None


NO_BODY = Body()


def build_body(data: Data | None, json: Any, files: Files | None) -> Body:
    """The body that users describe by these. Raises RequestError, naming what is wrong."""
    if json is not None:
        if data is not None or files is not None:
            other = "files" if data is None else "data"
            raise RequestError(f"give {other} or json, not both")
        return Body(_json(json), content_type="application/json")
    if files is not None:
        if data is not None and not isinstance(data, (Mapping, list, tuple)):
            raise RequestError(
                f"data: with files it must be a dict of fields or pairs, not {reprlib.repr(data)}"
            )
        return Body(parts=parts(data, files))
    return _body_of(data)


def _body_of(data: Data | None) -> Body:
    if data is None or type(data) is bytes:
        return Body(data)
    if isinstance(data, str):
        return Body(_utf8("data", data))
    if isinstance(data, (bytes, bytearray, memoryview)):
        return Body(_exactly(data))
    if isinstance(data, Mapping) or _are_pairs(data):
        return Body(_form(data))
    if is_source(data):
        return Body(source=Source(data))
    raise RequestError(
        "data must be bytes, str, a dict (sent as a form), a file or an iterator of bytes, "
        f"not {reprlib.repr(data)}"
    )


def _exactly(data: bytes | bytearray | memoryview) -> bytes:
    """The bytes that are there, whatever a subclass says of its length."""
    return memoryview(data).tobytes()


def _are_pairs(data: object) -> bool:
    return isinstance(data, (list, tuple)) and all(
        isinstance(pair, tuple) and len(pair) == 2 for pair in data
    )


def _form(data: Any) -> bytes:
    try:
        return urlencode(data, doseq=True).encode()
    except (UnicodeEncodeError, TypeError) as error:
        raise RequestError(f"data: {error}") from error


def _utf8(what: str, text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise RequestError(f"{what}: {error}") from error


def _json(value: object) -> bytes:
    try:
        return json_module.dumps(value, allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise RequestError(f"json: {error}") from error
