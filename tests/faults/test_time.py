"""Servers that are slow or silent: each limit strikes on time, and only who met it."""

import asyncio
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest

import acurl
from tests.acurl.conftest import RunWrapper
from tests.conftest import RawServerFactory
from tests.faults.bystanders import meet
from tests.faults.conftest import H2ServerFactory
from tests.servers.conditions import wait_until
from tests.servers.h2raw import H2Connection
from tests.servers.raw import Connection

LIMIT = 0.3
EARLY, LATE = 0.05, 0.25
"""What a limit may be off on a busy machine; alone it strikes within 5 ms of its time. Early is
what the transfer waited to be started: the limit counts from the request, `total_time` does not."""

TCP_ESTABLISHED = 1


def silent(connection: Connection) -> None:
    """Reads all, answers nothing."""
    connection.read_until_closed()


def half_a_hello(connection: Connection) -> None:
    """Begins a TLS handshake and goes no further."""
    connection.sock.recv(65536)
    connection.send(b"\x16\x03\x03\x00\x7a\x02\x00\x00\x76\x03\x03")
    connection.read_until_closed()


def deaf(connection: Connection) -> None:
    """Reads the head, then nothing more while the connection stands."""
    connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.read_head()

    def gone() -> bool:
        (state,) = connection.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)
        return bool(state != TCP_ESTABLISHED)

    wait_until(gone, "the end of the connection", 30)


def dripping(pace: float, start: bytes, drop: bytes) -> Any:
    """Says `start` at once, then a `drop` each `pace` seconds, for ever."""

    def script(connection: Connection) -> None:
        connection.read_head()
        connection.send(start)
        while True:
            time.sleep(pace)  # the pace of this server is what is tested
            connection.send(drop)

    return script


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


def strike(
    run_wrapper: RunWrapper,
    url: str,
    limits: acurl.Timeout,
    kind: type[acurl.AcurlError],
    **options: Any,
) -> None:
    """Ten requests meet this limit at once, beside bystanders, each on time."""
    limit = limits.connect or limits.read or limits.write or limits.total or 0
    within = limit + LATE

    async def body(wrapper: acurl.CurlWrapper) -> list[acurl.AcurlError]:
        return await meet(wrapper, url, times=10, within=within, timeout=limits, **options)

    errors = run_wrapper(body)
    assert {(type(error), error.code) for error in errors} == {(kind, 28)}
    name = kind.__name__.removesuffix("Timeout").lower()
    assert all(f"Timeout({name}=...)" in str(error) for error in errors)
    late = [error.total_time - limit for error in errors]
    print(f"{name}: {1000 * min(late):.1f} to {1000 * max(late):.1f} ms after the limit")
    assert min(late) >= -EARLY
    assert max(late) <= LATE


def test_connect(run_wrapper: RunWrapper, full_port: str) -> None:
    limits = acurl.Timeout(None, connect=LIMIT, total=None)
    strike(run_wrapper, full_port, limits, acurl.ConnectTimeout)


@pytest.mark.parametrize("script", [silent, half_a_hello])
def test_connect_in_the_tls_handshake(
    run_wrapper: RunWrapper, raw_server: RawServerFactory, script: Any
) -> None:
    url = raw_server(script).url.replace("http:", "https:") + "/"
    limits = acurl.Timeout(None, connect=LIMIT, total=None)
    strike(run_wrapper, url, limits, acurl.ConnectTimeout)


def test_read(run_wrapper: RunWrapper, raw_server: RawServerFactory) -> None:
    limits = acurl.Timeout(None, read=LIMIT, total=None)
    strike(run_wrapper, raw_server(silent).url, limits, acurl.ReadTimeout)


def test_total(run_wrapper: RunWrapper, raw_server: RawServerFactory) -> None:
    limits = acurl.Timeout(None, total=LIMIT)
    strike(run_wrapper, raw_server(silent).url, limits, acurl.TotalTimeout)


