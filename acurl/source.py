"""Bodies that are read piece by piece while they are sent."""

from __future__ import annotations

import io
import os
import stat
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

from acurl.errors import RequestError
from acurl.values import shown

_PIECE = 64 * 1024
_USED_UP = (
    "data: this iterator is used up and cannot be sent again; give bytes, a file, a list, or a "
    "function that makes the iterator"
)


class Source:
    """Where a streamed body comes from: an iterable of bytes, plain or async, a file, or a
    function that makes one of these.

    `size` is its length in bytes, -1 while unknown; of a file, what it had when it was measured.
    `open` begins it, and begins it again where it `can_restart`.
    """

    __slots__ = ("_given", "_position", "can_restart", "size", "times_opened")

    def __init__(self, given: Any) -> None:
        self._given = given
        self.times_opened = 0
        self._position = 0
        self.size = -1
        self.can_restart = True
        if isinstance(given, Path):
            self.size = file_size("data", given)
        elif _is_file(given):
            self._measure(given)
        elif hasattr(given, "__next__") or hasattr(given, "__anext__"):
            self.can_restart = False  # an iterator is over when it is over
            if getattr(given, "gi_frame", given) is None or getattr(given, "ag_frame", 0) is None:
                raise RequestError(_USED_UP)

    @property
    def path(self) -> str | None:
        """The file's path, where it was given as one."""
        return str(self._given) if isinstance(self._given, Path) else None

    def open(self) -> Iterator[Any] | AsyncIterator[Any]:
        """The pieces from the start. Raises RequestError when they cannot be had a second time."""
        if self.times_opened and not self.can_restart:
            raise RequestError(_USED_UP)
        self.times_opened += 1
        is_made = not _is_file(self._given) and callable(self._given)
        given = self._given() if is_made else self._given
        if isinstance(given, Path):
            return _pieces(given, self.size)
        if _is_file(given):
            if not is_made and self.can_restart:
                given.seek(self._position)
            return _read(given, self.size, close=is_made)
        if hasattr(given, "__aiter__"):
            begun: AsyncIterator[Any] = given.__aiter__()
            return begun
        if hasattr(given, "__iter__") and not isinstance(given, (bytes, str)):
            started: Iterator[Any] = iter(given)
            return started
        raise RequestError(f"data: the function gave {shown(given)}, must be an iterable of bytes")

    def _measure(self, file: Any) -> None:
        if isinstance(file, io.TextIOBase):
            raise RequestError(f"data: {shown(file)} must be opened in binary mode ('rb')")
        try:
            self._position = file.tell()
            self.size = max(0, file.seek(0, os.SEEK_END) - self._position)
            file.seek(self._position)
            if not (self.size or stat.S_ISREG(os.fstat(file.fileno()).st_mode)):
                self.size = -1  # a device, which may have no end
                self.can_restart = False
        except (AttributeError, OSError):
            self.can_restart = False
        except ValueError as error:
            raise RequestError(f"data: {shown(file)}: {error}") from error


def is_source(data: object) -> bool:
    """Whether a body is to be sent piece by piece."""
    return (
        isinstance(data, Path)
        or callable(data)
        or any(hasattr(data, name) for name in ("read", "__aiter__", "__iter__"))
    )


def piece(given: object) -> bytes:
    """One piece as bytes. Raises RequestError for other things than bytes and str."""
    if type(given) is bytes:
        return given
    if isinstance(given, str):
        try:
            return given.encode()
        except UnicodeEncodeError as error:
            raise RequestError(f"data: the iterator gave {shown(given)}: {error}") from error
    if isinstance(given, (bytes, bytearray, memoryview)):
        return memoryview(given).tobytes()  # whatever a subclass says of its length
    raise RequestError(f"data: the iterator gave {shown(given)}, must be bytes or str")


def _is_file(given: object) -> bool:
    # Streams of asyncio can be read as well, but not by us.
    return hasattr(given, "read") and not hasattr(given, "__aiter__")


def file_size(what: str, path: Path) -> int:
    """Bytes of a file that can be read; -1 where only reading tells, as in /proc.

    Raises RequestError that begins with `what` for everything else.
    """
    try:
        if stat.S_ISREG(path.stat().st_mode):
            with path.open("rb") as file:
                size = os.fstat(file.fileno()).st_size
                return size if size or not file.read(1) else -1
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise RequestError(f"{what}: {reason}: {shown(str(path))}") from error
    raise RequestError(f"{what}: {shown(str(path))} must be a file, not a directory or a device")


def _pieces(path: Path, size: int) -> Iterator[bytes]:
    # Opened here, since a generator that is never begun would not close it.
    with path.open("rb") as file:
        yield from _read(file, size)


def _read(file: Any, size: int, *, close: bool = False) -> Iterator[Any]:
    """What a file has, no more than `size` unless that is unknown: it may grow meanwhile."""
    read: Callable[[int], Any] = file.read
    try:
        while size and (given := read(min(_PIECE, size) if size > 0 else _PIECE)):
            yield given
            size -= len(given) if size > 0 else 0
    finally:
        if close:
            file.close()
