"""Bodies on their way: back-pressure, servers that answer early, sources that fail, and again."""

import asyncio
import contextlib
import hashlib
import os
import time
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

import acurl
from tests.acurl.conftest import RunWrapper, until
from tests.acurl.gate import Gate
from tests.acurl.uploads import Upload, Uploads, receive
from tests.conftest import RawServerFactory
from tests.servers.h2raw import H2Connection, H2Server
from tests.servers.raw import Connection, Script

MEBIBYTE = 1 << 20
BLOCK = os.urandom(65536)


@pytest.fixture
def uploads() -> Iterator[Uploads]:
    """A server that takes bodies of any framing."""
    with Uploads() as server:
        yield server
    assert server.failures == []


@pytest.fixture
def gate() -> Iterator[Gate]:
    """Where a server's script waits for the test."""
    with Gate() as gate:
        yield gate


class Counting:
    """So many blocks; `given` were asked for, and `closed` tells that nobody asks any more."""

    def __init__(self, count: int, *, failing: Exception | None = None) -> None:
        self.given = 0
        self.closed = False
        self._count = count
        self._failing = failing

    def plain(self) -> Generator[bytes, None, None]:
        try:
            while self.given < self._count:
                self.given += 1
                yield BLOCK
            if self._failing is not None:
                raise self._failing
        finally:
            self.closed = True

    async def coming(self) -> AsyncIterator[bytes]:
        with contextlib.closing(self.plain()) as blocks:
            for block in blocks:
                await asyncio.sleep(0)
                yield block


async def standing(figure: Callable[[], int]) -> int:
    """A figure, once it has not changed for a while."""
    last = -1
    while last != figure():
        last = figure()
        await asyncio.sleep(0.2)
    return last


@pytest.mark.parametrize("kind", ["plain", "coming"])
def test_a_slow_server_is_not_sent_ahead_of(
    run_wrapper: RunWrapper, raw_server: RawServerFactory, gate: Gate, kind: str
) -> None:
    taken: list[Upload] = []

    def script(connection: Connection) -> None:
        assert b"Transfer-Encoding: chunked" in connection.read_head()
        gate.wait()
        taken.append(Upload("POST", "/", {"transfer-encoding": "chunked"}, connection.number))
        receive(connection, taken[0])
        connection.respond()

    url = raw_server(script).url
    blocks = Counting(640)

    async def body(wrapper: acurl.CurlWrapper) -> None:
        began = time.monotonic()
        session, data = (
            wrapper.session(timeout=acurl.Timeout(None, read=1.0)),
            getattr(blocks, kind),
        )
        waiting = asyncio.ensure_future(session.post(url, data=data()))
        assert 0 < await standing(lambda: blocks.given) < 320  # the kernel's buffers, some more
        await until(lambda: time.monotonic() - began > 1.2)  # longer than the read limit
        gate.open()
        assert (await waiting).status_code == 200
        assert (blocks.given, blocks.closed) == (640, True)

    run_wrapper(body)
    assert hashlib.sha256(taken[0].body).digest() == hashlib.sha256(BLOCK * 640).digest()


def test_a_server_that_takes_nothing(
    run_wrapper: RunWrapper, raw_server: RawServerFactory, gate: Gate
) -> None:
    url = raw_server(lambda _connection: gate.wait()).url
    blocks = Counting(1000)

    async def body(wrapper: acurl.CurlWrapper) -> None:
        limits = acurl.Timeout(None, write=0.3, total=30)
        with pytest.raises(acurl.WriteTimeout):
            await wrapper.session().post(url, data=blocks.plain(), timeout=limits)
        await until(lambda: blocks.closed)
        assert blocks.given < 1000
        gate.open()

    run_wrapper(body)


