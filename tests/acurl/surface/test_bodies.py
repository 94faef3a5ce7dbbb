"""What `params`, `data`, `json` and `files` put on the wire."""

import io
from collections.abc import AsyncIterator, Iterator
from email.message import Message
from email.parser import BytesParser
from pathlib import Path
from typing import Any

import pytest

import acurl
from tests.acurl.echo import Echo, body_of, headers_of
from tests.acurl.surface.conftest import Ask
from tests.conftest import RawServerFactory
from tests.servers.raw import Connection

PIECES = [b"one ", b"", b"two ", b"three"]
WHOLE = b"one two three"


def plain() -> Iterator[bytes]:
    """A generator."""
    yield from PIECES


async def asynchronous() -> AsyncIterator[bytes]:
    """An asynchronous one."""
    for piece in PIECES:
        yield piece


@pytest.mark.parametrize(
    ("params", "query"),
    [
        ({"a": 1, "b": "x y"}, "a=1&b=x+y"),
        ({"a": [1, 2], "b": None}, "a=1&a=2"),
        ([("a", "1"), ("a", "2")], "a=1&a=2"),
        ({"a": True, "b": 0.5}, "a=true&b=0.5"),
        ({"a": "ü&="}, "a=%C3%BC%26%3D"),
    ],
)
def test_params(ask: Ask, echo: Echo, params: Any, query: str) -> None:
    response = ask("GET", f"{echo.url}/?z", params=params)
    assert echo.last().startswith(f"GET /?z&{query} HTTP".encode())
    assert response.url == f"{echo.url}/?z&{query}"


