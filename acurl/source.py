"""Bodies that are read piece by piece while they are sent."""

from __future__ import annotations

import io
import os
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

from acurl.errors import RequestError

_PIECE = 64 * 1024


class Source:
    """Where a streamed body comes from: an iterable of bytes, plain or async, a file, or a
    function that makes one of these.

    `size` is its length in bytes, -1 while unknown. `open` begins it, and begins it again where
    it `can_restart`.
    """

    __slots__ = ("_given", "_position", "can_restart", "size", "times_opened")

    def __init__(self, given: Any) -> None:
        self._given = given
        self.times_opened = 0
        self._position = 0
        self.size = -1
        self.can_restart = True
        if isinstance(given, Path):
            self.size = _file_size(given)
        elif hasattr(given, "read"):
            self._measure(given)
        elif not callable(given):
            # Iterators are their own iterators, and are over when they are over.
            begin = "__aiter__" if hasattr(given, "__aiter__") else "__iter__"
            self.can_restart = getattr(given, begin)() is not given

    def open(self) -> Iterator[Any] | AsyncIterator[Any]:
        """The pieces from the start. Raises RequestError when they cannot be had a second time."""
        if self.times_opened and not self.can_restart:
            raise RequestError(
                "data: this iterator is used up and cannot be sent again; give bytes, a file, a "
                "list, or a function that makes the iterator"
            )
        self.times_opened += 1
        given = self._given() if callable(self._given) else self._given
        if isinstance(given, Path):
            return _pieces(given.open("rb"), close=True)
        if hasattr(given, "read"):
            if given is self._given and self.can_restart:
                given.seek(self._position)
            return _pieces(given, close=False)
        if hasattr(given, "__aiter__"):
            begun: AsyncIterator[Any] = given.__aiter__()
            return begun
        if hasattr(given, "__iter__") and not isinstance(given, (bytes, str)):
            started: Iterator[Any] = iter(given)
            return started
        raise RequestError(f"data: the function gave {given!r}, which is no iterable of bytes")

    def _measure(self, file: Any) -> None:
        if isinstance(file, io.TextIOBase):
            raise RequestError("data: the file must be opened in binary mode ('rb')")
        try:
            self._position = file.tell()
            self.size = file.seek(0, os.SEEK_END) - self._position
            file.seek(self._position)
        except (AttributeError, OSError):
            self.can_restart = False


def is_source(data: object) -> bool:
    """Whether a body is to be sent piece by piece."""
    return (
        isinstance(data, Path)
        or callable(data)
        or any(hasattr(data, name) for name in ("read", "__aiter__", "__iter__"))
    )


def piece(given: object) -> bytes:
    """One piece as bytes. Raises RequestError for other things than bytes and str."""
    if isinstance(given, bytes):
        return given
    if isinstance(given, str):
        return given.encode()
    if isinstance(given, (bytearray, memoryview)):
        return bytes(given)
    raise RequestError(f"data: the iterator gave {given!r}, must be bytes or str")


def _file_size(path: Path) -> int:
    try:
        with path.open("rb") as file:
            return os.fstat(file.fileno()).st_size
    except OSError as error:
        raise RequestError(f"data: {error.strerror}: {str(path)!r}") from error


def _pieces(file: Any, *, close: bool) -> Iterator[Any]:
    read: Callable[[int], Any] = file.read
    try:
        while given := read(_PIECE):
            yield given
    finally:
        if close:
            file.close()