def test_a_slow_source_is_no_silence(run_wrapper: RunWrapper, uploads: Uploads) -> None:
    async def slow() -> AsyncIterator[bytes]:
        for piece in (b"ab", b"cd"):
            await asyncio.sleep(0.4)
            yield piece

    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session()
        limits = acurl.Timeout(None, read=0.1, write=0.1, total=30)
        response = await session.post(uploads.url, data=slow(), timeout=limits)
        assert response.text == "POST 4"
        with pytest.raises(acurl.TotalTimeout):
            await session.post(uploads.url, data=slow(), timeout=acurl.Timeout(None, total=0.2))

    run_wrapper(body)


@pytest.mark.parametrize("keeps_reading", [False, True])
def test_a_server_that_answers_early(
    run_wrapper: RunWrapper, raw_server: RawServerFactory, *, keeps_reading: bool
) -> None:
    def script(connection: Connection) -> None:
        head = connection.read_head()
        if head.startswith(b"GET"):
            connection.respond()
            return
        connection.read_exactly(1000)
        connection.respond(b"too large", "413 Payload Too Large", "Connection: close")
        if keeps_reading:
            connection.read_until_closed()

    url = raw_server(script).url

    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session()
        for kind in ("plain", "coming"):
            blocks = Counting(10_000)
            response = await session.post(url, data=getattr(blocks, kind)())
            assert (response.status_code, response.body) == (413, b"too large")
            await until(lambda blocks=blocks: blocks.closed)  # type: ignore[misc]
            assert blocks.given < 10_000
        assert (await session.get(url)).body == b"ok\n"

    run_wrapper(body)


class Odd(Exception):
    """What users' code may raise."""


@pytest.mark.parametrize("kind", ["plain", "coming"])
@pytest.mark.parametrize("count", [0, 1, 40])
def test_a_source_that_fails(
    run_wrapper: RunWrapper, uploads: Uploads, kind: str, count: int
) -> None:
    odd = Odd("boo")

    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session()
        before = await session.get(uploads.url)
        blocks = Counting(count, failing=odd)
        sent = f"{count * len(BLOCK):,}"
        message = rf"^data: the body's iterator failed after {sent} bytes: Odd\('boo'\)$"
        with pytest.raises(acurl.RequestError, match=message) as raised:
            await session.post(uploads.url, data=getattr(blocks, kind)())
        assert raised.value.__cause__ is odd
        assert wrapper.stats().in_flight == 0
        after = await session.get(uploads.url)
        assert after.body == b"GET 0"
        assert after.connection_id != before.connection_id  # that one is in the middle of a body

    run_wrapper(body)
    bodies = [upload for upload in uploads.received if upload.method == "POST"]
    assert not any(upload.complete for upload in bodies)


async def cancelled_by_itself() -> AsyncIterator[bytes]:
    yield b"ab"
    future = asyncio.get_running_loop().create_future()
    future.cancel()
    await future


async def failing_at_its_end() -> AsyncIterator[Any]:
    try:
        yield b"ab"
        yield 5
    finally:
        raise Odd


@pytest.mark.parametrize("source", [cancelled_by_itself, failing_at_its_end])
def test_odd_ways_to_fail(
    run_wrapper: RunWrapper, uploads: Uploads, source: Callable[[], Any]
) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session(timeout=acurl.Timeout(None, total=20))
        with pytest.raises(acurl.RequestError, match=r"failed after 2 bytes: (Cancelled|Odd)"):
            await session.post(uploads.url, data=source())

    run_wrapper(body)


