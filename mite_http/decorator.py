"""``@mite_http``: a journey with an HTTP session on its context."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, Unpack, overload

from mite_http.registry import SharedPoolRegistry

if TYPE_CHECKING:
    from mite_http.options import Keywords
    from mite_http.session import AcurlSessionWrapper

Journey = Callable[..., Awaitable[Any]]
J = TypeVar("J", bound=Journey)


class Lender(Protocol):
    """Whoever has sessions for journeys."""

    @property
    def name(self) -> str:
        """The attribute of a context that they are put on."""

    def checkout(self, context: Any) -> AcurlSessionWrapper:
        """A new session."""


@overload
def mite_http(func: J, /) -> J: ...
@overload
def mite_http(**options: Unpack[Keywords]) -> Callable[[J], J]: ...
def mite_http(func: Journey | None = None, /, **options: Any) -> Any:
    """Put a session on ``ctx.http`` while the journey runs.

    Without options, ``@mite_http``; with them, ``@mite_http(max_connects=50, name="api")``: see
    ``PoolOptions``.  Journeys with equal options share a pool, and so their connections.  What is
    not given comes from the run's config (``mite_http_max_connects``), else from the environment
    (``MITE_HTTP_MAX_CONNECTS``).
    """
    lender = SharedPoolRegistry.lender(options)
    if func is None:
        return lambda journey: decorated(journey, lender)
    return decorated(func, lender)


def decorated(journey: J, lender: Lender) -> J:
    """The journey with a session of ``lender``'s, taken off again however it ends."""
    name = lender.name
    checkout = lender.checkout

    @wraps(journey)
    async def with_session(ctx: Any, *args: Any, **kwargs: Any) -> Any:
        # A journey may call another one with the same context: each gets its own back.
        outer = ctx.__dict__.get(name)
        session = checkout(ctx)
        setattr(ctx, name, session)
        try:
            branch = session.branch
            if branch is not None and branch.warming is not None:
                await branch.ready()
            return await journey(ctx, *args, **kwargs)
        finally:
            session.close()
            if outer is None:
                delattr(ctx, name)
            else:
                setattr(ctx, name, outer)

    return with_session  # type: ignore[return-value]
