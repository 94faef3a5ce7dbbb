"""acurl.Basic, Digest and Bearer, with a request and with a session."""

import hashlib
import re
from typing import Any

import pytest

import acurl
from tests.acurl.conftest import RunWrapper
from tests.acurl.echo import Echo, headers_of
from tests.acurl.surface.conftest import Ask
from tests.conftest import RawServerFactory
from tests.servers.nginx import Nginx
from tests.servers.raw import Connection


def authorization(echo: Echo) -> str | None:
    """What the latest request had to prove who it was."""
    return dict(headers_of(echo.last())).get("authorization")


def test_basic(ask: Ask, nginx: Nginx) -> None:
    assert ask("GET", f"{nginx.http}/auth", auth=acurl.Basic("ada", "lovelace")).status_code == 200


def test_a_tuple_is_basic(ask: Ask, echo: Echo) -> None:
    ask("GET", echo.url, auth=("ada", "lovelace"))
    assert authorization(echo) == acurl.Basic("ada", "lovelace").header


def test_bearer(ask: Ask, echo: Echo) -> None:
    ask("GET", echo.url, auth=acurl.Bearer("a.b-c"))
    assert authorization(echo) == "Bearer a.b-c"


def md5(text: str) -> str:
    """As RFC 7616 wants it."""
    return hashlib.md5(text.encode()).hexdigest()  # noqa: S324 - the protocol's, not ours


def test_digest(ask: Ask, raw_server: RawServerFactory) -> None:
    heads: list[str] = []

    def script(connection: Connection) -> None:
        while head := connection.read_head().decode():
            heads.append(head)
            given = dict(re.findall(r'(\w+)="?([^",]+)', head))
            secret = md5("ada:here:lovelace")
            proof = ":".join((secret, "once", given.get("nc", ""), given.get("cnonce", ""), "auth"))
            right = md5(f"{proof}:{md5('GET:/private')}") == given.get("response")
            ask_again = 'WWW-Authenticate: Digest realm="here", nonce="once", qop="auth"'
            connection.respond(b"", "200 OK" if right else "401 Who", ask_again)

    url = f"{raw_server(script).url}/private"
    assert ask("GET", url, auth=acurl.Digest("ada", "lovelace")).status_code == 200
    assert len(heads) == 2
    assert "lovelace" not in "".join(heads)
    assert ask("GET", url, auth=acurl.Digest("ada", "byron")).status_code == 401


@pytest.mark.parametrize(
    "auth", [acurl.Basic("ada", "secret"), acurl.Digest("ada", "secret"), acurl.Bearer("secret")]
)
def test_repr_shows_no_secret(auth: Any) -> None:
    assert "secret" not in repr(auth)


@pytest.mark.parametrize(
    ("kind", "arguments"),
    [
        (acurl.Basic, ("a:b", "c")),
        (acurl.Basic, ("a\r\n", "c")),
        (acurl.Digest, ("a", 5)),
        (acurl.Bearer, ("a b",)),
        (acurl.Bearer, ("",)),
    ],
)
def test_what_cannot_be_sent_is_refused(kind: Any, arguments: tuple[Any, ...]) -> None:
    with pytest.raises(acurl.RequestError, match=r"^auth: "):
        kind(*arguments)


def test_auth_of_the_session_and_of_one_request(run_wrapper: RunWrapper, echo: Echo) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session(auth=acurl.Bearer("usual"))
        await session.get(echo.url)
        assert authorization(echo) == "Bearer usual"
        await session.get(echo.url, auth=acurl.Bearer("other"))
        assert authorization(echo) == "Bearer other"

    run_wrapper(body)


def test_auth_in_the_url(ask: Ask, nginx: Nginx) -> None:
    url = nginx.http.replace("//", "//ada:lovelace@")
    assert ask("GET", f"{url}/auth").status_code == 200


def test_auth_does_not_follow_to_another_origin(
    ask: Ask, echo: Echo, raw_server: RawServerFactory
) -> None:
    def script(connection: Connection) -> None:
        connection.read_head()
        connection.respond(b"", "302 Found", f"Location: {echo.url}/")

    ask("GET", raw_server(script).url, auth=("ada", "lovelace"))
    assert authorization(echo) is None
