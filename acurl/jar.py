"""The jar in which libcurl keeps the cookies, and maybe the connections, of one session."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from acurl._engine import ffi, lib
from acurl.driver import refusal
from acurl.errors import EngineMisuse

if TYPE_CHECKING:
    from acurl.driver import Driver


class Jar:
    """Freed with this object. `pointer` is what the engine knows it by, NULL once frozen.

    With `owns_connections` the session's connections live in it, too, and end with it.
    """

    __slots__ = ("__weakref__", "_driver", "_frozen", "pointer")

    def __init__(self, driver: Driver, *, owns_connections: bool = False) -> None:
        self._driver = driver
        self._frozen: list[str] = []
        self.pointer = lib.acurl_jar_new(driver.engine, owns_connections)
        if self.pointer == ffi.NULL:
            # It says NULL for whatever reason; why, another call tells.
            reason = lib.acurl_engine_fd(driver.engine)
            raise refusal(reason if reason < 0 else lib.ACURL_ENOMEM)
        driver.jars.add(self)

    def add(self, netscape_line: bytes) -> None:
        """Set one cookie. Raises RequestError when libcurl refuses the line."""
        self._check(lib.acurl_jar_add(self._driver.engine, self.pointer, netscape_line))

    def clear(self) -> None:
        """Forget all cookies."""
        self._check(lib.acurl_jar_clear(self._driver.engine, self.pointer))

    def lines(self) -> list[str]:
        """All cookies as Netscape lines."""
        if self.pointer == ffi.NULL:
            return self._frozen
        driver = self._driver
        size = self._check(lib.acurl_jar_list(driver.engine, self.pointer))
        if not size:
            return []
        batch = lib.acurl_engine_batch(driver.engine)
        text: bytes = ffi.unpack(batch.bytes, size)
        # Not splitlines(): a value may hold characters that it takes for line ends. Bytes that are
        # no UTF-8 have to survive a round trip through a file.
        return text.decode(errors="surrogateescape").removesuffix("\n").split("\n")

    def freeze(self) -> None:
        """End its connections and keep only a copy of its cookies. Harmless twice."""
        with contextlib.suppress(EngineMisuse):  # a foreign thread, or a forked child
            self._frozen = self.lines()
            self.__del__()
            self.pointer = ffi.NULL

    @staticmethod
    def _check(result: int) -> int:
        if result < 0:
            raise refusal(result)
        return result

    def __del__(self) -> None:
        pointer = getattr(self, "pointer", ffi.NULL)
        if pointer != ffi.NULL:
            self._driver.release_jar(pointer)
