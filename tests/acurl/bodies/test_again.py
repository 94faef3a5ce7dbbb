"""Bodies that have to be sent a second time: to a server that asks who it is, or says not now."""

import hashlib
import io
import os
from collections.abc import Callable
from typing import Any

import pytest

import acurl
from tests.acurl.conftest import RunWrapper
from tests.acurl.echo import headers_of
from tests.acurl.uploads import Upload, receive
from tests.conftest import RawServerFactory
from tests.servers.h2raw import H2Connection, H2Server
from tests.servers.raw import Connection

BLOCK = os.urandom(65536)
REFUSED_STREAM = 7

# Below and above what is kept of a body until it is clear that nobody wants it again.
SIZES = [1, 48]
SOURCES: dict[str, Callable[[int], Any]] = {
    "iterator": lambda count: iter([BLOCK] * count),
    "list": lambda count: [BLOCK] * count,
    "function": lambda count: lambda: iter([BLOCK] * count),
    "file": lambda count: io.BytesIO(BLOCK * count),
    "bytes": lambda count: BLOCK * count,
}


def asking(connection: Connection) -> None:
    """Says how many bytes came, and their hash, once it knows from whom."""
    while head := connection.read_head():
        upload = Upload("POST", "/", dict(headers_of(head)), connection.number)
        receive(connection, upload)
        if upload.headers.get("authorization", "").startswith("Digest "):
            connection.respond(hashlib.sha256(upload.body).hexdigest().encode())
        else:
            challenge = 'WWW-Authenticate: Digest realm="r", nonce="n", qop="auth"'
            connection.respond(b"", "401 Unauthorized", challenge)


@pytest.mark.parametrize("kind", SOURCES)
@pytest.mark.parametrize("stream", [False, True])
def test_digest(
    run_wrapper: RunWrapper, raw_server: RawServerFactory, kind: str, *, stream: bool
) -> None:
    url = raw_server(asking).url

    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session(auth=acurl.Digest("ada", "lovelace"))
        for count in SIZES:
            response = await session.post(url, data=SOURCES[kind](count), stream=stream)
            await response.read()
            assert (response.status_code, response.retries) == (200, 0)
            assert response.text == hashlib.sha256(BLOCK * count).hexdigest()

    run_wrapper(body)


def refusing_once(*, count: int) -> Callable[[H2Connection], None]:
    """Takes most of the first body and refuses it, and takes all others."""

    def script(connection: H2Connection) -> None:
        (request,) = connection.requested(complete=False)
        while len(request.body) < count * len(BLOCK) // 2:
            connection.receive()
        connection.reset(request.stream, REFUSED_STREAM)
        answered = {request.stream}
        while True:
            for number, other in list(connection.requests.items()):
                if other.complete and number not in answered:
                    answered.add(number)
                    connection.respond(number, hashlib.sha256(other.body).hexdigest().encode())
            if not connection.receive():
                return

    return script


def refusing_first(*, count: int) -> Callable[[H2Connection], None]:
    """The same, on the first connection only."""
    refuse = refusing_once(count=count)

    def script(connection: H2Connection) -> None:
        if connection.number == 1:
            refuse(connection)
            return
        (request,) = connection.requested()
        connection.respond(request.stream, hashlib.sha256(request.body).hexdigest().encode())
        connection.until_gone()

    return script


@pytest.mark.parametrize("kind", SOURCES)
@pytest.mark.parametrize("count", SIZES)
def test_a_refused_stream(run_wrapper: RunWrapper, kind: str, count: int) -> None:
    async def body(wrapper: acurl.CurlWrapper, url: str) -> None:
        session = wrapper.session(http_version="2-prior-knowledge")
        if kind == "iterator" and count > 16:  # its beginning is gone
            with pytest.raises(acurl.AcurlError):
                await session.post(url, data=SOURCES[kind](count))
            return
        response = await session.post(url, data=SOURCES[kind](count))
        assert response.text == hashlib.sha256(BLOCK * count).hexdigest()

    with H2Server(refusing_first(count=count)) as server:
        run_wrapper(lambda wrapper: body(wrapper, server.url))
    assert server.failures == []


@pytest.mark.parametrize("run_async", ["uvloop"], indirect=True)
@pytest.mark.parametrize("max_retries", [0, 3])
def test_beginning_again_counts_as_a_repeat(run_wrapper: RunWrapper, max_retries: int) -> None:
    async def body(wrapper: acurl.CurlWrapper, url: str) -> None:
        session = wrapper.session(http_version="2-prior-knowledge")
        sending = session.post(url, data=[BLOCK] * 48)
        if max_retries:
            assert (await sending).retries == 1
        else:
            with pytest.raises(acurl.AcurlError):
                await sending

    with H2Server(refusing_first(count=48)) as server:
        run_wrapper(lambda wrapper: body(wrapper, server.url), max_retries=max_retries)
