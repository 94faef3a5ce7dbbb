"""What a pool can be told, checked at once: a journey with a bad option cannot be imported."""

from __future__ import annotations

from dataclasses import dataclass

import acurl
from acurl.options import Connections, HttpVersion, Options
from acurl.timeouts import DEFAULT_TIMEOUT, as_timeout


@dataclass(frozen=True, slots=True)
class PoolOptions:
    """Options of a pool; pools with equal options are shared.

    ``max_connects``: most idle connections kept for reuse; never limits concurrency.
    ``http_version``: "auto", "1.1", "2", "2-prior-knowledge" or "3".  ``verify``: True, False or
    a CA file.  ``timeout``: seconds, an ``acurl.Timeout``, or None for never.  ``connections``:
    "shared", "session" (each journey has its own, as browsers do) or "request".  ``name``: the
    context's attribute that the session is put on.
    """

    max_connects: int = 100
    http_version: HttpVersion = "auto"
    verify: bool | str = True
    timeout: acurl.Timeout | float | None = DEFAULT_TIMEOUT
    connections: Connections = "shared"
    name: str = "http"

    def __post_init__(self) -> None:
        """Raise acurl.RequestError (a ValueError) for a value that is not allowed."""
        most = self.max_connects
        if isinstance(most, bool) or not isinstance(most, int) or most < 0:
            raise acurl.RequestError(f"max_connects={most!r}: must be a whole number, 0 or more")
        if not (isinstance(self.name, str) and self.name.isidentifier()):
            raise acurl.RequestError(
                f"name={self.name!r}: must be a name that an attribute can have, such as 'api'"
            )
        as_timeout(self.timeout)
        Options(http_version=self.http_version, verify=self.verify, connections=self.connections)
