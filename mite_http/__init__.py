"""mite_http: puts a real HTTP client on a journey's context.

``@mite_http`` (decorator) gives a journey ``ctx.http``, a session of a ``SessionPool`` (pool)
that journeys with equal options share (registry); every request is told to the run as an
``http_metrics`` message (session, metrics), every pool each second as ``http_pool`` (pulse).
What a pool is told stands in options, and where that comes from in settings; what it has on one
event loop, its engine first of all, in branch.
"""

from __future__ import annotations

from typing import Any

import acurl
from mite_http.checkup import CheckResult
from mite_http.decorator import mite_http
from mite_http.options import PoolOptions
from mite_http.pool import SessionPool
from mite_http.prewarm import PrewarmReport
from mite_http.registry import SharedPoolRegistry
from mite_http.session import AcurlSessionWrapper
from mite_http.snapshot import PoolStats

__all__ = [
    "AcurlSessionWrapper",
    "CheckResult",
    "PoolOptions",
    "PoolStats",
    "PrewarmReport",
    "SessionPool",
    "SharedPoolRegistry",
    "create_http_cookie",
    "mite_http",
]


def create_http_cookie(ctx: object, *args: Any, **kwargs: Any) -> acurl.Cookie:  # noqa: ARG001 - upstream's signature
    """An ``acurl.Cookie``; takes a context as upstream's does."""
    return acurl.Cookie(*args, **kwargs)
