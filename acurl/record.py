"""Records that need more than the plain path, and large bodies that stay in C memory."""

from __future__ import annotations

from threading import Lock
from typing import NamedTuple, NoReturn

from acurl._engine import ffi, lib

_FLAG_HELD: int = lib.ACURL_FLAG_HELD

# Only who holds it may take the memory of a held body; one for all, since it is held briefly.
_reading = Lock()


class HeldBody:
    """A large body in C memory until it is read for the first time, or never.

    Any thread may read it. Copies are the same object: the memory is freed once.
    """

    __slots__ = ("_address", "_data", "size")

    def __init__(self, address: int, size: int) -> None:
        self._address = address
        self._data = b""
        self.size = size

    def read(self) -> bytes:
        """The body; the C memory is given back."""
        with _reading:
            if self._address:
                self._data = ffi.unpack(ffi.cast("char *", self._address), self.size)
                self.__del__()
        return self._data

    def __copy__(self) -> HeldBody:
        return self

    def __deepcopy__(self, _memo: object) -> HeldBody:
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError("a response cannot be pickled: take its body")

    def __del__(self) -> None:
        address, self._address = self._address, 0
        if address:
            lib.acurl_body_free(address)


class Finished(NamedTuple):
    """A finished transfer that needs more than the plain path."""

    flags: int
    record: bytes
    held: HeldBody | None


def finished(flags: int, record: bytes) -> Finished:
    """A record with its flags, and its body where that is held."""
    held = None
    if flags & _FLAG_HELD:
        fields = ffi.from_buffer("acurl_record *", record)
        held = HeldBody(fields.held_body, fields.body_len)
    return Finished(flags, record, held)