class Hesitating:
    """A source that gives one piece and no other."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.ended = False

    async def pieces(self) -> AsyncIterator[bytes]:
        try:
            yield b"ab"
            self.asked.set()
            await asyncio.get_running_loop().create_future()
        finally:
            self.ended = True


def test_cancelling(run_wrapper: RunWrapper, uploads: Uploads) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        session, source = wrapper.session(), Hesitating()
        waiting = asyncio.ensure_future(session.post(uploads.url, data=source.pieces()))
        await source.asked.wait()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await until(lambda: source.ended)
        assert (await session.get(uploads.url)).body == b"GET 0"

    run_wrapper(body)


def test_the_wrapper_is_closed(run_wrapper: RunWrapper, uploads: Uploads) -> None:
    async def body(_unused: acurl.CurlWrapper) -> None:
        wrapper, source = acurl.CurlWrapper(asyncio.get_running_loop()), Hesitating()
        sending = wrapper.session().post(uploads.url, data=source.pieces())
        waiting = asyncio.ensure_future(sending)
        await source.asked.wait()
        wrapper.close()
        with pytest.raises(acurl.EngineClosed):
            await waiting
        await until(lambda: source.ended)

    run_wrapper(body)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects(run_wrapper: RunWrapper, uploads: Uploads, tmp_path: Path, status: int) -> None:
    path = tmp_path / "body"
    path.write_bytes(b"abc")
    there = f"{uploads.url}/there"

    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session()
        url = f"{uploads.url}/status/{status}?{there}"
        for data in ([b"a", b"bc"], path, lambda: iter([b"abc"])):
            response = await session.post(url, data=data)
            assert response.text == ("POST 3" if status > 303 else "GET 0")
        with path.open("rb") as file:
            await session.post(url, data=file)
        used_up = iter([b"abc"])
        if status > 303:
            with pytest.raises(acurl.RequestError, match=r"^data: this iterator is used up"):
                await session.post(url, data=used_up)
        else:
            assert (await session.post(url, data=used_up)).text == "GET 0"

    run_wrapper(body)
    arrived = [upload.body for upload in uploads.received if upload.path == "/there"]
    assert arrived == ([b"abc"] * 4 if status > 303 else [b""] * 5)


def dying(*, after: int) -> Script:
    """The first connection answers once, then takes so much of a second body and closes."""

    def script(connection: Connection) -> None:
        connection.read_head()
        if connection.number == 1:
            connection.respond()
            connection.read_head()
            connection.read_exactly(after)
            return
        upload = Upload("POST", "/", {"transfer-encoding": "chunked"}, connection.number)
        receive(connection, upload)
        connection.respond(hashlib.sha256(upload.body).hexdigest().encode())

    return script


@pytest.mark.parametrize("after", [0, 1000, 4 * MEBIBYTE])
@pytest.mark.parametrize("can_restart", [False, True])
def test_a_connection_that_dies_has_the_whole_body_sent_again(
    run_wrapper: RunWrapper, raw_server: RawServerFactory, after: int, *, can_restart: bool
) -> None:
    server = raw_server(dying(after=after))
    blocks = [BLOCK] * (80 if after > MEBIBYTE else 8)

    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session()
        await session.get(server.url)
        data = blocks if can_restart else iter(blocks)
        if after > MEBIBYTE and not can_restart:  # its beginning is gone
            with pytest.raises(acurl.ConnectError, match="code 65: "):
                await session.post(server.url, data=data)
            return
        response = await session.post(server.url, data=data)
        assert response.text == hashlib.sha256(b"".join(blocks)).hexdigest()
        assert server.accepted == 2

    run_wrapper(body)


def test_http2_says_no_in_the_middle_of_a_body(run_wrapper: RunWrapper) -> None:
    def script(connection: H2Connection) -> None:
        connection.opens_windows = False
        (request,) = connection.requested(complete=False)
        connection.headers(request.stream, end=True)
        connection.reset(request.stream, 0)
        connection.until_gone()

    blocks = Counting(1000)

    async def body(wrapper: acurl.CurlWrapper, url: str) -> None:
        session = wrapper.session(http_version="2-prior-knowledge")
        response = await session.post(url, data=blocks.coming())
        assert response.status_code == 200
        await until(lambda: blocks.closed)
        assert blocks.given < 100

    with H2Server(script) as server:
        run_wrapper(lambda wrapper: body(wrapper, server.url))
    assert server.failures == []
