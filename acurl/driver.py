"""Runs an engine under asyncio or uvloop: the only place in acurl that knows either.

The loop watches one descriptor. Each wake-up is one call into C, whose finished transfers come
back in one block; their futures are resolved in one pass. All requests submitted within one pass
of the loop are started by one call.
"""

from __future__ import annotations

import asyncio
import contextlib
import weakref
from collections.abc import Callable, Coroutine
from threading import get_ident
from typing import TYPE_CHECKING, Any, TypeVar

from acurl import library as _library  # noqa: F401 - binds libcurl before the first engine
from acurl._engine import ffi, lib
from acurl.counters import Counters, counted
from acurl.errors import AcurlError, EngineClosed, EngineMisuse, RequestError
from acurl.exchange import Exchange
from acurl.record import Finished, finished

if TYPE_CHECKING:
    from acurl.jar import Jar
    from acurl.source import Source

_unpack = ffi.unpack
_kick = lib.acurl_kick
_drive = lib.acurl_drive

NULL = ffi.NULL

T = TypeVar("T")

EventLoop = asyncio.AbstractEventLoop


class Driver:
    """One engine and the futures that wait on it. Belongs to one loop and its thread.

    `engine` is NULL once closed; `_futures` maps a slot to the future of the transfer in it, and
    only `adopt`, `abandon`, `_deliver` and `close` change it. `_exchanges` maps the slots that
    have one to their exchange until the last record. `jars` are those that live: the cookies in
    them outlast the engine.
    """

    __slots__ = (
        "_batch",
        "_call_soon",
        "_create_future",
        "_endings",
        "_exchanges",
        "_fd",
        "_futures",
        "_kick_planned",
        "_limits",
        "_loop",
        "_taken",
        "_thread",
        "engine",
        "jars",
        "max_response_size",
        "max_retries",
    )

    def __init__(self, loop: asyncio.AbstractEventLoop, **limits: int) -> None:
        if not hasattr(loop, "add_reader") or loop.is_closed():
            raise RequestError(
                f"loop={loop!r}: must be an open event loop, such as asyncio.get_running_loop()"
            )
        self._loop = loop
        self._thread = get_ident()
        self._limits = limits
        options = ffi.new("acurl_engine_options *", limits)
        self.engine: Any = lib.acurl_engine_new(options)
        if self.engine == NULL:
            error = lib.acurl_last_errno()
            raise OSError(error, "cannot make an engine (descriptors or memory exhausted)")
        self._batch = lib.acurl_engine_batch(self.engine)
        self._futures: list[asyncio.Future[bytes | Finished] | None] = []
        self._call_soon: Callable[..., Any] = loop.call_soon
        self._create_future: Callable[[], asyncio.Future[bytes | Finished]] = loop.create_future
        self._exchanges: dict[int, Exchange] = {}
        self._endings: list[tuple[Exchange, Finished]] = []
        self._taken = ffi.new("char *[1]")
        self.jars: weakref.WeakSet[Jar] = weakref.WeakSet()
        self.max_retries = limits["max_retries"]
        self.max_response_size = limits["max_response_size"]
        self._kick_planned = False
        self._fd = lib.acurl_engine_fd(self.engine)
        try:
            loop.add_reader(self._fd, self._on_ready)
        except BaseException:
            engine, self.engine = self.engine, NULL
            lib.acurl_engine_close(engine)
            raise

    def __repr__(self) -> str:
        if self.engine == NULL:
            return "<Driver closed>"
        counters = self.counters()
        return (
            f"<Driver in_flight={counters.in_flight} idle={counters.idle} "
            f"opened={counters.opened} finished={counters.finished}>"
        )

    def adopt(self, slot: int) -> asyncio.Future[bytes | Finished]:
        """The future of a transfer just submitted, which the next kick starts.

        `slot` is what acurl_submit returned. The submission is not a method here because a call
        less per request is 1 % of it.
        """
        future = self._create_future()
        try:
            self._futures[slot] = future
        except IndexError:
            self._futures.extend([None] * (slot + 1 - len(self._futures)))
            self._futures[slot] = future
        if not self._kick_planned:
            self._kick_planned = True
            self._call_soon(self._on_kick)
        return future

    def adopt_exchange(self, slot: int, source: Source | None) -> Exchange:
        """As `adopt`, for a transfer whose body is given by a source, or taken by pieces.

        Its head's future gets the record of the answer's head, or the last one where there is no
        other.
        """
        exchange = self._exchanges[slot] = Exchange(self, slot, self.adopt(slot))
        if source is not None:
            try:
                exchange.send(source)
            except BaseException:  # users' code, whatever it raises
                exchange.head.cancel()
                self.break_off(exchange, EngineClosed("its body could not be begun"))
                raise
        return exchange

    def abandon(self, slot: int, future: asyncio.Future[bytes | Finished]) -> None:
        """End the transfer of a future that nobody awaits any more, if it still runs."""
        exchange = self._exchanges.get(slot)
        if exchange is not None and exchange.head is future:
            future.cancel()
            self.break_off(exchange, EngineClosed("nobody awaits this response any more"))
        elif slot < len(self._futures) and self._futures[slot] is future:
            self._futures[slot] = None
            lib.acurl_cancel(self.engine, slot)

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run a coroutine beside all others; to be held by the caller."""
        return self._loop.create_task(work)

    def future(self) -> asyncio.Future[Any]:
        """A future of this loop."""
        return self._loop.create_future()

    def feed(self, exchange: Exchange, data: bytes, *, last: bool) -> int:
        """Give the engine a piece of a body; returns the bytes that have not left it yet."""
        result: int = lib.acurl_feed(self.engine, exchange.slot, data, len(data), last)
        if result < 0:
            raise refusal(result)
        return result

    def read(self, exchange: Exchange) -> bytes:
        """What has come of a body, b"" when that is nothing."""
        out = self._taken
        size = lib.acurl_read(self.engine, exchange.slot, out)
        if size < 0:
            raise refusal(size)
        data: bytes = _unpack(out[0], size) if size else b""
        return data

    def end(self, exchange: Exchange) -> None:
        """End a transfer as if its answer were complete."""
        if self._exchanges.get(exchange.slot) is not exchange:
            return
        result = lib.acurl_end(self.engine, exchange.slot)
        if result < 0:
            raise refusal(result)
        del self._exchanges[exchange.slot]
        batch = self._batch
        record = _unpack(batch.bytes, batch.size)
        exchange.finish(finished(batch.index[2], record))

    def let_go(self, exchange: Exchange) -> None:
        """End a transfer that nobody can read any more; callable from any thread.

        Later, because finalisers run in the middle of anything, and the batch may be in use.
        """
        with contextlib.suppress(RuntimeError):  # the loop is closed: the process ends
            if get_ident() == self._thread:
                self._call_soon(self.end, exchange)
            else:
                self._loop.call_soon_threadsafe(self.end, exchange)

    def break_off(self, exchange: Exchange, error: AcurlError) -> None:
        """End a transfer for a reason of ours, which its awaiter gets."""
        slot = exchange.slot
        if self._exchanges.get(slot) is not exchange:
            return
        del self._exchanges[slot]
        self._futures[slot] = None
        lib.acurl_cancel(self.engine, slot)
        exchange.finish(None, error)
        if not exchange.head.done():
            exchange.head.set_exception(error)

    def release_jar(self, pointer: Any) -> None:
        """Give up a cookie jar; callable from any thread, as finalisers are."""
        # The engine may be freed by its own thread at any moment another one looks at it.
        if get_ident() == self._thread:
            lib.acurl_jar_release(self.engine, pointer)
        else:
            with contextlib.suppress(RuntimeError):  # the loop is closed: the process ends
                self._loop.call_soon_threadsafe(self.release_jar, pointer)

    def counters(self) -> Counters:
        """What the engine has counted. Raises EngineClosed after close."""
        out = ffi.new("acurl_counters *")
        result = lib.acurl_engine_counters(self.engine, out)
        if result < 0:
            raise refusal(result)
        return counted(out)

    def resize(self, **limits: int) -> None:
        """Change limits of the engine. Raises EngineClosed after close."""
        changed = self._limits | limits
        options = ffi.new("acurl_engine_options *", changed)
        result = lib.acurl_engine_resize(self.engine, options)
        if result < 0:
            raise refusal(result)
        self._limits = changed

    def close(self) -> None:
        """End all transfers (their awaiters get EngineClosed) and close all connections.

        Harmless when repeated. Raises EngineMisuse in a thread that does not own the engine.
        """
        if self.engine == NULL:
            return
        for jar in list(self.jars):
            jar.freeze()
        # Finalisers may run right behind the call and must not meet the freed engine.
        engine, self.engine = self.engine, NULL
        result = lib.acurl_engine_close(engine)
        if result == lib.ACURL_EFORK:
            return  # loop and futures are the parent's
        if result < 0:
            self.engine = engine
            raise refusal(result)
        if not self._loop.is_closed():
            self._loop.remove_reader(self._fd)
        futures, self._futures = self._futures, []
        reason = "the engine was closed while the request ran"
        exchanges, self._exchanges = self._exchanges, {}
        if self._loop.is_closed():
            return
        for exchange in exchanges.values():
            exchange.finish(None, EngineClosed(reason))
        for future in futures:
            if future is not None and not future.done():
                future.set_exception(EngineClosed(reason))

    def _on_ready(self) -> None:
        count = _drive(self.engine)
        if count:
            self._deliver(count)

    def _on_kick(self) -> None:
        self._kick_planned = False
        if self.engine != NULL:
            count = _kick(self.engine)
            if count:
                self._deliver(count)

    def _deliver(self, count: int) -> None:
        if count < 0:
            raise refusal(count)
        batch = self._batch
        index = iter(_unpack(batch.index, 3 * count))
        data = _unpack(batch.bytes, batch.size)
        futures = self._futures
        start = 0
        for slot, end, flags in zip(index, index, index, strict=True):
            record = data[start:end]
            start = end
            result: bytes | Finished = record
            if flags:
                if flags & _OF_EXCHANGE and self._exchanged(slot, flags, record):
                    continue
                result = finished(flags, record)
            future = futures[slot]
            futures[slot] = None
            if future is not None:
                try:  # noqa: SIM105 - a context manager per request costs more than the rest
                    future.set_result(result)
                except asyncio.InvalidStateError:
                    pass  # cancelled, and its task has not run since
        if self._endings:
            self._tell_endings()
        # The tasks that wake now mostly send their next request at once: a kick planned here
        # runs behind them in the same pass of the loop.
        if not self._kick_planned:
            self._kick_planned = True
            self._call_soon(self._on_kick)

    def _exchanged(self, slot: int, flags: int, record: bytes) -> bool:
        """Tell an exchange. False when its head's future is to get this record."""
        exchange = self._exchanges.get(slot)
        if flags & _FLAG_EXCHANGE:
            self._exchanges.pop(slot, None)
            if exchange is None:
                return False
            if self._futures[slot] is not None:
                exchange.finish(None)
                return False
            self._endings.append((exchange, finished(flags, record)))
            return True
        if flags & _FLAG_HEAD:
            return False
        if exchange is not None:
            exchange.notice(flags)
        return True

    def _tell_endings(self) -> None:
        """Behind the whole batch: callbacks may submit, and slots of the batch be used again."""
        endings, self._endings = self._endings, []
        for exchange, final in endings:
            exchange.finish(final)


