"""Servers that break HTTP/2, or use all that it allows: one stream, one connection, nobody else."""

import asyncio
import re
from typing import Any

import pytest

import acurl
from tests.acurl.conftest import RunWrapper
from tests.conftest import RawServerFactory
from tests.faults.bystanders import meet
from tests.faults.conftest import H2ServerFactory
from tests.servers.certificates import Certificates
from tests.servers.h2raw import (
    DATA,
    END_HEADERS,
    END_STREAM,
    HEADERS,
    H2Connection,
    H2Request,
    H2Script,
    frame,
)
from tests.servers.raw import Connection

REFUSED_STREAM, HTTP_1_1_REQUIRED = 7, 13
ERROR_CODES = {
    1: "PROTOCOL_ERROR",
    2: "INTERNAL_ERROR",
    3: "FLOW_CONTROL_ERROR",
    5: "STREAM_CLOSED",
    6: "FRAME_SIZE_ERROR",
    8: "CANCEL",
    9: "COMPRESSION_ERROR",
    10: "CONNECT_ERROR",
    11: "ENHANCE_YOUR_CALM",
    12: "INADEQUATE_SECURITY",
}
WITHIN = 3.0
"""Seconds in which a fault must be told; without a fault, nothing here takes as long."""


def resetting(code: int, *, half: bool = False) -> H2Script:
    """RST_STREAM instead of an answer, or in the middle of one."""

    def script(connection: H2Connection) -> None:
        (request,) = connection.requested()
        if half:
            connection.headers(request.stream)
            connection.data(request.stream, b"half")
        connection.reset(request.stream, code)
        connection.until_gone()

    return script


def writing(*frames: bytes) -> H2Script:
    """These frames instead of an answer; the connection stays open."""

    def script(connection: H2Connection) -> None:
        connection.requested()
        connection.write(*frames)
        connection.until_gone()

    return script


def flooding(connection: H2Connection) -> None:
    connection.requested()
    while True:
        connection.settings(10_000)


def pushing(connection: H2Connection) -> None:
    (request,) = connection.requested()
    connection.push(request.stream, 2)
    connection.until_gone()


def closing(connection: H2Connection) -> None:
    connection.requested()
    connection.end()


def closing_half_way(connection: H2Connection) -> None:
    (request,) = connection.requested()
    connection.headers(request.stream, ("content-length", "10"))
    connection.data(request.stream, b"half")
    connection.end()


FAULTS: dict[str, tuple[H2Script, type[acurl.AcurlError], int, str]] = {
    "SETTINGS flood": (flooding, acurl.ProtocolError, 56, "flooded the HTTP/2 connection"),
    "headers of no stream": (
        writing(frame(HEADERS, END_HEADERS, 0, b"\x88")),
        acurl.ProtocolError,
        16,
        r"broke the rules of HTTP/2 \(PROTOCOL_ERROR\)",
    ),
    "frame too large": (
        writing(frame(DATA, 0, 1, bytes(20_000))),
        acurl.ProtocolError,
        16,
        r"broke the rules of HTTP/2 \(FRAME_SIZE_ERROR\)",
    ),
    "bad compression": (
        writing(frame(HEADERS, END_HEADERS, 1, b"\xff" * 6)),
        acurl.ProtocolError,
        16,
        r"broke the rules of HTTP/2 \(COMPRESSION_ERROR\)",
    ),
    "PUSH_PROMISE": (pushing, acurl.ProtocolError, 92, "a frame that HTTP/2 does not allow"),
    "close without GOAWAY": (closing, acurl.ConnectError, 16, "closed the HTTP/2 connection"),
    "close in the body": (
        closing_half_way,
        acurl.ProtocolError,
        18,
        "the body ended after 4 of 10 bytes",
    ),
}


def one(
    run_wrapper: RunWrapper, url: str, version: Any = "2-prior-knowledge", **options: Any
) -> acurl.AcurlError:
    """The error of one request beside bystanders, which needs no limit to be told."""

    async def body(wrapper: acurl.CurlWrapper) -> acurl.AcurlError:
        session = wrapper.session(version, timeout=acurl.Timeout(None, total=None))
        (error,) = await meet(wrapper, url, session=session, within=WITHIN, **options)
        return error

    return run_wrapper(body)


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_has_its_error_and_harms_nobody(
    run_wrapper: RunWrapper, h2_server: H2ServerFactory, fault: str
) -> None:
    script, kind, code, words = FAULTS[fault]
    error = one(run_wrapper, h2_server(script).url + "/path")
    assert (type(error), error.code, error.retries) == (kind, code, 0)
    assert re.search(words, str(error)), str(error)


