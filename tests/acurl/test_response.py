"""What a response says of an answer, on answers of every shape."""

import asyncio
import gzip
import time
from typing import Any

import pytest

import acurl
from tests.acurl.conftest import RunWrapper
from tests.conftest import RawServerFactory
from tests.servers.nginx import Nginx
from tests.servers.raw import Connection, Script

# Codecs of Python that are no text's, always fail, warn, or take time that grows with the square.
NO_CHARSETS = (
    "rot13", "hex", "base64", "uu", "zlib", "undefined",
    "punycode", "idna", "unicode_escape", "raw-unicode-escape",
)  # fmt: skip


def answering(*parts: bytes) -> Script:
    """A script that answers each request with the same bytes, each part in a segment."""

    def script(connection: Connection) -> None:
        while connection.read_head():
            connection.send(*parts)

    return script


def fetch(run_wrapper: RunWrapper, url: str, method: str = "GET", **options: Any) -> Any:
    """The answer to one request, read only after the wrapper was closed."""

    async def body(wrapper: acurl.CurlWrapper) -> Any:
        return await wrapper.session().request(method, url, **options)

    return run_wrapper(body)


def test_all_there_is_to_say(run_wrapper: RunWrapper, nginx: Nginx) -> None:
    before = time.time()
    response = fetch(run_wrapper, f"{nginx.http}/small?all-there-is")
    assert response.status_code == response.response_code == 200
    assert response.ok
    assert response.url == f"{nginx.http}/small?all-there-is"
    assert response.redirect_url is None
    assert response.history == []
    assert (response.http_version, response.primary_ip) == ("1.1", "127.0.0.1")
    assert (response.reused, response.connection_id, response.retries) == (False, 0, 0)
    assert (response.upload_size, response.download_size) == (0, 17)
    assert response.body == response.content == b"hello from nginx\n"
    assert response.text == "hello from nginx\n"
    assert (response.request.method, response.request.url) == (b"GET", response.url)
    assert response.request.to_curl() == f"curl -X GET '{response.url}'"
    assert before - 0.1 <= response.start_time <= time.time() + 0.1
    assert repr(response) == f"<Response 200 HTTP/1.1 {response.url}>"


def test_phases_are_in_order(run_wrapper: RunWrapper, nginx: Nginx) -> None:
    response = fetch(run_wrapper, f"{nginx.https}/small", verify=str(nginx.ca_file))
    phases = [
        response.namelookup_time,
        response.connect_time,
        response.appconnect_time,
        response.pretransfer_time,
        response.starttransfer_time,
        response.total_time,
    ]
    assert phases == sorted(phases)
    assert 0 < phases[1] < phases[2] < phases[4]
    assert phases[-1] < 5
    assert 0 <= response.pool_wait_time < 5
    assert response.http_version == "2"


def test_a_reused_connection_has_no_connect_phases(run_wrapper: RunWrapper, nginx: Nginx) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session()
        first = await session.get(f"{nginx.http}/small")
        second = await session.get(f"{nginx.http}/small")
        assert (first.reused, second.reused) == (False, True)
        assert first.connection_id == second.connection_id
        assert first.connect_time > 0
        assert (second.namelookup_time, second.connect_time, second.appconnect_time) == (0, 0, 0)
        assert 0 < second.starttransfer_time <= second.total_time

    run_wrapper(body)


def test_headers_of_every_kind(run_wrapper: RunWrapper, raw_server: RawServerFactory) -> None:
    server = raw_server(
        answering(
            b"HTTP/1.1 299 Odd But Fine\r\nA: 1\r\na:2\r\nEmpty:\r\nSpaced:   x y  \r\n"
            b"Colons: a:b:c\r\nLatin: \xe9\r\nUtf-8: \xc3\x85\xe2\x80\xa8\xc3\xa0\r\n"
            b"Content-Length: 0\r\n\r\n"
        )
    )
    response = fetch(run_wrapper, server.url)
    utf8 = "\xc3\x85\xe2\x80\xa8\xc3\xa0"
    assert response.status_code == 299
    assert response.headers_tuple == (
        ("A", "1"),
        ("a", "2"),
        ("Empty", ""),
        ("Spaced", "x y"),
        ("Colons", "a:b:c"),
        ("Latin", "\xe9"),
        ("Utf-8", utf8),
        ("Content-Length", "0"),
    )
    assert response.headers["A"] == "1, 2"
    assert response.headers["UTF-8"].encode("latin-1").decode() == "\u00c5\u2028\u00e0"
    assert response.header.startswith("HTTP/1.1 299 Odd But Fine\r\nA: 1\r\n")


@pytest.mark.parametrize(
    ("content_type", "body", "encoding", "text"),
    [
        ("text/plain; charset=utf-8", "grün".encode(), "utf-8", "grün"),
        ('text/plain; charset="UTF-8"; x=y', "grün".encode(), "utf-8", "grün"),
        ("text/plain; charset=ISO-8859-15", b"\xa4", "iso8859-15", "€"),
        ("text/plain", b"\xe9", "latin1", "é"),
        ("text/plain; charset=no-such-thing", b"\xe9", "latin1", "é"),
        ("text/plain; charset=", b"\xe9", "latin1", "é"),
        ("text/plain; charset=utf-8", b"a\xffb", "utf-8", "a\ufffdb"),
        ("text/plain; charset=utf-16", b"a\0b", "utf-16", "a\ufffd"),
        *((f"text/plain; charset={name}", b"a-b9", "latin1", "a-b9") for name in NO_CHARSETS),
    ],
)
def test_encodings(
    run_wrapper: RunWrapper,
    raw_server: RawServerFactory,
    content_type: str,
    body: bytes,
    encoding: str,
    text: str,
) -> None:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n"
    response = fetch(run_wrapper, raw_server(answering(head.encode() + b"\r\n" + body)).url)
    assert (response.encoding, response.text) == (encoding, text)


