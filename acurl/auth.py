"""Ways to prove who one is: Basic, Digest, Bearer."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field

from acurl.errors import RequestError

_UNSAFE = re.compile("[\x00-\x1f\x7f]")


def _check(what: str, text: object) -> None:
    """Refuse what cannot be sent, without showing it: it may be a secret."""
    if not isinstance(text, str):
        raise RequestError(f"auth: {what} must be a str, not {type(text).__name__}")
    if _UNSAFE.search(text):
        raise RequestError(f"auth: {what} must not contain CR, LF or NUL, nor other controls")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise RequestError(f"auth: {what} has no encoding ({error.reason})") from None


@dataclass(frozen=True, slots=True)
class Basic:
    """User and password, sent with every request (RFC 7617). `(user, password)` means the same."""

    user: str
    password: str = field(repr=False)

    def __post_init__(self) -> None:
        """Raise RequestError for what cannot be sent."""
        _check("the user's name", self.user)
        _check("the password", self.password)
        if ":" in self.user:
            raise RequestError("auth: the user's name must not contain ':'")

    @property
    def header(self) -> str:
        """The value of the Authorization header."""
        return "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode()


@dataclass(frozen=True, slots=True)
class Digest:
    """User and password, never sent as they are (RFC 7616).

    libcurl asks, gets the server's challenge and answers it: two requests on the wire, measured
    as one. `response.retries` does not count the first of them.
    """

    user: str
    password: str = field(repr=False)

    def __post_init__(self) -> None:
        """Raise RequestError for what cannot be sent."""
        _check("the user's name", self.user)
        _check("the password", self.password)


@dataclass(frozen=True, slots=True)
class Bearer:
    """A token, such as OAuth's, sent with every request (RFC 6750)."""

    token: str = field(repr=False)

    def __post_init__(self) -> None:
        """Raise RequestError for what cannot be sent."""
        _check("the token", self.token)
        if not self.token or " " in self.token or not self.token.isascii():
            raise RequestError("auth: the token must be ASCII without blanks, and not empty")

    @property
    def header(self) -> str:
        """The value of the Authorization header."""
        return f"Bearer {self.token}"


Auth = tuple[str, str] | Basic | Digest | Bearer


def as_auth(auth: object) -> Basic | Digest | Bearer | None:
    """What users give, checked. Raises RequestError that names it."""
    if auth is None or isinstance(auth, (Basic, Digest, Bearer)):
        return auth
    if isinstance(auth, tuple) and len(auth) == 2:
        return Basic(*auth)
    raise RequestError(
        "auth must be a tuple of two strings (user, password), acurl.Basic, acurl.Digest or "
        f"acurl.Bearer, not {type(auth).__name__}"
    )
