"""Answers that are read while they come: back-pressure, the end of them, and leaving early."""

import asyncio
import gc
import gzip
import select
import tracemalloc
from collections.abc import Callable, Iterator
from itertools import product

import pytest

import acurl
from tests.acurl.conftest import RunWrapper, until
from tests.acurl.gate import Gate
from tests.acurl.memory import resident
from tests.conftest import RawServerFactory
from tests.servers.h2raw import H2Connection, H2Server
from tests.servers.nginx import Nginx
from tests.servers.raw import Connection, Script

# What the engine does by itself is the same on every loop: one kind is enough.
one_loop = pytest.mark.parametrize("run_async", ["uvloop"], indirect=True)

MEBIBYTE = 1 << 20
WINDOW = 256 * 1024
OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
NO_LIMITS = acurl.Timeout(None, total=None)


@pytest.fixture
def gate() -> Iterator[Gate]:
    """Where a server's script waits for the test."""
    with Gate() as gate:
        yield gate


def sized(size: int, *headers: bytes) -> bytes:
    return OK + b"".join(headers) + b"Content-Length: %d\r\n\r\n" % size


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def answering(*parts: bytes) -> Script:
    """Answers each request with these bytes."""

    def script(connection: Connection) -> None:
        while connection.read_head():
            connection.send(*parts)

    return script


def closing(*parts: bytes) -> Script:
    """Answers with these bytes and closes."""

    def script(connection: Connection) -> None:
        connection.read_head()
        connection.send(*parts)

    return script


async def begin(session: acurl.Session, url: str) -> acurl.StreamedResponse:
    """The head of an answer whose body still comes."""
    response = await session.get(url, stream=True)
    assert isinstance(response, acurl.StreamedResponse)
    return response


async def pieces_of(response: acurl._Response) -> list[bytes]:
    return [piece async for piece in response.stream()]


def test_the_head_comes_before_the_body(
    run_wrapper: RunWrapper, raw_server: RawServerFactory, gate: Gate
) -> None:
    def script(connection: Connection) -> None:
        while connection.read_head():
            connection.send(sized(6, b"X-Test: yes\r\n"))
            for piece in (b"abc", b"d\0f"):
                gate.wait()
                connection.send(piece)

    url = raw_server(script).url

    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session()
        called: list[acurl._Response] = []
        session.set_response_callback(called.append)
        for _ in range(2):  # the connection is used again
            response = await begin(session, url)
            assert (response.status_code, response.headers["x-test"]) == (200, "yes")
            assert not response.is_closed
            assert called == []
            with pytest.raises(acurl.AcurlError, match=r"not kept: iterate over stream\(\), or"):
                _ = response.body
            pieces = response.stream()
            for expected in (b"abc", b"d\0f"):
                gate.open()
                assert await anext(pieces) == expected
            assert [piece async for piece in pieces] == []
            assert response.is_closed
            assert called == [response]
            assert response.download_size == 6
            assert response.total_time >= response.starttransfer_time > 0
            assert await pieces_of(response) == []
            called.clear()
        assert wrapper.stats().opened == 1

    run_wrapper(body)


SIZES = [0, 1, 16384, 16385, 32768, WINDOW, WINDOW + 1, 3 * MEBIBYTE]


