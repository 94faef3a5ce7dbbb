"""Multipart forms: fields and files, sent by libcurl's mime API."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from acurl._engine import ffi
from acurl.errors import RequestError
from acurl.source import file_size
from acurl.values import shown

FileContent = bytes | str | Path | Any
Files = Mapping[str, Any] | Iterable[tuple[str, Any]]

_FORBIDDEN = ("\r", "\n", "\0")
_HEADER_NAME = re.compile(r"[!-9;-~]+")


class Part(NamedTuple):
    """One part: `path` names a file that is read while it is sent, else `data` is the content."""

    name: str
    filename: str | None
    content_type: str | None
    headers: tuple[tuple[str, str], ...]
    path: str | None
    data: bytes


def parts(fields: object, files: object) -> tuple[Part, ...]:
    """The parts of a form: the fields first, then the files. Raises RequestError that names one.

    Each file is content (bytes, str, Path, an open file) or a tuple (filename, content),
    (filename, content, type) or (filename, content, type, headers). A Path is read while it is
    sent, an open file now.
    """
    made = [_field(name, value) for name, value in _pairs("data", fields) for value in _each(value)]
    made += [_file(name, given) for name, given in _pairs("files", files)]
    return tuple(made)


class Form:
    """The parts as the engine wants them; keeps alive what it points to."""

    __slots__ = ("_kept", "count", "pointer")

    def __init__(self, given: tuple[Part, ...]) -> None:
        self._kept: list[Any] = []
        self.count = len(given)
        self.pointer = ffi.new("acurl_part[]", max(1, self.count))
        for target, part in zip(self.pointer, given, strict=False):
            lines = "".join(f"{name}: {value}\0" for name, value in part.headers).encode()
            target.name = self._text(part.name)
            target.filename = self._text(part.filename)
            target.content_type = self._text(part.content_type)
            target.headers, target.headers_len = self._bytes(lines), len(lines)
            if part.path is not None:
                target.path = self._bytes(os.fsencode(part.path) + b"\0")
            target.data, target.data_len = self._bytes(part.data), len(part.data)

    def _text(self, text: str | None) -> Any:
        return ffi.NULL if text is None else self._bytes(text.encode() + b"\0")

    def _bytes(self, data: bytes) -> Any:
        pointer = ffi.from_buffer("char[]", data)
        self._kept.append(pointer)
        return pointer


def _pairs(what: str, given: object) -> list[tuple[str, Any]]:
    if given is None:
        return []
    try:
        items = given.items() if isinstance(given, Mapping) else given
        pairs = [(name, value) for name, value in items]  # type: ignore[attr-defined]
    except (TypeError, ValueError) as error:
        raise RequestError(f"{what}: must be a dict or pairs, not {shown(given)}") from error
    for name, _value in pairs:
        _check(f"{what}: the name", name)
    return pairs


def _each(value: object) -> Iterable[object]:
    return value if isinstance(value, (list, tuple)) else (value,)


def _check(what: str, text: object, *, is_secret: bool = False) -> None:
    if not isinstance(text, str):
        raise RequestError(f"{what} must be a str, not {type(text).__name__}")
    if any(sign in text for sign in _FORBIDDEN):
        told = "" if is_secret else f" {shown(text)}"
        raise RequestError(f"{what}{told}: must not contain CR, LF or NUL")
    _utf8(what, text)


def _utf8(what: str, text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise RequestError(f"{what}: {error}") from error


def _field(name: str, value: object) -> Part:
    if isinstance(value, (int, float)):
        value = str(value)
    path, data = _content(f"data: field {shown(name)}", value)
    return Part(name, None, None, (), path, data)


def _file(name: str, given: object) -> Part:
    filename: str | None = None
    content_type: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    what = f"files: {shown(name)}"
    content = given
    if isinstance(given, tuple):
        if not 2 <= len(given) <= 4:
            raise RequestError(f"{what}: must be (filename, content[, type[, headers]])")
        filename, content, content_type, extra = (*given, None, None)[:4]
        headers = tuple(_pairs(f"{what}: headers", extra))
        for header, value in headers:
            if not _HEADER_NAME.fullmatch(header):
                raise RequestError(
                    f"{what}: header name {shown(header)}: must have no blank and no ':'"
                )
            _check(f"{what}: header {header}", value, is_secret=True)
    path, data = _content(what, content)
    if filename is None and not isinstance(given, tuple):
        filename = _name_of(content) or name
    for label, text in (("file name", filename), ("type", content_type)):
        if text is not None:
            _check(f"{what}: {label}", text)
    return Part(name, filename, content_type, headers, path, data)


def _name_of(content: object) -> str | None:
    name = content if isinstance(content, Path) else getattr(content, "name", None)
    return Path(name).name if isinstance(name, (str, Path)) else None


def _content(what: str, content: object) -> tuple[str | None, bytes]:
    if isinstance(content, Path):
        if file_size(what, content) < 0:
            return None, content.read_bytes()
        return str(content), b""
    if hasattr(content, "read"):
        try:
            content = content.read()
        except (OSError, ValueError) as error:
            raise RequestError(f"{what}: {shown(content)}: {error}") from error
    if isinstance(content, str):
        return None, _utf8(what, content)
    if isinstance(content, (bytes, bytearray, memoryview)):
        return None, bytes(content)
    raise RequestError(
        f"{what}: content must be bytes, str, a Path or an open file, not {type(content).__name__}"
    )
