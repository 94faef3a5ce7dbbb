"""What a journey sees: ``send``, ``transaction``, ``config``, ``should_stop``, ``random``.

``send`` and ``transaction`` are the hot path of a run: they make no generator and no coroutine,
read the clock once per event, and build each message once.
"""

# ruff: noqa: SLF001 - a context and its transactions are two halves of one thing

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Generator, Mapping
from contextvars import ContextVar, Token
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, cast

from mite import debugging, failure
from mite.exceptions import MiteError
from mite.run import Closer, Run

ROOT = "__root__"
"""Name of the transaction that every journey runs in."""

# What of a context's identity is not its own.
_OF_THE_RUN = ("test", "runner_id")

Message = dict[str, Any]
SendFunction = Callable[[Message], object]

# The transaction that the running code is in; a context variable, so that tasks which a journey
# starts inherit it and do not disturb each other.
_active: ContextVar[Transaction | None] = ContextVar("mite_active_transaction", default=None)

_wall = time.time
_alone = Run()
_exhausted = cast("Generator[Any, None, None]", iter(()))


class _Done:
    """An awaitable that is done already, so that ``await ctx.send(...)`` costs next to nothing."""

    __slots__ = ()

    def __await__(self) -> Generator[Any, None, None]:
        return _exhausted


_done = _Done()


class Transaction:
    """A named, timed part of a journey: ``async with ctx.transaction("name")``."""

    __slots__ = ("_context", "_started", "_token", "id", "name")

    _started: float
    _token: Token[Transaction | None]

    _nested: ClassVar[bool] = True

    def __init__(self, context: Context, name: str) -> None:
        self._context = context
        self.name = name
        self.id = 0

    def __aenter__(self) -> Awaitable[None]:
        if self._nested:
            outer = _active.get()
            if outer is not None:
                self.name = f"{outer.name} :: {self.name}"
        context = self._context
        context._last_id = self.id = context._last_id + 1
        self._token = _active.set(self)
        self._started = context._run.clock()
        return _done

    def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> Awaitable[None]:
        context = self._context
        duration = context._run.clock() - self._started
        try:
            if error is not None:
                self._failed(error, tb)
        finally:
            now = _wall()
            message = {
                "type": "txn",
                "time": now,
                "start_time": now - duration,
                "end_time": now,
                "duration": duration,
                "had_error": error is not None,
                **context._id_data,
                "transaction": self.name,
                "transaction_id": self.id,
            }
            if error is not None and context._cut_off(error):
                message["cancelled"] = True
            context._send_fn(message)
            _active.reset(self._token)
        return _done

    def _failed(self, error: BaseException, tb: TracebackType | None) -> None:
        if isinstance(error, Exception):
            self._context._report(error, tb)


class Context:
    """One run of one journey.  Plugins, fixtures and journeys may set any attribute on it."""

    __slots__ = (
        "__dict__",
        "__weakref__",
        "_config",
        "_debug",
        "_id_data",
        "_last_id",
        "_random",
        "_run",
        "_send_fn",
        "_should_stop_func",
    )

    def __init__(
        self,
        send_fn: SendFunction,
        config: Mapping[str, Any],
        id_data: Mapping[str, Any] | None = None,
        should_stop_func: Callable[[], bool] | None = None,
        debug: bool = False,
        run: Run = _alone,
    ) -> None:
        self._send_fn = send_fn
        self._config = config
        self._id_data = id_data if id_data is not None else {}
        self._should_stop_func = should_stop_func
        self._debug = debug
        self._run = run
        self._last_id = 0
        self._random: random.Random | None = None

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(
            f"the context has no {name!r}; a decorator such as @mite_http must put it there",
            name=name,
            obj=self,
        )

    if TYPE_CHECKING:
        # For type checkers: any attribute may be set and deleted.
        def __setattr__(self, name: str, value: Any) -> None: ...

        def __delattr__(self, name: str) -> None: ...

    def __repr__(self) -> str:
        active = _active.get()
        return f"Context({dict(self._id_data)!r}, in {active.name if active else 'no transaction'})"

    @property
    def config(self) -> Mapping[str, Any]:
        """The configuration of the run: ``--add-to-config``, ``MITE_CONF_*`` and the loader's."""
        return self._config

    @property
    def should_stop(self) -> bool:
        """True once the run is ending; a journey that loops looks at it and returns."""
        return self._should_stop_func is not None and self._should_stop_func()

    @property
    def random(self) -> random.Random:
        """A generator of this journey alone, fixed by the run's seed and the context's id."""
        if self._random is None:
            seed = self._run.seed
            own = None if seed is None else f"{seed}:{self._id_data.get('context_id')}"
            self._random = random.Random(own)
        return self._random

    def transaction(self, name: str) -> Transaction:
        """Time the block under ``name``; inside another one the names are joined by `` :: ``."""
        return Transaction(self, name)

    def send(self, type: str, **fields: Any) -> Awaitable[None]:  # noqa: A002 - the public name
        """Send a message; it need not be awaited.  ``time`` and identity are added."""
        fields["type"] = type
        self.emit(fields)
        return _done

    def emit(self, message: Message) -> None:
        """Send ``message``, which must have a ``type`` and now belongs to the bus; for plugins."""
        message["time"] = _wall()
        message.update(self._id_data)
        active = _active.get()
        if active is None:
            message["transaction"] = message["transaction_id"] = None
        else:
            message["transaction"] = active.name
            message["transaction_id"] = active.id
        self._send_fn(message)

    def emit_for_run(self, message: Message) -> None:
        """Send ``message`` as the run's, from whatever task it comes; for plugins.

        Of the identity it gets what all journeys of the run share, and no transaction.
        """
        message["time"] = _wall()
        identity = self._id_data
        for key in _OF_THE_RUN:
            if key in identity:
                message[key] = identity[key]
        self._send_fn(message)

    def at_run_end(self, closer: Closer) -> bool:
        """Have ``closer`` (plain or async) called when the run ends; for plugins' resources.

        False when the context belongs to no run, so that nobody will call it.
        """
        if self._run is _alone:
            return False
        self._run.at_end(closer)
        return True

    def _cut_off(self, error: BaseException) -> bool:
        """Whether the runner, not the journey, is what ends it: its duration then says nothing."""
        return self._run.cancelling and isinstance(error, asyncio.CancelledError)

    def _report(self, error: BaseException, tb: TracebackType | None) -> None:
        """Send the ``error`` or ``exception`` message, once per context and error."""
        if not failure.is_new(error, self):
            return
        where = failure.location(tb)
        kind = type(error).__name__
        fields: Message = {"message": failure.sentence(error), "ex_type": kind, "location": where}
        if isinstance(error, MiteError):
            self.emit({**failure.fields(error), **fields, "type": "error"})
        else:
            if self._run.exemplars.allow((kind, where), self._run.clock()):
                fields["stacktrace"] = failure.stacktrace(tb)
            self.emit({**fields, "type": "exception"})
        if self._debug:
            debugging.post_mortem()


class RootTransaction(Transaction):
    """The transaction around a whole journey; whatever the task was in before does not count."""

    __slots__ = ()
    _nested = False

    def __init__(self, context: Context) -> None:
        super().__init__(context, ROOT)

    def _failed(self, error: BaseException, tb: TracebackType | None) -> None:
        """Here SystemExit, or a journey that cancelled itself, is reported as well."""
        if not self._context._cut_off(error):
            self._context._report(error, tb)
