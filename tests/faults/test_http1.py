"""Servers that break a connection or HTTP/1.1: each fault its own error, and nobody else's."""

import re
import socket
from collections.abc import Iterator
from typing import Any

import pytest

import acurl
from tests.acurl.conftest import RunWrapper
from tests.conftest import RawServerFactory
from tests.faults.bystanders import meet
from tests.servers.raw import Connection, Script

TIMES = 20

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
TEN_BYTES = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n"


def answering(*parts: bytes, reset: bool = False) -> Script:
    """A script that says these bytes to a request, then ends the connection."""

    def script(connection: Connection) -> None:
        connection.read_head()
        connection.send(*parts)
        if reset:
            connection.reset()

    return script


def reset_at_once(connection: Connection) -> None:
    connection.reset()


FAULTS: dict[str, tuple[Script, type[acurl.AcurlError], tuple[int, ...], str]] = {
    # The reset may come while connecting, while sending, or before the answer.
    "reset at connect": (reset_at_once, acurl.ConnectError, (7, 55, 56), "onnect"),
    "closed without a word": (answering(), acurl.ConnectError, (52,), "Empty reply|nothing"),
    "reset before an answer": (
        answering(reset=True),
        acurl.ConnectError,
        (56,),
        "the server broke the connection before it answered: .*reset",
    ),
    "reset after headers": (
        answering(TEN_BYTES, reset=True),
        acurl.ConnectError,
        (56,),
        "the server broke the connection in the middle of its answer: .*reset",
    ),
    "reset in the body": (
        answering(TEN_BYTES, b"12345", reset=True),
        acurl.ConnectError,
        (56,),
        "the server broke the connection in the middle of its answer: .*reset",
    ),
    "body ends early": (
        answering(TEN_BYTES, b"12345"),
        acurl.ProtocolError,
        (18,),
        "the body ended after 5 of 10 bytes",
    ),
    "no last chunk": (
        answering(CHUNKED, b"5\r\nhello\r\n"),
        acurl.ProtocolError,
        (18,),
        "the body ended after 5 bytes, before its last chunk",
    ),
    "half a chunk": (
        answering(CHUNKED, b"5\r\nhe"),
        acurl.ProtocolError,
        (18,),
        "the body ended after 2 bytes, before its last chunk",
    ),
    "no number of a chunk": (
        answering(CHUNKED, b"5\r\nhello\r\nxyz\r\n"),
        acurl.ProtocolError,
        (56,),
        "a chunk of the body is malformed",
    ),
    "chunk longer than it says": (
        answering(CHUNKED, b"5\r\nhello!\r\n0\r\n\r\n"),
        acurl.ProtocolError,
        (56,),
        "a chunk of the body is malformed",
    ),
    "chunk of 2^80 bytes": (
        answering(CHUNKED, b"f" * 20 + b"\r\n"),
        acurl.ProtocolError,
        (56,),
        "a chunk of the body is malformed",
    ),
    "another protocol": (
        answering(b"220 mail.example ESMTP\r\n"),
        acurl.ProtocolError,
        (1,),
        "what answers does not speak HTTP",
    ),
    "unknown version": (
        answering(b"HTTP/7.1 200 OK\r\n\r\n"),
        acurl.ProtocolError,
        (1,),
        "the server's answer is broken",
    ),
    "negative length": (
        answering(b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"),
        acurl.ProtocolError,
        (8,),
        "the server's answer is broken",
    ),
    "no gzip in gzip": (
        answering(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello"),
        acurl.ProtocolError,
        (61,),
        "content unencoding",
    ),
    "ten encodings": (
        answering(
            b"HTTP/1.1 200 OK\r\nContent-Encoding: " + b", ".join([b"gzip"] * 10) + b"\r\n\r\n"
        ),
        acurl.ProtocolError,
        (61,),
        "5 content encodings",
    ),
}


@pytest.fixture
def refusing_url() -> Iterator[str]:
    """A port that is bound, so nobody else gets it, and refuses connections."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}/path"


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_has_its_error_and_harms_nobody(
    run_wrapper: RunWrapper, raw_server: RawServerFactory, fault: str
) -> None:
    script, kind, codes, words = FAULTS[fault]
    url = raw_server(script).url + "/path"
    errors = run_wrapper(lambda wrapper: meet(wrapper, url, times=TIMES))
    assert {type(error) for error in errors} == {kind}
    assert {error.code for error in errors} <= set(codes)
    for error in errors:
        assert error.request is not None
        assert error.request.url == url
        if error.code != 7:
            assert error.primary_ip == "127.0.0.1"
            assert error.connect_time > 0
        assert re.search(words, str(error)), str(error)


def test_a_refused_connection(run_wrapper: RunWrapper, refusing_url: str) -> None:
    errors = run_wrapper(lambda wrapper: meet(wrapper, refusing_url, times=TIMES))
    assert {(type(error), error.code) for error in errors} == {(acurl.ConnectError, 7)}
    assert all("check that the server runs" in str(error) for error in errors)
    assert {error.connect_time for error in errors} == {0}


def test_a_fault_on_a_kept_connection_is_met_by_one_repeat(
    run_wrapper: RunWrapper, raw_server: RawServerFactory
) -> None:
    """A server may end a kept connection just when the next request is on its way."""

    def once_per_connection(connection: Connection) -> None:
        connection.read_head()
        connection.respond()
        if connection.number == 1:
            connection.read_head()  # and no answer to it
        else:
            connection.read_until_closed()

    server = raw_server(once_per_connection)

    async def body(wrapper: acurl.CurlWrapper) -> Any:
        session = wrapper.session(timeout=10)
        await session.get(server.url)
        return await session.get(server.url)

    response = run_wrapper(body)
    assert (response.status_code, response.retries, server.accepted) == (200, 1, 2)
