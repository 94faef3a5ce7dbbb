"""What a session adds to each of its requests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from acurl.auth import as_auth
from acurl.request import header_items
from acurl.urls import with_params

if TYPE_CHECKING:
    from acurl.auth import Auth
    from acurl.cookies import Cookie
    from acurl.request import Headers
    from acurl.urls import Params

Cookies = Mapping[str, "str | Cookie"]


@dataclass(frozen=True, slots=True)
class Defaults:
    """Headers, query parameters, cookies and credentials; what a request gives wins."""

    headers: Headers | None = None
    params: Params | None = None
    cookies: Cookies | None = None
    auth: Auth | None = None

    def __post_init__(self) -> None:
        """Raise RequestError for what no request could send."""
        object.__setattr__(self, "headers", header_items(self.headers))
        as_auth(self.auth)
        with_params("http://host/", self.params)

    def merged(
        self,
        url: str,
        headers: Headers | None,
        cookies: Cookies | None,
        auth: Auth | None,
    ) -> tuple[str, Headers, Cookies, Auth | None]:
        """The four for one request; the session's parameters come behind the URL's own query."""
        own = header_items(headers)
        named = {name.lower() for name, _ in own}
        ours = [(k, v) for k, v in header_items(self.headers) if k.lower() not in named]
        together = {**(self.cookies or {}), **(cookies or {})}
        return with_params(url, self.params), [*ours, *own], together, auth or self.auth