_FLAG_HEAD: int = lib.ACURL_FLAG_HEAD
_FLAG_EXCHANGE: int = lib.ACURL_FLAG_EXCHANGE
_OF_EXCHANGE: int = _FLAG_EXCHANGE | _FLAG_HEAD | lib.ACURL_FLAG_DATA | lib.ACURL_FLAG_HUNGRY


def refusal(result: int) -> Exception:
    """The exception for a negative result of the engine."""
    if result == lib.ACURL_ENOMEM:
        return MemoryError("the engine ran out of memory")
    if result == lib.ACURL_ECLOSED:
        return EngineClosed("the engine is closed")
    if result == lib.ACURL_ETHREAD:
        return EngineMisuse(
            "this engine belongs to another thread: make a CurlWrapper in the thread that uses it"
        )
    if result == lib.ACURL_EFORK:
        return EngineMisuse(
            "this engine was made before the process forked: make a new CurlWrapper in the child"
        )
    if result == lib.ACURL_EARGUMENT:
        return RequestError("libcurl refuses an option of this request")
    return AcurlError(f"the engine failed with result {result}")


def running_loop() -> EventLoop | None:
    """The event loop that runs in this thread, None where none does."""
    with contextlib.suppress(RuntimeError):
        return asyncio.get_running_loop()
    return None


def run(work: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine on an event loop of its own, which is closed afterwards."""
    # With a factory the thread's own loop, if it has one that does not run, stays in place.
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        return runner.run(work)
