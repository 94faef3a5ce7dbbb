"""AcurlSessionWrapper: what a journey finds as ``ctx.http``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import acurl
from mite_http.metrics import of_failure, of_response
from mite_http.snapshot import THROTTLED
from mite_http.waits import NO_WAIT

if TYPE_CHECKING:
    from mite_http.branch import Branch
    from mite_http.pool import SessionPool

ResponseCallback = Callable[[Any, dict[str, Any]], object]


class AcurlSessionWrapper:
    """An acurl session that tells its context of every request; all else is the session's."""

    __slots__ = ("_callback", "_context", "_metrics", "_session", "branch", "pool")

    def __init__(
        self,
        session: acurl.Session,
        context: Any = None,
        pool: SessionPool | None = None,
        branch: Branch | None = None,
    ) -> None:
        self._session = session
        self._context = context
        self._callback: ResponseCallback | None = None
        self._metrics: dict[str, Any] | None = None
        self.pool = pool
        """The pool it came from."""
        self.branch = branch
        """The pool's part on this loop; None once the session is closed."""
        if branch is not None:
            branch.out += 1
        session.response_callback = self._on_response
        session.error_callback = self._on_error

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)

    def __repr__(self) -> str:
        return f"AcurlSessionWrapper({self._session!r})"

    @property
    def additional_metrics(self) -> dict[str, Any]:
        """Put keys in here, and they are sent with every later ``http_metrics`` message."""
        if self._metrics is None:
            self._metrics = {}
        return self._metrics

    @additional_metrics.setter
    def additional_metrics(self, metrics: dict[str, Any]) -> None:
        self._metrics = metrics

    def set_response_callback(self, callback: ResponseCallback | None) -> None:
        """Have ``callback(response, additional_metrics)`` called before each message is sent."""
        self._callback = callback

    def get(self, url: str, **options: Any) -> Any:
        """GET; the options are those of ``acurl.Session.request``."""
        return self._session.get(url, **options)

    def post(self, url: str, **options: Any) -> Any:
        """POST; the options are those of ``acurl.Session.request``."""
        return self._session.post(url, **options)

    def twin(self) -> AcurlSessionWrapper:
        """Another user with the same options, whose requests are told to the same context.

        To be closed, or its pool is never taken for idle.
        """
        return AcurlSessionWrapper(self._session.twin(), self._context, self.pool, self.branch)

    async def ready(self) -> None:
        """Wait until the connections of the option ``prewarm`` stand, or failed to."""
        branch = self.branch
        if branch is not None and branch.warming is not None:
            await branch.ready()

    def close(self) -> None:
        """Give up the session: its later requests are refused."""
        session = self._session
        session.close()
        # They refer back to this object; without them it needs no garbage collector.
        session.response_callback = session.error_callback = None
        branch = self.branch
        if branch is not None:
            self.branch = None
            branch.out -= 1
            branch.used = branch.clock()

    def _on_response(self, response: Any) -> None:
        if self._callback is not None:
            self._call_back(response)
            return
        # As `_send`, with NO_WAIT as a literal: this is done for every request.
        message = of_response(response)
        if message["pool_wait"] > 0.001 or message["response_code"] in THROTTLED:
            self._notice(message)
        if self._metrics:
            message = {**self._metrics, **message}
        self._context.emit(message)

    def _call_back(self, response: Any) -> None:
        try:
            assert self._callback is not None  # noqa: S101 - for the type checker
            self._callback(response, self.additional_metrics)
        finally:
            # The target has answered, whatever the journey's callback makes of it.
            self._send(of_response(response))

    def _on_error(self, error: acurl.AcurlError) -> None:
        self._send(of_failure(error))

    def _send(self, message: dict[str, Any]) -> None:
        if message["pool_wait"] > NO_WAIT or message["response_code"] in THROTTLED:
            self._notice(message)
        if self._metrics:
            message = {**self._metrics, **message}
        self._context.emit(message)

    def _notice(self, message: dict[str, Any]) -> None:
        if self.branch is not None:
            self.branch.notice(message)


@contextmanager
def lent(session: AcurlSessionWrapper, context: Any, name: str) -> Iterator[None]:
    """Put a session on a context, and close it and put the one before in its place at the end."""
    outer = context.__dict__.get(name)
    setattr(context, name, session)
    try:
        yield
    finally:
        session.close()
        if outer is None:
            delattr(context, name)
        else:
            setattr(context, name, outer)
