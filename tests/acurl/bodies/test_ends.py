"""What ends an answer that is read while it comes: its server, limits, its user, the collector."""

import asyncio
import gc
from collections.abc import Iterator
from typing import Any

import pytest

import acurl
from tests.acurl.conftest import RunWrapper, until
from tests.acurl.gate import Gate
from tests.conftest import RawServerFactory
from tests.servers.nginx import Nginx
from tests.servers.raw import Connection, Script

# What the engine does by itself is the same on every loop: one kind is enough.
one_loop = pytest.mark.parametrize("run_async", ["uvloop"], indirect=True)

OK = b"HTTP/1.1 200 OK\r\n"
NO_LIMITS = acurl.Timeout(None, total=None)


@pytest.fixture
def gate() -> Iterator[Gate]:
    """Where a server's script waits for the test."""
    with Gate() as gate:
        yield gate


def held(gate: Gate, first: bytes, then: bytes = b"", *, close: bool = False) -> Script:
    """/held is answered with `first`, and behind the gate with `then`; other paths with "ok"."""

    def script(connection: Connection) -> None:
        while head := connection.read_head():
            if b" /held " not in head:
                connection.respond()
                continue
            connection.send(first)
            gate.wait()
            connection.send(then)
            if close:
                return

    return script


def silent(first: bytes, gone: list[bytes]) -> Script:
    """Says `first`, then waits for the client to go."""

    def script(connection: Connection) -> None:
        connection.read_head()
        connection.send(first)
        gone.append(connection.read_until_closed())

    return script


class Calls:
    """What a session's callbacks are told."""

    def __init__(self, session: acurl.Session) -> None:
        self.responses: list[acurl._Response] = []
        self.errors: list[acurl.AcurlError] = []
        session.set_response_callback(self.responses.append)
        session.set_error_callback(self.errors.append)


async def read_to_failure(response: acurl._Response) -> tuple[int, acurl.AcurlError]:
    """How many bytes came, and what came behind them."""
    size = 0
    try:
        async for piece in response.stream():
            size += len(piece)
    except acurl.AcurlError as error:
        return size, error
    pytest.fail(f"no failure behind {size} bytes")


@one_loop
@pytest.mark.parametrize("size", [0, 1, 16384, 16385, 100_000, 400_000])
def test_a_truncated_body_gives_all_that_came(
    run_wrapper: RunWrapper, raw_server: RawServerFactory, gate: Gate, size: int
) -> None:
    first = OK + b"Content-Length: 1000000\r\n\r\n"
    url = raw_server(held(gate, first, b"x" * size, close=True)).url

    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session()
        calls = Calls(session)
        response = await session.get(f"{url}/held", stream=True)
        async with response:
            gate.open()
            came, error = await read_to_failure(response)
            assert came == size
            assert type(error) is acurl.ProtocolError
            assert f"the body ended after {size} of 1000000 bytes" in str(error)
        # Leaving the block does not raise it again: it has been told. Who asks does hear of it.
        with pytest.raises(acurl.ProtocolError, match=f"ended after {size} of") as again:
            await response.read()
        assert again.value.request is error.request
        assert (calls.responses, calls.errors) == ([], [error])
        assert response.download_size == size
        assert response.total_time >= response.starttransfer_time > 0
        assert (await session.get(url)).body == b"ok\n"

    run_wrapper(body)


def test_a_failure_that_nobody_read_of_is_told_at_the_end(
    run_wrapper: RunWrapper, raw_server: RawServerFactory, gate: Gate
) -> None:
    url = raw_server(held(gate, OK + b"Content-Length: 9\r\n\r\n", b"x", close=True)).url

    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session()
        calls = Calls(session)

        async def leave(failures: int, error: Exception | None) -> None:
            async with await session.get(f"{url}/held", stream=True):
                gate.open()
                await until(lambda: len(calls.errors) == failures)
                if error is not None:
                    raise error

        with pytest.raises(acurl.ProtocolError, match="after 1 of 9 bytes"):
            await leave(1, None)
        with pytest.raises(KeyError):  # what else went wrong is not hidden
            await leave(2, KeyError())

    run_wrapper(body)


