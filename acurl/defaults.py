"""What a session adds to each of its requests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from acurl.auth import as_auth
from acurl.cookies import session_cookie_for_url
from acurl.errors import RequestError
from acurl.request import header_items
from acurl.urls import login, param_pairs, with_params

if TYPE_CHECKING:
    from acurl.auth import Auth
    from acurl.cookies import Cookie
    from acurl.request import Headers
    from acurl.urls import Params

Cookies = Mapping[str, "str | Cookie"]


@dataclass(frozen=True, slots=True, repr=False)  # there may be secrets in all of them
class Defaults:
    """Headers, query parameters, cookies and credentials; what a request gives wins.

    A request that brings credentials of its own, in whatever way, carries none of the session's.
    """

    headers: Headers | None = None
    params: Params | None = None
    cookies: Cookies | None = None
    auth: Auth | None = None

    def __post_init__(self) -> None:
        """Raise RequestError for what no request could send."""
        object.__setattr__(self, "headers", header_items(self.headers))
        as_auth(self.auth)
        if self.params is not None:  # an iterator would be used up by the first request
            object.__setattr__(self, "params", param_pairs(self.params))
        with_params("http://host/", self.params)
        object.__setattr__(self, "cookies", _checked(self.cookies))

    def merged(
        self,
        url: str,
        headers: Headers | None,
        cookies: Cookies | None,
        auth: Auth | None,
    ) -> tuple[str, Headers, Cookies | None, Auth | None]:
        """The four for one request; the session's parameters come behind the URL's own query."""
        url = with_params(url, self.params)
        own = header_items(headers)
        taken = {name.lower() for name, _ in own}
        if auth is not None or ("@" in url and login(url)):
            taken.add("authorization")
        elif "authorization" not in taken:
            auth = self.auth
        ours = [(k, v) for k, v in header_items(self.headers) if k.lower() not in taken]
        if cookies is None or isinstance(cookies, Mapping):  # what else it is, is refused later
            cookies = {**(self.cookies or {}), **(cookies or {})}
        return url, [*ours, *own], cookies, auth


def _checked(cookies: Cookies | None) -> dict[str, str | Cookie]:
    if not isinstance(cookies, Mapping | None):
        raise RequestError(f"cookies must be a dict, not {type(cookies).__name__}")
    for name, value in (cookies or {}).items():
        session_cookie_for_url("https://host/", name, value)
    return dict(cookies or {})
