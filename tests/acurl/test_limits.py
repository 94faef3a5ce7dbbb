"""Each time limit ends the request that passed it, on time, with its own error, and no other."""

import asyncio
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest

import acurl
from tests.acurl.conftest import RunWrapper
from tests.acurl.echo import Echo
from tests.conftest import RawServerFactory
from tests.servers.conditions import wait_until
from tests.servers.nginx import Nginx
from tests.servers.raw import Connection

LIMIT = 0.1
LATE = 0.15
"""How late a limit may strike on a busy machine; alone it is within 50 ms."""

TCP_ESTABLISHED = 1
NEVER = acurl.Timeout(None, total=None)


def silent(connection: Connection) -> None:
    """Reads all, answers nothing."""
    connection.read_until_closed()


def stuttering(connection: Connection) -> None:
    """Answers in pieces, as far apart as the client leaves it open: each asks for the next."""
    connection.read_head()
    connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345")
    connection.read_until_closed()


def deaf(connection: Connection) -> None:
    """Reads the head, then nothing more while the connection stands."""
    connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.read_head()
    wait_until(lambda: not _is_established(connection.sock), "the end of the connection", 30)


def _is_established(sock: socket.socket) -> bool:
    (state,) = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)
    return bool(state == TCP_ESTABLISHED)


