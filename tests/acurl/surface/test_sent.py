"""What goes along with a request although nobody wrote it, and what replaces it."""

from typing import Any

import pytest

from tests.acurl.echo import Echo, headers_of
from tests.acurl.surface.conftest import Ask

FORM = "application/x-www-form-urlencoded"
ALWAYS = ["host", "accept", "accept-encoding"]


def sent(echo: Echo) -> dict[str, str]:
    """The headers of the last request, in lower case."""
    return dict(headers_of(echo.last()))


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "DELETE"])
def test_without_a_body_three_headers(ask: Ask, echo: Echo, method: str) -> None:
    ask(method, echo.url)
    assert list(sent(echo)) == ALWAYS
    assert sent(echo)["host"] == echo.url.removeprefix("http://")
    assert sent(echo)["accept"] == "*/*"
    assert "gzip" in sent(echo)["accept-encoding"]


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_an_empty_body_of_those_that_mostly_have_one(ask: Ask, echo: Echo, method: str) -> None:
    ask(method, echo.url)
    assert sorted(sent(echo)) == sorted([*ALWAYS, "content-length", "content-type"])
    assert (sent(echo)["content-length"], sent(echo)["content-type"]) == ("0", FORM)


@pytest.mark.parametrize("data", [b"x", "x", {"a": "b"}], ids=str)
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_content_type_of_what_is_in_memory(ask: Ask, echo: Echo, method: str, data: Any) -> None:
    ask(method, echo.url, data=data)
    assert sent(echo)["content-type"] == FORM


def test_no_content_type_of_files(ask: Ask, echo: Echo, tmp_path: Any) -> None:
    path = tmp_path / "body"
    path.write_bytes(b"hello")
    ask("POST", echo.url, data=path)
    assert sorted(sent(echo)) == sorted([*ALWAYS, "content-length"])


@pytest.mark.parametrize("name", ["host", "accept", "accept-encoding", "content-type"])
def test_a_header_of_ones_own_replaces_it(ask: Ask, echo: Echo, name: str) -> None:
    ask("POST", echo.url, headers={name: "mine.test"})
    assert [value for key, value in headers_of(echo.last()) if key == name] == ["mine.test"]


def test_dot_segments_of_a_path_are_resolved(ask: Ask, echo: Echo) -> None:
    ask("GET", f"{echo.url}/a/../b/./c")
    assert echo.last().startswith(b"GET /b/c HTTP/1.1\r\n")
