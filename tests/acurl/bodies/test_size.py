"""Bodies of 100 MiB, both ways: nothing is lost, and memory stays flat."""

import re
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import acurl
from tests.acurl.conftest import RunWrapper
from tests.acurl.memory import resident
from tests.conftest import RawServerFactory
from tests.servers.raw import Connection

pytestmark = pytest.mark.slow

MEBIBYTE = 1 << 20
SIZE = 100 * MEBIBYTE
MOST_GROWTH = 16 * MEBIBYTE
BLOCK = bytes(range(256)) * 256


def counting(connection: Connection) -> None:
    """Answers with the number of bytes that the body had, and /down/N with N bytes."""
    while head := connection.read_head():
        assert b"\r\nexpect:" not in head.lower()  # which would cost a second
        wanted = re.match(rb"GET /down/(\d+)", head)
        if wanted:
            left = int(wanted[1])
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % left)
            while left:
                connection.send(BLOCK[:left])
                left -= len(BLOCK[:left])
            continue
        size = re.search(rb"(?i)\r\ncontent-length: (\d+)", head)
        came = taken(connection, int(size[1])) if size else chunks(connection)
        connection.respond(b"%d" % came)


def taken(connection: Connection, size: int) -> int:
    left = size
    while left and (data := connection.read_exactly(min(left, MEBIBYTE))):
        left -= len(data)
    return size - left


def chunks(connection: Connection) -> int:
    came = 0
    while True:
        line = b""
        while not line.endswith(b"\r\n"):
            line += connection.read_exactly(1)
        size = int(line, 16)
        came += taken(connection, size)
        connection.read_exactly(2)
        if not size:
            return came


def plain() -> Iterator[bytes]:
    for _ in range(SIZE // len(BLOCK)):
        yield BLOCK


async def coming() -> AsyncIterator[bytes]:
    for block in plain():
        yield block


SOURCES: dict[str, Callable[[Path], dict[str, Any]]] = {
    "iterator": lambda _path: {"data": plain()},
    "async iterator": lambda _path: {"data": coming()},
    "Path": lambda path: {"data": path},
    "form": lambda path: {"files": {"file": path}},
}


@pytest.mark.parametrize("kind", SOURCES)
def test_uploads(
    run_wrapper: RunWrapper, raw_server: RawServerFactory, tmp_path: Path, kind: str
) -> None:
    url = raw_server(counting).url
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(SIZE)

    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session()
        await session.post(url, data=iter([BLOCK] * 20))  # what is kept once is kept
        before = resident()
        response = await session.post(url, **SOURCES[kind](path))
        assert resident() - before < MOST_GROWTH
        assert SIZE <= int(response.text) < SIZE + 1000
        assert response.upload_size >= int(response.text)  # chunks have lines of their own

    run_wrapper(body)


def test_downloads(run_wrapper: RunWrapper, raw_server: RawServerFactory) -> None:
    url = raw_server(counting).url

    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session()
        before = resident()
        response = await session.get(f"{url}/down/{SIZE}", discard_body=True)
        assert (response.download_size, response.body) == (SIZE, b"")
        assert resident() - before < MOST_GROWTH
        response = await session.get(f"{url}/down/{SIZE}", stream=True)
        read = 0
        async for piece in response.stream():
            assert piece == (BLOCK * (len(piece) // len(BLOCK) + 2))[read % 256 :][: len(piece)]
            read += len(piece)
        assert read == response.download_size == SIZE
        assert resident() - before < MOST_GROWTH
        with pytest.raises(acurl.ResponseTooLarge):
            await session.get(f"{url}/down/{SIZE}")

    run_wrapper(body)