def test_write(run_wrapper: RunWrapper, raw_server: RawServerFactory) -> None:
    """The time counts from the last byte that went, which is later than the start."""
    limits = acurl.Timeout(None, write=LIMIT, total=None)

    async def body(wrapper: acurl.CurlWrapper) -> list[acurl.AcurlError]:
        return await meet(
            wrapper, raw_server(deaf).url, method="POST", data=bytes(30_000_000), timeout=limits
        )

    (error,) = run_wrapper(body)
    assert (type(error), error.code) == (acurl.WriteTimeout, 28)
    assert LIMIT - EARLY <= error.total_time <= LIMIT + 5


@pytest.mark.parametrize(
    ("start", "drop"),
    [(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"), (b"HTTP/1.1 200 OK\r\n\r\n", b"y")],
    ids=["header lines", "bytes of a body"],
)
@pytest.mark.parametrize(
    ("pace", "read", "total"),
    [(0.05, 0.4, 0.8), pytest.param(1.0, 2.5, 4.5, marks=pytest.mark.slow)],
    ids=["quick", "one a second"],
)
def test_what_trickles_keeps_the_read_limit_away_but_not_the_total_one(
    run_wrapper: RunWrapper,
    raw_server: RawServerFactory,
    start: bytes,
    drop: bytes,
    pace: float,
    read: float,
    total: float,
) -> None:
    """A header line is told when the next one shows that it is not continued, so a drop later."""
    url = raw_server(dripping(pace, start, drop)).url
    limits = acurl.Timeout(None, read=read, total=total)
    (error,) = run_wrapper(lambda wrapper: meet(wrapper, url, timeout=limits))
    assert type(error) is acurl.TotalTimeout
    print(f"total: {1000 * (error.total_time - total):.1f} ms after the limit")
    assert -EARLY <= error.total_time - total <= LATE


def test_half_a_header_line_counts_as_silence(
    run_wrapper: RunWrapper, raw_server: RawServerFactory
) -> None:
    """libcurl tells of a line when it is complete."""
    url = raw_server(dripping(0.05, b"HTTP/1.1 200 OK\r\nX-Slow: ", b"y")).url
    limits = acurl.Timeout(None, read=LIMIT, total=20)
    (error,) = run_wrapper(lambda wrapper: meet(wrapper, url, timeout=limits))
    assert type(error) is acurl.ReadTimeout


@pytest.mark.parametrize("limit", ["read", "total"])
def test_a_limit_of_one_stream_leaves_the_others_of_its_connection(
    run_wrapper: RunWrapper, h2_server: H2ServerFactory, limit: str
) -> None:
    """/slow gets half an answer; the others are answered when its stream has been reset."""

    def script(connection: H2Connection) -> None:
        requests = connection.requested(10)
        for request in requests:
            connection.headers(request.stream)
            connection.data(request.stream, b"half")
        slow = next(request for request in requests if request.path == "/slow")
        while not slow.reset:
            assert connection.receive()
        for request in requests:
            if request is not slow:
                connection.data(request.stream, b" and half", end=True)
        connection.respond(connection.requested(11)[-1].stream, b"after")
        connection.until_gone()

    server = h2_server(script)
    limits = acurl.Timeout(None, **{"total": None, limit: LIMIT})

    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session("2-prior-knowledge", timeout=20)
        patient = [asyncio.ensure_future(session.get(f"{server.url}/{n}")) for n in range(9)]
        with pytest.raises(TimeoutError) as caught:
            await session.get(f"{server.url}/slow", timeout=limits)
        assert type(caught.value).__name__.lower() == f"{limit}timeout"
        responses = await asyncio.gather(*patient)
        responses.append(await session.get(f"{server.url}/after"))
        assert [one.body for one in responses] == [b"half and half"] * 9 + [b"after"]
        assert {(one.connection_id, one.retries) for one in responses} == {(0, 0)}

    run_wrapper(body)
    assert server.accepted == 1
