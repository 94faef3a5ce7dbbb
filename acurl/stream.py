"""A response whose body is read while it comes."""

from __future__ import annotations

import copy
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from acurl.errors import AcurlError
from acurl.response import _Response

if TYPE_CHECKING:
    from acurl.driver import HeldBody
    from acurl.exchange import Exchange
    from acurl.jar import Jar
    from acurl.request import Request


class StreamedResponse(_Response):
    """What a request with `stream=True` gives: the head is there, the body still comes.

    Times and sizes are those of the head until the body has ended. Leave an `async with` block,
    or call `aclose`, to end it early; one that nobody holds any more is ended as well.
    """

    __slots__ = ("__weakref__", "_body", "_exchange", "_failure_told", "_rest_taken")

    def __init__(
        self, record: bytes, request: Request, jar: Jar | None, exchange: Exchange
    ) -> None:
        super().__init__(record, request, jar)
        self._exchange = exchange
        self._body: bytes | None = None
        self._rest_taken = False
        self._failure_told = False

    @property
    def is_closed(self) -> bool:
        """Whether the transfer has ended."""
        return self._exchange.is_over

    @property
    def body(self) -> bytes:
        """The body, once `read` has got it."""
        if self._body is None:
            raise AcurlError(
                "the body of a streamed response is not kept: iterate over stream(), or await "
                "read() first"
            )
        return self._body

    content = body

    async def stream(self) -> AsyncIterator[bytes]:
        """The body's pieces as they come.

        At most 256 KiB wait for a slow reader, or what 128 KiB of them become when decompressed.

        Raises what the transfer fails with, behind the last byte that came, and AcurlError while
        another task reads.
        """
        while data := await self._exchange.read():
            yield data
        rest = b"" if self._rest_taken else super().body
        self._rest_taken = True
        if rest:
            yield rest
        self._raise_failure()

    async def read(self) -> bytes:
        """All of the body that has not been read yet; `body` has it from then on."""
        if self._body is None:
            self._body = b"".join([data async for data in self.stream()])
        return self._body

    async def aclose(self) -> None:
        """End the transfer now: an HTTP/1 connection is closed, an HTTP/2 stream is reset.

        Raises what it has failed with, unless `stream` has raised that.
        """
        self._exchange.end()
        if not self._failure_told:
            self._raise_failure()

    async def __aexit__(self, *raised: object) -> None:
        if raised[0] is None:
            await self.aclose()
        else:  # what ended the block is the user's news
            self._exchange.end()

    def _raise_failure(self) -> None:
        failure = self._exchange.failure
        if failure is None:
            return
        self._failure_told = True
        if isinstance(failure, AcurlError):
            # Where it is raised it gets to refer to this response: who asks again gets a copy.
            self._exchange.failure = copy.copy(failure)
        try:
            raise failure
        finally:
            del failure

    def complete(self, record: bytes, held: HeldBody | None) -> None:
        """Take over the figures of the last record, and what came of the body since."""
        self._record = record
        self._unpacked = None
        self._held = held

    def __del__(self) -> None:
        self._exchange.let_go()
