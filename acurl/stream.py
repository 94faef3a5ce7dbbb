"""A response whose body is read while it comes."""

from __future__ import annotations

import copy
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from acurl.errors import AcurlError, ResponseTooLarge
from acurl.response import _Response
from acurl.urls import without_password

if TYPE_CHECKING:
    from acurl.exchange import Exchange
    from acurl.jar import Jar
    from acurl.record import HeldBody
    from acurl.request import Request


class StreamedResponse(_Response):
    """What a request with `stream=True` gives: the head is there, the body still comes.

    Times and sizes are those of the head until the body has ended. Leave an `async with` block,
    or call `aclose`, to end it early; one that nobody holds any more is ended as well.
    """

    __slots__ = (
        "__weakref__",
        "_body",
        "_exchange",
        "_failure_told",
        "_kept",
        "_left_early",
        "_most_kept",
        "_rest_taken",
    )

    def __init__(
        self,
        record: bytes,
        request: Request,
        jar: Jar | None,
        exchange: Exchange,
        most_kept: int,
    ) -> None:
        super().__init__(record, request, jar)
        self._most_kept = most_kept
        self._left_early = False
        self._kept: list[bytes] = []
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
        while self._kept:
            yield self._kept.pop(0)
        async for data in self._coming():
            yield data

    async def _coming(self) -> AsyncIterator[bytes]:
        while data := await self._exchange.read():
            yield data
        if self._left_early:
            raise AcurlError("this response was closed before its body had ended")
        rest = b"" if self._rest_taken else super().body
        self._rest_taken = True
        if rest:
            yield rest
        self._raise_failure()

    async def read(self) -> bytes:
        """All of the body that has not been read yet; `body` has it from then on.

        What came before it was cancelled is there for the next one, or for `stream`. Raises
        ResponseTooLarge beyond `max_response_size`, and what `stream` raises.
        """
        if self._body is None:
            kept = self._kept
            size = sum(map(len, kept))
            async for data in self._coming():
                kept.append(data)
                size += len(data)
                if size > self._most_kept:
                    kept.clear()
                    self._leave()
                    raise self._too_large()
            self._body = b"".join(kept)
            kept.clear()
        return self._body

    async def aclose(self) -> None:
        """End the transfer now: an HTTP/1 connection is closed, an HTTP/2 stream is reset.

        Raises what it has failed with, unless `stream` has raised that.
        """
        self._leave()
        if not self._failure_told:
            self._raise_failure()

    async def __aexit__(self, *raised: object) -> None:
        if raised[0] is None:
            await self.aclose()
        else:  # what ended the block is the user's news
            self._leave()

    def _leave(self) -> None:
        if not self._exchange.is_over:
            self._left_early = True
            self._exchange.end()

    def _too_large(self) -> ResponseTooLarge:
        error = ResponseTooLarge(
            f"the body is larger than max_response_size={self._most_kept} "
            f"({self.request.method.decode()} {without_password(self.url)}); iterate over "
            "stream(), which keeps nothing"
        )
        error.request = self.request
        return error

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