def test_json(run_wrapper: RunWrapper, raw_server: RawServerFactory) -> None:
    server = raw_server(answering(b'HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n{"a": 1}'))
    assert fetch(run_wrapper, server.url).json() == {"a": 1}


def test_a_body_that_is_no_json(run_wrapper: RunWrapper, nginx: Nginx) -> None:
    with pytest.raises(ValueError, match="Expecting value"):
        fetch(run_wrapper, f"{nginx.http}/small").json()


@pytest.mark.parametrize("status", [204, 304])
def test_answers_without_a_body(
    run_wrapper: RunWrapper, raw_server: RawServerFactory, status: int
) -> None:
    server = raw_server(answering(f"HTTP/1.1 {status} Nothing\r\nETag: x\r\n\r\n".encode()))

    async def body(wrapper: acurl.CurlWrapper) -> None:
        for _ in range(3):
            response = await wrapper.session().get(server.url)
            assert (response.status_code, response.body, response.text) == (status, b"", "")

    run_wrapper(body)
    assert server.accepted == 1


@pytest.mark.parametrize("origin", ["http", "https", "h2c"])
def test_head(run_wrapper: RunWrapper, nginx: Nginx, origin: str) -> None:
    version = "2-prior-knowledge" if origin == "h2c" else "auto"

    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session(version, verify=False)  # type: ignore[arg-type]
        for _ in range(3):
            response = await session.head(f"{getattr(nginx, origin)}/large")
            assert response.headers["Content-Length"] == str(1 << 20)
            assert (response.status_code, response.body) == (200, b"")
        response = await session.get(f"{getattr(nginx, origin)}/small")
        assert (response.reused, response.body) == (True, b"hello from nginx\n")

    run_wrapper(body)


def test_interim_answers_are_passed_over(
    run_wrapper: RunWrapper, raw_server: RawServerFactory
) -> None:
    server = raw_server(
        answering(
            b"HTTP/1.1 100 Continue\r\nA: 1\r\n\r\n",
            b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\nSet-Cookie: early=1\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nB: 2\r\nContent-Length: 2\r\n\r\nok",
        )
    )
    response = fetch(run_wrapper, server.url)
    assert (response.status_code, response.body) == (200, b"ok")
    assert response.headers_tuple == (("B", "2"), ("Content-Length", "2"))


@pytest.mark.parametrize("chunks", [b"3\r\nab\0\r\n2;x=y\r\ncd\r\n", b""])
def test_chunks_and_trailers(
    run_wrapper: RunWrapper, raw_server: RawServerFactory, chunks: bytes
) -> None:
    server = raw_server(
        answering(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nA: 1\r\n\r\n",
            chunks + b"0\r\nTrailer: late\r\nSet-Cookie: late=1\r\n\r\n",
        )
    )

    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session()
        for _ in range(2):
            response = await session.get(server.url)
            assert response.body == (b"ab\0cd" if chunks else b"")
            assert response.headers_tuple == (("Transfer-Encoding", "chunked"), ("A", "1"))

    run_wrapper(body)
    assert server.accepted == 1


def test_an_answer_without_a_length_ends_with_its_connection(
    run_wrapper: RunWrapper, raw_server: RawServerFactory
) -> None:
    def script(connection: Connection) -> None:
        connection.read_head()
        connection.send(b"HTTP/1.0 200 OK\r\n\r\n", b"until ", b"the end")

    response = fetch(run_wrapper, raw_server(script).url)
    assert (response.http_version, response.body) == ("1.0", b"until the end")


def test_compressed_bodies(run_wrapper: RunWrapper, nginx: Nginx) -> None:
    response = fetch(run_wrapper, f"{nginx.http}/text")
    assert response.headers["Content-Encoding"] == "gzip"
    assert response.body == b"a line that compresses well\n" * 1000
    assert response.download_size < 1000


def test_a_compressed_body_that_is_broken(
    run_wrapper: RunWrapper, raw_server: RawServerFactory
) -> None:
    broken = gzip.compress(b"x" * 1000)[:-20] + bytes(20)
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(broken)}\r\n\r\n"
    server = raw_server(answering(head.encode() + broken))
    with pytest.raises(acurl.ProtocolError, match="curl failed with code 61: "):
        fetch(run_wrapper, server.url)


@pytest.mark.parametrize("size", [0, 1, 16383, 16384, 16385, 32768, 32769, 3_000_000])
def test_bodies_of_all_sizes(
    run_wrapper: RunWrapper, raw_server: RawServerFactory, size: int
) -> None:
    content = (bytes(range(256)) * (size // 256 + 1))[:size]
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n".encode()
    server = raw_server(answering(head + content))

    async def body(wrapper: acurl.CurlWrapper) -> list[Any]:
        session = wrapper.session()
        return [await session.get(server.url) for _ in range(3)]

    first, second, never_read = run_wrapper(body)
    assert first.body == content
    assert first.body == content
    assert second.download_size == size
    assert second.body == content
    assert never_read.status_code == 200


def test_many_large_bodies_at_once(run_wrapper: RunWrapper, nginx: Nginx) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session(verify=False)
        for origin in (nginx.http, nginx.https):
            answers = await asyncio.gather(*(session.get(f"{origin}/large") for _ in range(20)))
            assert {answer.body for answer in answers} == {b"0123456789abcdef" * (1 << 16)}

    run_wrapper(body)