@pytest.fixture
def full_port() -> Iterator[str]:
    """A URL whose port accepts nothing more: its queue of connections is full."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        fillers = [socket.socket() for _ in range(3)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
        for filler in fillers:
            filler.close()


def expire(run_wrapper: RunWrapper, url: str, kind: Any, timeout: Any, **options: Any) -> Any:
    """The error of a request that must pass its limit of LIMIT seconds."""

    async def body(wrapper: acurl.CurlWrapper) -> Any:
        session = wrapper.session(verify=False)
        method = "POST" if options else "GET"
        before = time.perf_counter()
        with pytest.raises(kind) as caught:
            await session.request(method, url, timeout=timeout, **options)
        took = time.perf_counter() - before
        assert LIMIT - 0.002 <= took <= LIMIT + LATE
        error = caught.value
        assert type(error) is kind
        assert isinstance(error, TimeoutError)
        assert isinstance(error, acurl.AcurlError)
        assert error.code == 28
        assert str(error).startswith("curl failed with code 28: ")
        assert wrapper.stats().in_flight == 0
        return error

    return run_wrapper(body)


def test_connect_to_a_port_that_does_not_answer(run_wrapper: RunWrapper, full_port: str) -> None:
    limits = acurl.Timeout(None, connect=LIMIT, total=None)
    error = expire(run_wrapper, full_port, acurl.ConnectTimeout, limits)
    assert "Timeout(connect=...)" in str(error)
    assert error.connect_time == 0


def test_connect_covers_tls(run_wrapper: RunWrapper, raw_server: RawServerFactory) -> None:
    url = raw_server(silent).url.replace("http:", "https:")
    limits = acurl.Timeout(None, connect=LIMIT, total=None)
    error = expire(run_wrapper, url, acurl.ConnectTimeout, limits)
    assert 0 < error.connect_time < LIMIT
    assert error.appconnect_time == 0


@pytest.mark.parametrize("script", [silent, stuttering])
def test_total(run_wrapper: RunWrapper, raw_server: RawServerFactory, script: Any) -> None:
    limits = acurl.Timeout(None, total=LIMIT)
    error = expire(run_wrapper, raw_server(script).url, acurl.TotalTimeout, limits)
    assert "Timeout(total=...)" in str(error)
    assert 0 < error.pretransfer_time < LIMIT
    assert (error.starttransfer_time > 0) == (script is stuttering)
    assert LIMIT - 0.005 < error.total_time < LIMIT + LATE


def test_total_while_connecting(run_wrapper: RunWrapper, full_port: str) -> None:
    expire(run_wrapper, full_port, acurl.TotalTimeout, acurl.Timeout(None, total=LIMIT))


@pytest.mark.parametrize("script", [silent, stuttering])
def test_read(run_wrapper: RunWrapper, raw_server: RawServerFactory, script: Any) -> None:
    limits = acurl.Timeout(None, read=LIMIT, total=None)
    error = expire(run_wrapper, raw_server(script).url, acurl.ReadTimeout, limits)
    assert "Timeout(read=...)" in str(error)


def test_read_starts_when_the_body_is_sent(
    run_wrapper: RunWrapper, raw_server: RawServerFactory
) -> None:
    limits = acurl.Timeout(None, read=LIMIT, total=None)
    url = raw_server(silent).url
    error = expire(run_wrapper, url, acurl.ReadTimeout, limits, data=b"x" * 1000)
    assert error.total_time < 1.5 * LIMIT


def test_write(run_wrapper: RunWrapper, raw_server: RawServerFactory) -> None:
    limits = acurl.Timeout(None, write=LIMIT, total=None)
    url = raw_server(deaf).url

    async def body(wrapper: acurl.CurlWrapper) -> None:
        with pytest.raises(acurl.WriteTimeout, match=r"Timeout\(write=...\)") as caught:
            await wrapper.session().post(url, data=bytes(30_000_000), timeout=limits)
        assert isinstance(caught.value, TimeoutError)
        assert LIMIT < caught.value.total_time < 5

    run_wrapper(body)


def test_progress_moves_the_read_limit_on(
    run_wrapper: RunWrapper, raw_server: RawServerFactory
) -> None:
    def dripping(connection: Connection) -> None:
        connection.read_head()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n")
        for _ in range(6):
            time.sleep(0.05)  # the pace of this server is what is tested
            connection.send(b"x")

    async def body(wrapper: acurl.CurlWrapper) -> None:
        limits = acurl.Timeout(None, read=0.2, total=None)
        response = await wrapper.session().get(raw_server(dripping).url, timeout=limits)
        assert response.body == b"xxxxxx"
        assert response.total_time > 0.29

    run_wrapper(body)


def test_limits_of_the_session_hold_unless_the_request_has_its_own(
    run_wrapper: RunWrapper, raw_server: RawServerFactory
) -> None:
    url = raw_server(silent).url

    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session(timeout=acurl.Timeout(total=0.05))
        with pytest.raises(acurl.TotalTimeout):
            await session.get(url)
        with pytest.raises(acurl.ReadTimeout):
            await session.get(url, timeout=acurl.Timeout(read=0.05))
        with pytest.raises(acurl.TotalTimeout):
            await session.get(url)

    run_wrapper(body)


def test_seconds_limit_all_phases(run_wrapper: RunWrapper, raw_server: RawServerFactory) -> None:
    expire(run_wrapper, raw_server(silent).url, acurl.ReadTimeout, LIMIT)


def test_none_is_no_limit(run_wrapper: RunWrapper, echo: Echo) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        for timeout in (None, NEVER):
            assert (await wrapper.session(timeout=timeout).get(echo.url)).status_code == 200

    run_wrapper(body)


@pytest.mark.parametrize("origin", ["http", "https", "h2c"])
def test_a_timeout_disturbs_no_other_request(
    run_wrapper: RunWrapper, nginx: Nginx, origin: str
) -> None:
    version: Any = "2-prior-knowledge" if origin == "h2c" else "auto"

    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session(version, verify=False)
        url = getattr(nginx, origin)
        await session.get(f"{url}/small")
        limits = acurl.Timeout(None, total=0.05)
        slow = [session.get(f"{url}/slow", timeout=limits) for _ in range(10)]
        fast = [session.get(f"{url}/large") for _ in range(10)]
        results = await asyncio.gather(*slow, *fast, return_exceptions=True)
        assert [type(result) for result in results[:10]] == [acurl.TotalTimeout] * 10
        assert [getattr(result, "download_size", result) for result in results[10:]] == [
            1 << 20
        ] * 10
        after = await session.get(f"{url}/small")
        assert after.reused
        if origin != "http":
            assert (after.connection_id, wrapper.stats().opened) == (0, 1)

    run_wrapper(body)


def test_hundreds_of_limits_at_once(run_wrapper: RunWrapper, raw_server: RawServerFactory) -> None:
    url = raw_server(silent).url

    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session(timeout=acurl.Timeout(None, connect=20, total=0.4))
        results = await asyncio.gather(
            *(session.get(url) for _ in range(300)), return_exceptions=True
        )
        assert {type(result) for result in results} == {acurl.TotalTimeout}
        stats = wrapper.stats()
        assert (stats.in_flight, stats.opened - stats.closed) == (0, 0)

    run_wrapper(body)


@pytest.mark.parametrize("seconds", [1e9, 1e15, 1e300])
def test_absurdly_long_limits_mean_never(
    run_wrapper: RunWrapper, echo: Echo, seconds: float
) -> None:
    async def ask(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session(timeout=acurl.Timeout(seconds, total=seconds))
        assert (await session.get(echo.url)).status_code == 200

    run_wrapper(ask)