@pytest.mark.parametrize(
    ("data", "sent"),
    [
        (b"bytes", b"bytes"),
        (bytearray(b"bytes"), b"bytes"),
        (memoryview(b"bytes"), b"bytes"),
        ("str ü", "str ü".encode()),
        ({"a": [1, 2], "b": "c d"}, b"a=1&a=2&b=c+d"),
        ([("a", "1"), ("a", "2")], b"a=1&a=2"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_data_in_memory(ask: Ask, echo: Echo, data: Any, sent: bytes) -> None:
    ask("POST", echo.url, data=data)
    assert body_of(echo.last()) == sent


def test_a_form_has_none_and_bool_as_they_are_written(ask: Ask, echo: Echo) -> None:
    ask("POST", echo.url, data={"a": None, "b": True, "c": [None, False]})
    assert body_of(echo.last()) == b"a=None&b=True&c=None&c=False"


def test_none_is_no_field_of_a_form_with_files(ask: Ask, echo: Echo) -> None:
    with pytest.raises(acurl.RequestError, match="field 'a'"):
        ask("POST", echo.url, data={"a": None}, files={"f": b"x"})


def test_a_form_has_its_content_type(ask: Ask, echo: Echo) -> None:
    ask("PUT", echo.url, data={"a": "b"})
    assert ("content-type", "application/x-www-form-urlencoded") in headers_of(echo.last())


def collecting(bodies: list[bytes]) -> Any:
    """A script that keeps bodies sent in chunks."""

    def script(connection: Connection) -> None:
        while head := connection.read_head():
            assert b"transfer-encoding: chunked" in head.lower()
            body = b""
            while size := int(line(connection), 16):
                body += connection.read_exactly(size)
                line(connection)
            line(connection)
            bodies.append(body)
            connection.respond()

    return script


def line(connection: Connection) -> bytes:
    """What stands before the next end of a line."""
    found = b""
    while not found.endswith(b"\r\n"):
        found += connection.read_exactly(1)
    return found[:-2]


@pytest.mark.parametrize(
    "data",
    [plain, asynchronous, lambda: PIECES, PIECES],
    ids=["of a generator", "of an asynchronous one", "function of a list", "list"],
)
def test_data_in_pieces_is_sent_in_chunks(
    ask: Ask, raw_server: RawServerFactory, data: Any
) -> None:
    bodies: list[bytes] = []
    server = raw_server(collecting(bodies))
    ask("POST", server.url, data=data)
    assert bodies == [WHOLE]


def test_data_is_an_iterator(ask: Ask, raw_server: RawServerFactory) -> None:
    bodies: list[bytes] = []
    server = raw_server(collecting(bodies))
    ask("POST", server.url, data=plain())
    ask("POST", server.url, data=asynchronous())
    assert bodies == [WHOLE, WHOLE]


def test_data_from_a_path_and_an_open_file(ask: Ask, echo: Echo, tmp_path: Path) -> None:
    path = tmp_path / "body"
    path.write_bytes(WHOLE)
    ask("POST", echo.url, data=path)
    assert body_of(echo.last()) == WHOLE
    assert ("content-length", str(len(WHOLE))) in headers_of(echo.last())
    with path.open("rb") as file:
        file.seek(4)
        ask("POST", echo.url, data=file)
    assert body_of(echo.last()) == WHOLE[4:]


def test_upload_size_of_chunks_has_their_framing(ask: Ask, raw_server: RawServerFactory) -> None:
    response = ask("POST", raw_server(collecting([])).url, data=PIECES)
    assert response.upload_size > len(WHOLE)


def test_an_iterator_that_fails_is_named(ask: Ask, raw_server: RawServerFactory) -> None:
    def failing() -> Iterator[bytes]:
        yield b"one"
        raise KeyError("two")

    server = raw_server(lambda connection: connection.read_until_closed() and None)
    with pytest.raises(acurl.RequestError, match="failed after 3 bytes: KeyError") as caught:
        ask("POST", server.url, data=failing())
    assert isinstance(caught.value.__cause__, KeyError)


def parts_of(request: bytes) -> list[Message]:
    """The parts of a multipart request, by the standard library."""
    content_type = dict(headers_of(request))["content-type"]
    assert content_type.startswith("multipart/form-data; boundary=")
    head = f"Content-Type: {content_type}\r\n\r\n".encode()
    found: Any = BytesParser().parsebytes(head + body_of(request)).get_payload()
    return list(found)


def described(part: Message) -> tuple[Any, ...]:
    """Name, file name, type and content of a part."""
    name = part.get_param("name", header="content-disposition")
    return name, part.get_filename(), part["content-type"], part.get_payload(decode=True)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (b"x", ("f", "f", None, b"x")),
        ("x", ("f", "f", None, b"x")),
        (("a.txt", b"x"), ("f", "a.txt", "text/plain", b"x")),
        (("a.bin", b"x", "image/png"), ("f", "a.bin", "image/png", b"x")),
    ],
    ids=["bytes", "str", "named", "typed"],
)
def test_files(ask: Ask, echo: Echo, given: Any, expected: tuple[Any, ...]) -> None:
    ask("POST", echo.url, files={"f": given})
    (part,) = parts_of(echo.last())
    name, filename, content_type, content = described(part)
    assert (name, filename, content) == (expected[0], expected[1], expected[3])
    if expected[2]:
        assert content_type == expected[2]


def test_files_from_an_open_file(ask: Ask, echo: Echo) -> None:
    ask("POST", echo.url, files={"f": ("a.bin", io.BytesIO(b"x"), "image/png")})
    assert described(parts_of(echo.last())[0]) == ("f", "a.bin", "image/png", b"x")


def test_files_from_a_path(ask: Ask, echo: Echo, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_bytes(WHOLE)
    ask("POST", echo.url, files={"f": tmp_path / "notes.txt"})
    (part,) = parts_of(echo.last())
    assert described(part)[1] == "notes.txt"
    assert described(part)[3] == WHOLE


def test_files_with_headers_of_their_own(ask: Ask, echo: Echo) -> None:
    ask("POST", echo.url, files={"f": ("a", b"x", "text/plain", {"X-Part": "1"})})
    assert parts_of(echo.last())[0]["x-part"] == "1"


def test_data_beside_files_are_fields(ask: Ask, echo: Echo) -> None:
    ask("POST", echo.url, data={"a": "1", "b": ["2", "3"]}, files={"f": ("n", b"x")})
    found = [described(part)[0::3] for part in parts_of(echo.last())]
    assert found == [("a", b"1"), ("b", b"2"), ("b", b"3"), ("f", b"x")]


@pytest.mark.parametrize(
    "options",
    [
        {"data": 5},
        {"data": "x", "json": 1},
        {"json": 1, "files": {"f": b"x"}},
        {"data": b"x", "files": {"f": b"x"}},
        {"files": {"f": 5}},
        {"files": "f"},
        {"json": object()},
        {"params": 5},
        {"params": {"a": object()}},
    ],
    ids=str,
)
def test_what_cannot_be_sent_is_refused(ask: Ask, echo: Echo, options: Any) -> None:
    with pytest.raises(acurl.RequestError, match=r"data|json|files|params"):
        ask("POST", echo.url, **options)
    assert echo.received == []