@pytest.mark.parametrize("fault", ["headers of no stream", "frame too large", "bad compression"])
def test_a_broken_frame_on_a_connection_in_use_is_told_at_once(
    run_wrapper: RunWrapper, h2_server: H2ServerFactory, fault: str
) -> None:
    """libcurl only notes it; no limit is needed to hear of it."""
    script, kind, code, _words = FAULTS[fault]

    def used(connection: H2Connection) -> None:
        connection.respond(connection.requested()[0].stream)
        connection.requests.clear()
        script(connection)

    server = h2_server(used)

    async def body(wrapper: acurl.CurlWrapper) -> acurl.AcurlError:
        session = wrapper.session("2-prior-knowledge", timeout=acurl.Timeout(None, total=None))
        await session.get(server.url)
        async with asyncio.timeout(WITHIN):
            with pytest.raises(kind) as caught:
                await session.post(server.url, data=b"not safe to repeat")
        return caught.value

    assert run_wrapper(body).code == code


@pytest.mark.parametrize("code", ERROR_CODES)
@pytest.mark.parametrize("half", [False, True], ids=["before", "after headers"])
def test_a_reset_stream_is_told_by_name(
    run_wrapper: RunWrapper, h2_server: H2ServerFactory, code: int, half: bool
) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> acurl.StreamError:
        url = h2_server(resetting(code, half=half)).url
        with pytest.raises(acurl.StreamError) as caught:
            await wrapper.session("2-prior-knowledge", timeout=10).get(url)
        return caught.value

    error = run_wrapper(body)
    name = ERROR_CODES[code]
    assert (error.code, error.stream_error, error.retries) == (92, name, 0)
    assert f"the server reset the stream with {name}: " in str(error)


def test_a_reset_stream_beside_bystanders(
    run_wrapper: RunWrapper, h2_server: H2ServerFactory
) -> None:
    error = one(run_wrapper, h2_server(resetting(2, half=True)).url + "/path")
    assert type(error) is acurl.StreamError
    assert "others on the connection go on" in str(error)


def test_an_answer_before_the_whole_request_is_an_answer(
    run_wrapper: RunWrapper, h2_server: H2ServerFactory
) -> None:
    """A server may answer early and say, without an error, that it wants no more."""

    def script(connection: H2Connection) -> None:
        connection.opens_windows = False
        (request,) = connection.requested(complete=False)
        connection.respond(request.stream, b"enough")
        connection.reset(request.stream, 0)
        connection.until_gone()

    async def body(wrapper: acurl.CurlWrapper) -> bytes:
        session = wrapper.session("2-prior-knowledge", timeout=10)
        return (await session.post(h2_server(script).url, data=bytes(10**6))).body

    assert run_wrapper(body) == b"enough"


def test_an_end_of_the_connection_before_the_whole_request(
    run_wrapper: RunWrapper, h2_server: H2ServerFactory
) -> None:
    def script(connection: H2Connection) -> None:
        connection.opens_windows = False
        (request,) = connection.requested(complete=False)
        connection.respond(request.stream, b"enough")
        connection.end()

    error = one(run_wrapper, h2_server(script).url, method="POST", data=bytes(10**6))
    assert (type(error), error.code) == (acurl.ProtocolError, 18)
    assert "the server ended the answer before it had the whole request" in str(error)