@pytest.mark.parametrize(
    ("limits", "kind"),
    [
        (acurl.Timeout(None, read=0.2, total=30), acurl.ReadTimeout),
        (acurl.Timeout(None, total=0.3), acurl.TotalTimeout),
    ],
)
def test_limits_in_mid_stream(
    run_wrapper: RunWrapper, raw_server: RawServerFactory, limits: Any, kind: type
) -> None:
    gone: list[bytes] = []
    url = raw_server(silent(OK + b"Content-Length: 9\r\n\r\nabc", gone)).url

    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session()
        calls = Calls(session)
        response = await session.get(url, stream=True, timeout=limits)
        came, error = await read_to_failure(response)
        assert (came, type(error)) == (3, kind)
        assert (calls.responses, calls.errors) == ([], [error])
        assert 0.2 <= error.total_time < 10
        await until(lambda: gone == [b""])

    run_wrapper(body)


def test_the_total_limit_does_not_wait_for_a_slow_reader(
    run_wrapper: RunWrapper, raw_server: RawServerFactory
) -> None:
    def script(connection: Connection) -> None:
        connection.read_head()
        connection.send(OK + b"\r\n")
        while True:
            connection.send(b"x" * 65536)

    url = raw_server(script).url

    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session()
        calls = Calls(session)
        limits = acurl.Timeout(None, read=0.1, total=0.5)
        response = await session.get(url, stream=True, timeout=limits)
        await until(lambda: bool(calls.errors))
        came, error = await read_to_failure(response)
        assert came >= 64 * 1024
        assert type(error) is acurl.TotalTimeout
        assert calls.errors == [error]

    run_wrapper(body)


def test_cancelling_while_the_head_is_awaited(
    run_wrapper: RunWrapper, raw_server: RawServerFactory
) -> None:
    gone: list[bytes] = []
    url = raw_server(silent(OK, gone)).url

    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session()
        calls = Calls(session)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await session.get(url, stream=True)
        await until(lambda: gone == [b""])
        waiting = session.get(url, stream=True)
        waiting.send(None)
        waiting.close()  # as at the end of a loop
        del waiting
        gc.collect()
        assert (calls.responses, calls.errors) == ([], [])

    run_wrapper(body)


def test_cancelling_while_a_piece_is_awaited(
    run_wrapper: RunWrapper, raw_server: RawServerFactory, gate: Gate
) -> None:
    url = raw_server(held(gate, OK + b"Content-Length: 6\r\n\r\n", b"abcdef")).url

    async def body(wrapper: acurl.CurlWrapper) -> None:
        response = await wrapper.session().get(f"{url}/held", stream=True)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await anext(response.stream())
        gate.open()
        assert await response.read() == b"abcdef"  # it can be read on

    run_wrapper(body)


def test_a_stream_has_one_reader(
    run_wrapper: RunWrapper, raw_server: RawServerFactory, gate: Gate
) -> None:
    url = raw_server(held(gate, OK + b"Content-Length: 6\r\n\r\n", b"abcdef")).url

    async def body(wrapper: acurl.CurlWrapper) -> None:
        response = await wrapper.session().get(f"{url}/held", stream=True)
        first = asyncio.ensure_future(response.read())
        await asyncio.sleep(0)
        with pytest.raises(acurl.AcurlError, match="is being read by another task: a stream has"):
            await response.read()
        gate.open()
        assert await first == b"abcdef"

    run_wrapper(body)


def test_the_wrapper_is_closed(
    run_wrapper: RunWrapper, raw_server: RawServerFactory, gate: Gate
) -> None:
    url = raw_server(held(gate, OK + b"Content-Length: 9\r\n\r\nabc")).url

    async def body(_unused: acurl.CurlWrapper) -> None:
        wrapper = acurl.CurlWrapper(asyncio.get_running_loop())
        session = wrapper.session()
        responses = [await session.get(f"{url}/held", stream=True) for _ in range(2)]
        pieces = responses[0].stream()
        assert await anext(pieces) == b"abc"
        waiting = asyncio.ensure_future(anext(pieces))
        await asyncio.sleep(0)
        wrapper.close()
        with pytest.raises(acurl.EngineClosed, match="closed while the request ran"):
            await waiting
        with pytest.raises(acurl.EngineClosed):
            await responses[1].read()
        await responses[0].aclose()

    run_wrapper(body)