def test_every_size_at_once(run_wrapper: RunWrapper, raw_server: RawServerFactory) -> None:
    whole = b"0123456789\0bcdef" * (max(SIZES) // 16)

    def script(connection: Connection) -> None:
        while head := connection.read_head():
            size = int(head.split()[1][1:])
            connection.send(sized(size) + whole[:size])

    url = raw_server(script).url

    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session()
        for size, read_at_once in product(SIZES, (True, False)):
            data = whole[:size]
            response = await session.get(f"{url}/{size}", stream=True)
            assert response.status_code == 200
            if read_at_once:
                pieces = await pieces_of(response)
                assert b"".join(pieces) == data
                assert max(map(len, pieces), default=0) <= WINDOW
            else:
                assert await response.read() == data
                assert response.body == response.content == data
            assert response.download_size == size
        assert wrapper.stats().opened == 1

    run_wrapper(body)


FRAMINGS: dict[str, Script] = {
    "trailers": closing(CHUNKED + chunk(b"abc") + chunk(b"def"), b"0\r\nX-End: 1\r\n\r\n"),
    "until it closes": closing(OK + b"\r\n", b"abc", b"def"),
    "HTTP/1.0": closing(b"HTTP/1.0 200 OK\r\n\r\n", b"abcdef"),
    "gzip": closing(
        sized(len(gzip.compress(b"abcdef")), b"Content-Encoding: gzip\r\n"),
        gzip.compress(b"abcdef"),
    ),
    # What the command brotli makes of it.
    "br": closing(sized(10, b"Content-Encoding: br\r\n"), b"\x8b\x02\x80abcdef\x03"),
}


@one_loop
@pytest.mark.parametrize("framing", FRAMINGS)
def test_every_framing(run_wrapper: RunWrapper, raw_server: RawServerFactory, framing: str) -> None:
    url = raw_server(FRAMINGS[framing]).url

    async def body(wrapper: acurl.CurlWrapper) -> None:
        response = await wrapper.session().get(url, stream=True)
        assert await response.read() == b"abcdef"
        assert response.text == "abcdef"
        assert "x-end" not in response.headers

    run_wrapper(body)


def test_a_body_that_is_compressed_a_thousandfold(
    run_wrapper: RunWrapper, raw_server: RawServerFactory
) -> None:
    size = 40 * MEBIBYTE
    packed = gzip.compress(bytes(size))
    url = raw_server(answering(sized(len(packed), b"Content-Encoding: gzip\r\n") + packed)).url

    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session()
        response = await session.get(url, stream=True)
        assert sum([len(piece) async for piece in response.stream()]) == size
        response = await session.get(url, stream=True)
        pieces = response.stream()
        read = len(await anext(pieces))
        await asyncio.sleep(0.1)  # the reader is slow for once
        assert read + sum([len(piece) async for piece in pieces]) == size
        assert wrapper.stats().faults == 0

    run_wrapper(body)


def test_no_body_at_all(run_wrapper: RunWrapper, raw_server: RawServerFactory) -> None:
    url = raw_server(answering(b"HTTP/1.1 204 None\r\n\r\n")).url
    head = raw_server(answering(sized(100))).url

    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session()
        for response in (
            await session.get(url, stream=True),
            await session.head(head, stream=True),
        ):
            assert await pieces_of(response) == []
            assert await response.read() == b""

    run_wrapper(body)


def test_a_slow_reader_makes_the_server_wait(
    run_wrapper: RunWrapper, raw_server: RawServerFactory
) -> None:
    block = bytes(range(256)) * 256
    written = [0]

    def script(connection: Connection) -> None:
        connection.read_head()
        connection.send(CHUNKED)
        while True:
            connection.send(chunk(block))
            written[0] += len(block)

    url = raw_server(script).url

    async def body(wrapper: acurl.CurlWrapper) -> None:
        # While it is the reader who is slow, only the total limit runs.
        limits = acurl.Timeout(None, read=0.2, total=30)
        before = resident()
        async with await wrapper.session().get(url, stream=True, timeout=limits) as response:
            await settled(lambda: written[0], 0.5)
            assert written[0] <= 16 * MEBIBYTE  # the kernel's buffers, and not more
            read = 0
            async for piece in response.stream():
                assert piece == (block * (len(piece) // len(block) + 2))[read % 256 :][: len(piece)]
                read += len(piece)
                if read > 48 * MEBIBYTE:
                    break
            assert written[0] >= read - len(block)
        assert resident() - before < 16 * MEBIBYTE

    run_wrapper(body)


async def settled(figure: Callable[[], int], seconds: float) -> None:
    """Until a figure has stood still for so long; a busy machine only makes it wait longer."""
    loop = asyncio.get_running_loop()
    last, since = figure(), loop.time()
    while loop.time() - since < seconds:
        await asyncio.sleep(0.01)
        if figure() != last:
            last, since = figure(), loop.time()


def endless_stream(written: list[int]) -> Callable[[H2Connection], None]:
    """HTTP/2: /endless as far as the windows allow, any other path one answer."""

    def script(connection: H2Connection) -> None:
        protocol = connection._protocol  # nobody else asks for windows
        endless: list[int] = []
        answered: set[int] = set()
        while True:
            for number, request in list(connection.requests.items()):
                if request.complete and number not in answered:
                    answered.add(number)
                    if request.path == "/endless":
                        connection.headers(number)
                        endless.append(number)
                    else:
                        connection.respond(number)
            endless = [one for one in endless if not connection.requests[one].reset]
            room = [one for one in endless if protocol.local_flow_control_window(one) >= 16384]
            for number in room[:1]:
                connection.data(number, b"x" * 16384)
                written[0] += 16384
            speaks = select.select([connection.raw.sock], [], [], 0)[0]
            if (speaks or not room) and not connection.receive():
                return

    return script


def test_http2_back_pressure_and_leaving_early(run_wrapper: RunWrapper) -> None:
    written = [0]

    async def body(wrapper: acurl.CurlWrapper, url: str, server: H2Server) -> None:
        session = wrapper.session(http_version="2-prior-knowledge", timeout=NO_LIMITS)
        async with await begin(session, f"{url}/endless") as response:
            await settled(lambda: written[0], 0.3)
            assert 0 < written[0] <= 12 * MEBIBYTE  # libcurl opens a window of 10 MiB
            other = await session.get(f"{url}/other")
            assert (other.body, other.connection_id) == (b"ok\n", response.connection_id)
            before, read = written[0], 0
            async for piece in response.stream():
                assert piece == b"x" * len(piece)
                read += len(piece)
                if read > before + MEBIBYTE:
                    break
        assert response.is_closed
        other = await session.get(f"{url}/other")
        assert (other.body, other.reused) == (b"ok\n", True)
        assert other.connection_id == response.connection_id
        assert [request.reset for request in server.received()] == [True, False, False]
        assert wrapper.stats().opened == 1

    with H2Server(endless_stream(written)) as server:
        run_wrapper(lambda wrapper: body(wrapper, server.url, server))
    assert server.failures == []


def test_leaving_early_closes_an_http1_connection(
    run_wrapper: RunWrapper, raw_server: RawServerFactory, gate: Gate
) -> None:
    gone: list[bytes] = []

    def script(connection: Connection) -> None:
        while b"/endless" not in connection.read_head():
            connection.respond()
        connection.send(sized(100) + b"abc")
        gone.append(connection.read_until_closed())

    url = raw_server(script).url

    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session()
        called: list[acurl._Response] = []
        session.set_response_callback(called.append)
        async with await begin(session, f"{url}/endless") as response:
            assert await anext(response.stream()) == b"abc"
            assert called == []
        assert called == [response]
        assert (response.is_closed, response.download_size) == (True, 3)
        with pytest.raises(acurl.AcurlError, match="closed before its body had ended"):
            await response.read()
        await response.aclose()
        await until(lambda: gone == [b""])
        with pytest.raises(KeyError):
            async with await begin(session, f"{url}/endless") as response:
                raise KeyError
        await until(lambda: gone == [b"", b""])
        assert (await session.get(url)).body == b"ok\n"

    run_wrapper(body)


@pytest.mark.parametrize("in_a_cycle", [False, True])
def test_one_that_nobody_holds_is_ended(
    run_wrapper: RunWrapper, raw_server: RawServerFactory, *, in_a_cycle: bool
) -> None:
    gone: list[bytes] = []

    def script(connection: Connection) -> None:
        connection.read_head()
        connection.send(sized(100) + b"abc")
        gone.append(connection.read_until_closed())

    url = raw_server(script).url

    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session()
        ended: list[int] = []
        session.set_response_callback(lambda response: ended.append(response.status_code))
        response: acurl._Response | None = await session.get(url, stream=True)
        cycle: list[object] = [response]
        cycle.append(cycle if in_a_cycle else None)
        del cycle
        response = None
        if in_a_cycle:
            gc.collect()
        await until(lambda: gone == [b""])
        assert ended == [200]

    run_wrapper(body)


def test_a_body_that_is_never_read_is_no_python_object(
    run_wrapper: RunWrapper, nginx: Nginx
) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session()
        url = f"{nginx.http}/large"
        await session.get(url)
        tracemalloc.start()
        try:
            response = await session.get(url)
            before = tracemalloc.get_traced_memory()[1]
            assert before < 256 * 1024
            assert len(response.body) == MEBIBYTE
            assert tracemalloc.get_traced_memory()[1] - before < MEBIBYTE + 64 * 1024
            assert response.body is response.body  # made once
        finally:
            tracemalloc.stop()

    run_wrapper(body)
