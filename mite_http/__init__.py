"""mite_http: puts a real HTTP client on a journey's context.

``@mite_http`` (decorator) gives a journey ``ctx.http``, a session of a ``SessionPool`` (pool)
that journeys with equal options share (registry); every request is told to the run as an
``http_metrics`` message (session, metrics).
"""

from __future__ import annotations

from typing import Any

import acurl
from mite_http.decorator import mite_http
from mite_http.pool import SessionPool
from mite_http.session import AcurlSessionWrapper

__all__ = ["AcurlSessionWrapper", "SessionPool", "create_http_cookie", "mite_http"]


def create_http_cookie(ctx: object, *args: Any, **kwargs: Any) -> acurl.Cookie:  # noqa: ARG001 - upstream's signature
    """An ``acurl.Cookie``; takes a context as upstream's does."""
    return acurl.Cookie(*args, **kwargs)