def test_a_reset_stream_leaves_its_neighbours(
    run_wrapper: RunWrapper, h2_server: H2ServerFactory
) -> None:
    def script(connection: H2Connection) -> None:
        requests = connection.requested(10)
        for request in requests:
            connection.headers(request.stream)
        connection.reset(next(each.stream for each in requests if each.path == "/5"), 8)
        for request in requests:
            if request.path != "/5":
                connection.data(request.stream, request.path.encode(), end=True)
        connection.respond(connection.requested(11)[10].stream, b"after")
        connection.until_gone()

    server = h2_server(script)

    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session("2-prior-knowledge", timeout=10)
        results = await asyncio.gather(
            *(session.get(f"{server.url}/{number}") for number in range(10)),
            return_exceptions=True,
        )
        reset = results.pop(5)
        assert isinstance(reset, acurl.StreamError)
        assert reset.stream_error == "CANCEL"
        expected = [f"/{number}".encode() for number in (0, 1, 2, 3, 4, 6, 7, 8, 9)]
        assert [getattr(result, "body", result) for result in results] == expected
        after = await session.get(f"{server.url}/after")
        assert (after.body, after.connection_id, after.reused) == (b"after", 0, True)

    run_wrapper(body)


def test_ten_thousand_frames_of_one_byte(
    run_wrapper: RunWrapper, h2_server: H2ServerFactory
) -> None:
    def script(connection: H2Connection) -> None:
        (request,) = connection.requested()
        connection.headers(request.stream)
        connection.write(*[frame(DATA, 0, request.stream, b"x") * 1000] * 10)
        connection.write(frame(DATA, END_STREAM, request.stream, b""))
        connection.until_gone()

    async def body(wrapper: acurl.CurlWrapper) -> bytes:
        session = wrapper.session("2-prior-knowledge", timeout=10)
        return (await session.get(h2_server(script).url)).body

    assert run_wrapper(body) == b"x" * 10_000


@pytest.mark.parametrize("stays_open", [True, False], ids=["open", "closed"])
def test_http_1_where_http_2_was_asked_for(
    run_wrapper: RunWrapper, raw_server: RawServerFactory, stays_open: bool
) -> None:
    def script(connection: Connection) -> None:
        connection.sock.recv(65536)
        connection.send(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 4\r\n\r\nbad\n")
        if stays_open:
            connection.read_until_closed()

    error = one(run_wrapper, raw_server(script).url)
    assert (type(error), error.code) == (acurl.ProtocolError, 16)
    assert "what answers does not speak HTTP/2" in str(error)
    assert "http_version='auto' or '1.1'" in str(error)


def test_a_server_may_ask_for_http_1(
    run_wrapper: RunWrapper, certificates: Certificates, h2_server: H2ServerFactory
) -> None:
    """HTTP_1_1_REQUIRED is met by the same request over HTTP/1.1, on a connection of its own."""

    def script(connection: H2Connection) -> None:
        if connection.alpn == "h2":
            (request,) = connection.requested()
            connection.reset(request.stream, HTTP_1_1_REQUIRED)
            connection.until_gone()
        else:
            connection.raw.read_head()
            connection.raw.respond(b"as you like")

    protocols = ("h2", "http/1.1")
    server = h2_server(script, certificate=certificates.good, protocols=protocols)

    async def body(wrapper: acurl.CurlWrapper) -> acurl._Response:
        session = wrapper.session(verify=str(certificates.ca_file), timeout=10)
        return await session.get(server.url)

    response = run_wrapper(body)
    assert (response.body, response.http_version) == (b"as you like", "1.1")
    assert (response.retries, server.accepted) == (1, 2)


def test_a_window_that_never_opens_is_a_write_timeout(
    run_wrapper: RunWrapper, h2_server: H2ServerFactory
) -> None:
    """The first request takes the setting of 0 along, so that not a byte of the second can go."""

    def script(connection: H2Connection) -> None:
        connection.opens_windows = False
        connection.respond(connection.requested()[0].stream)
        connection.until_gone()

    server = h2_server(script, initial_window=0)

    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session("2-prior-knowledge")
        await session.get(server.url)
        limits = acurl.Timeout(None, write=0.3, total=10)
        (error,) = await meet(
            wrapper, server.url, session=session, method="POST", data=bytes(10**6), timeout=limits
        )
        assert type(error) is acurl.WriteTimeout
        assert 0.3 <= error.total_time < WITHIN
        # Only the stream is gone.
        assert wrapper.stats().opened - wrapper.stats().closed >= 1

    run_wrapper(body)
    sent: list[H2Request] = server.received()
    assert [(len(each.body), each.reset) for each in sent] == [(0, False), (0, True)]