def test_redirects_are_followed_and_told(run_wrapper: RunWrapper, nginx: Nginx) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session()
        calls = Calls(session)
        response = await session.get(f"{nginx.http}/redirect/302", stream=True)
        assert [one.status_code for one in calls.responses[:1]] == [302]
        await response.read()
        assert [one.status_code for one in response.history] == [302]
        assert [*response.history, response] == calls.responses
        assert [one.download_size for one in calls.responses[1:]] == [17]
        assert calls.errors == []
        with pytest.raises(acurl.TooManyRedirects):
            await session.get(f"{nginx.http}/loop", stream=True)
        response = await session.get(f"{nginx.http}/loop", stream=True, allow_redirects=False)
        assert (response.status_code, len(await response.read()) > 0) == (302, True)

    run_wrapper(body)


def test_what_a_callback_raises_comes_out_where_the_body_is_read(
    run_wrapper: RunWrapper, raw_server: RawServerFactory, gate: Gate
) -> None:
    url = raw_server(held(gate, OK + b"Content-Length: 3\r\n\r\n", b"abc")).url

    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session()

        def fail(_response: acurl._Response) -> None:
            raise KeyError("callback")

        session.set_response_callback(fail)
        response = await session.get(f"{url}/held", stream=True)
        gate.open()
        with pytest.raises(KeyError, match="callback"):
            await response.read()

    run_wrapper(body)


def test_the_end_of_a_stream_brings_no_old_cookies(
    run_wrapper: RunWrapper, raw_server: RawServerFactory, gate: Gate
) -> None:
    first = OK + b"Set-Cookie: sid=old\r\nContent-Length: 3\r\n\r\n"
    url = raw_server(held(gate, first, b"abc")).url

    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session()
        response = await session.get(f"{url}/held", stream=True)
        assert session.cookies() == {"sid": "old"}
        await session.get(url, cookies={"sid": "new"})
        gate.open()
        await response.read()
        assert session.cookies() == {"sid": "new"}

    run_wrapper(body)


def test_an_answer_that_is_passed_on(
    run_wrapper: RunWrapper, raw_server: RawServerFactory, gate: Gate, nginx: Nginx
) -> None:
    first = OK + b"Content-Length: 9\r\n\r\nabc"
    url = raw_server(held(gate, first, b"def", close=True)).url

    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session()
        large = await session.get(f"{nginx.http}/large", stream=True)
        response = await session.post(f"{nginx.http}/sink", data=large.stream())
        assert response.text == f"{1 << 20}\n"
        broken = await session.get(f"{url}/held", stream=True)
        gate.open()
        with pytest.raises(
            acurl.RequestError, match="iterator failed after 6 bytes: Proto"
        ) as raised:
            await session.post(f"{nginx.http}/sink", data=broken.stream())
        assert type(raised.value.__cause__) is acurl.ProtocolError

    run_wrapper(body)


@pytest.mark.parametrize("stream", [False, True])
def test_discarded_bodies_are_counted(
    run_wrapper: RunWrapper, raw_server: RawServerFactory, *, stream: bool
) -> None:
    size = 3 * (1 << 20)

    def script(connection: Connection) -> None:
        while connection.read_head():
            connection.send(OK + b"Content-Length: %d\r\n\r\n" % size, b"x" * size)

    url = raw_server(script).url

    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session(discard_body=True)
        response = await session.get(url, stream=stream)
        assert len(await response.read()) == (size if stream else 0)
        assert response.download_size == size

    run_wrapper(body, max_response_size=4 << 20 if stream else 1 << 20)
