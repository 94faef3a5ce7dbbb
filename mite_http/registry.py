"""The pools that decorated journeys share: one for each set of options."""

from __future__ import annotations

from mite_http.options import PoolOptions
from mite_http.pool import SessionPool

_pools: dict[PoolOptions, SessionPool] = {}


def shared(options: PoolOptions) -> SessionPool:
    """The one pool with these options."""
    pool = _pools.get(options)
    if pool is None:
        pool = _pools[options] = SessionPool.with_options(options)
    return pool
