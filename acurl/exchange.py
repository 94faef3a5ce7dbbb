"""An exchange: a transfer whose body is given or taken piece by piece while it runs."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from acurl._engine import lib
from acurl.errors import AcurlError, RequestError
from acurl.source import piece

if TYPE_CHECKING:
    from acurl.driver import Driver
    from acurl.record import Finished
    from acurl.source import Source

# Given to the engine ahead of what the network takes.
_AHEAD = 256 * 1024
# Small pieces, and empty ones, that may be given before the loop gets its turn.
_PIECES_A_TURN = 64

_DATA: int = lib.ACURL_FLAG_DATA
_HUNGRY: int = lib.ACURL_FLAG_HUNGRY


class Exchange:
    """One for each slot in use so, from submission to the last record.

    `head` is the future of who awaits the answer's head. `final` is the last record, None while
    the transfer runs; `on_end` is called with it once the head has been handed out, while before
    it is what `head` gets. `failure` is what ended the transfer on our side, or what `on_end`
    raised. Only the driver calls `notice` and `finish`.
    """

    __slots__ = (
        "_data",
        "_driver",
        "_pump",
        "_room",
        "failure",
        "final",
        "head",
        "is_over",
        "on_end",
        "slot",
    )

    def __init__(self, driver: Driver, slot: int, head: Any) -> None:
        self._driver = driver
        self.slot = slot
        self.head = head
        self.is_over = False
        """Whether the transfer has ended."""
        self.final: Finished | None = None
        self.failure: BaseException | None = None
        self.on_end: Callable[[Finished], None] | None = None
        self._data: Any = None  # the future of who waits for a piece of the answer
        self._room: Any = None  # the future of who waits to give a piece of the body
        self._pump: Any = None

    @property
    def max_response_size(self) -> int:
        """The engine's limit for bodies that are kept, in bytes."""
        return self._driver.max_response_size

    def send(self, source: Source) -> None:
        """Have the body sent while the exchange lasts.

        The source is opened at once: what cannot be sent again is refused before a byte leaves.
        """
        try:
            pieces = source.open()
        except Exception as error:  # noqa: BLE001 - the awaiter of the head gets it
            self._driver.break_off(self, _source_failed(error, 0))
        else:
            self._pump = self._driver.spawn(self._feed(pieces, source.size))

    def attach(self, on_end: Callable[[Finished], None]) -> None:
        """Have `on_end` called with the last record, which may be there already."""
        self.on_end = on_end
        if self.final is not None:
            self._tell_end(self.final)

    def notice(self, flags: int) -> None:
        """The engine has data, or wants some."""
        if flags & _DATA:
            _wake(self._data)
        if flags & _HUNGRY:
            _wake(self._room)

    def finish(self, final: Finished | None, failure: BaseException | None = None) -> None:
        """The transfer has ended, with a record or without."""
        self.is_over = True
        self.final = final
        self.failure = self.failure or failure
        if self._pump is not None:
            self._pump.cancel()
            self._pump = None
        if final is not None:
            self._tell_end(final)
        _wake(self._data)

    def _tell_end(self, final: Finished) -> None:
        if self.on_end is None:
            return
        try:
            self.on_end(final)
        except AcurlError as error:
            self.failure = error.with_traceback(None)  # it would refer back to this exchange
        except BaseException as error:  # noqa: BLE001 - raised where the body is read
            self.failure = error

    async def read(self) -> bytes:
        """The next piece of the answer's body, b"" when the transfer has ended.

        Raises AcurlError while another task waits for one.
        """
        if self._data is not None:
            raise AcurlError("this body is being read by another task: a stream has one reader")
        while not self.is_over:
            data = self._driver.read(self)
            if data:
                return data
            self._data = self._driver.future()
            try:
                await self._data
            finally:
                self._data = None
        return b""

    def end(self) -> None:
        """End the transfer where it is, as if its answer were complete. Harmless at the end."""
        if not self.is_over:
            self._driver.end(self)

    def let_go(self) -> None:
        """Nobody can read the answer any more. Callable from any thread."""
        if not self.is_over:
            self._driver.let_go(self)

    async def _feed(self, pieces: Any, size: int) -> None:
        sent = 0
        turn = 0
        try:
            async with aclosing(_each(pieces, size)) as given:
                async for data in given:
                    await self._give(data)
                    sent += len(data)
                    turn += 1
                    if turn % _PIECES_A_TURN == 0:
                        await _Turn()
            if not self.is_over:
                self._driver.feed(self, b"", last=True)
        except BaseException as error:
            # Iterators are users' code, which may even be cancelled by itself. What it raises
            # when the transfer is over, and it is asked to stop, is for the loop to report.
            if not self.is_over:
                self._pump = None
                self._driver.break_off(self, _source_failed(error, sent))
                if isinstance(error, Exception):
                    return
            raise

    async def _give(self, data: bytes) -> None:
        if self.is_over or not data:
            return
        if self._driver.feed(self, data, last=False) >= _AHEAD:
            self._room = self._driver.future()
            try:
                await self._room
            finally:
                self._room = None


class _Turn:
    """Awaited, it lets the loop do what else there is; limits and cancellation depend on that."""

    def __await__(self) -> Generator[None, None, None]:
        yield


async def _each(pieces: Any, size: int) -> AsyncGenerator[bytes, None]:
    """The pieces of a source, plain or async; its generator is closed whatever happens.

    Raises RequestError when it has more or less than `size` bytes, unless that is below zero.
    """
    came = 0
    try:
        if hasattr(pieces, "__aiter__"):
            async for given in pieces:
                came += len(data := piece(given))
                yield _within(data, came, size)
        else:
            for given in pieces:
                came += len(data := piece(given))
                yield _within(data, came, size)
        if came < size:
            raise RequestError(f"data: it ended after {came:,} bytes, and said {size:,}")
    finally:
        if isinstance(pieces, AsyncGenerator):
            await pieces.aclose()
        elif isinstance(pieces, Generator):
            pieces.close()


def _within(data: bytes, came: int, size: int) -> bytes:
    if came > size >= 0:
        raise RequestError(f"data: it gave {came:,} bytes, and said {size:,}")
    return data


def _source_failed(error: BaseException, sent: int) -> AcurlError:
    # An answer that is passed on as a body fails with the error of a request of its own.
    if isinstance(error, AcurlError) and error.request is None:
        return error
    told = RequestError(f"data: the body's iterator failed after {sent:,} bytes: {error!r}")
    told.__cause__ = error
    return told


def _wake(waiter: Any) -> None:
    if waiter is not None and not waiter.done():
        waiter.set_result(None)
