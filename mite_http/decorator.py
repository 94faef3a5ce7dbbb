"""``@mite_http``: a journey with an HTTP session on its context."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar, overload

import acurl
from acurl.options import Connections, HttpVersion
from mite_http import registry
from mite_http.options import PoolOptions

if TYPE_CHECKING:
    from mite_http.pool import SessionPool

Journey = Callable[..., Awaitable[Any]]
J = TypeVar("J", bound=Journey)


@overload
def mite_http(func: J, /) -> J: ...
@overload
def mite_http(
    *,
    max_connects: int = ...,
    http_version: HttpVersion = ...,
    verify: bool | str = ...,
    timeout: acurl.Timeout | float | None = ...,
    connections: Connections = ...,
    name: str = ...,
) -> Callable[[J], J]: ...
def mite_http(func: Journey | None = None, /, **options: Any) -> Any:
    """Put a session on ``ctx.http`` while the journey runs.

    Without options, ``@mite_http``; with them, ``@mite_http(max_connects=50, name="api")``: see
    ``PoolOptions``.  Journeys with equal options share a pool, and so their connections.
    """
    pool = registry.shared(PoolOptions(**options))
    if func is None:
        return lambda journey: decorated(journey, pool)
    return decorated(func, pool)


def decorated(journey: Journey, pool: SessionPool) -> Journey:
    """The journey with a session of ``pool``, taken off again however it ends."""
    name = pool.options.name

    @wraps(journey)
    async def with_session(ctx: Any, *args: Any, **kwargs: Any) -> Any:
        # A journey may call another one with the same context: each gets its own back.
        outer = ctx.__dict__.get(name)
        session = pool.checkout(ctx)
        setattr(ctx, name, session)
        try:
            return await journey(ctx, *args, **kwargs)
        finally:
            session.close()
            if outer is None:
                delattr(ctx, name)
            else:
                setattr(ctx, name, outer)

    return with_session
