"""What went wrong is told by the right class, in one sentence, with code, request and times."""

import socket
from typing import Any

import pytest
from acurl._engine import lib

import acurl
from acurl.failure import _diagnose
from tests.acurl.conftest import RunWrapper
from tests.conftest import RawServerFactory
from tests.servers.nginx import Nginx
from tests.servers.raw import Connection


def fail(run_wrapper: RunWrapper, url: str, **options: Any) -> acurl.AcurlError:
    """The error of a GET."""

    async def body(wrapper: acurl.CurlWrapper) -> acurl.AcurlError:
        with pytest.raises(acurl.AcurlError) as caught:
            await wrapper.session(timeout=5).get(url, **options)
        return caught.value

    error = run_wrapper(body)
    message = str(error)
    assert message.startswith(f"curl failed with code {error.code}: ")
    assert f"(GET {url})" in message
    assert "\n" not in message
    return error


def closing_after(*parts: bytes) -> Any:
    """A script that answers with these bytes, then closes."""

    def script(connection: Connection) -> None:
        connection.read_head()
        connection.send(*parts)

    return script


def test_a_refused_connection(run_wrapper: RunWrapper) -> None:
    with socket.socket() as bound:  # and not listening
        bound.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{bound.getsockname()[1]}/path"
        error = fail(run_wrapper, url)
    assert (type(error), error.code) == (acurl.ConnectError, 7)
    assert "check that the server runs" in str(error)
    assert error.request is not None
    assert (error.request.method, error.request.url) == (b"GET", url)
    assert error.start_time > 1_600_000_000
    assert 0 < error.total_time < 5
    assert (error.connect_time, error.starttransfer_time) == (0, 0)


def test_a_host_without_an_address(run_wrapper: RunWrapper) -> None:
    error = fail(run_wrapper, "http://no-such-host.invalid/")
    assert (type(error), error.code) == (acurl.ResolveError, 6)
    assert "no-such-host.invalid" in str(error)
    assert "check the host name" in str(error)


def test_a_certificate_that_is_not_trusted(run_wrapper: RunWrapper, nginx: Nginx) -> None:
    error = fail(run_wrapper, f"{nginx.https}/small")
    assert (type(error), error.code) == (acurl.TLSError, 60)
    assert "give verify=CA_FILE" in str(error)
    assert error.connect_time > 0


def test_a_server_that_speaks_no_tls(run_wrapper: RunWrapper, nginx: Nginx) -> None:
    error = fail(run_wrapper, nginx.http.replace("http:", "https:") + "/")
    assert (type(error), error.code) == (acurl.TLSError, 35)


@pytest.mark.parametrize(
    ("parts", "kind", "code"),
    [
        ((), acurl.ConnectError, 52),
        ((b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfive!",), acurl.ProtocolError, 18),
        ((b"SSH-2.0-OpenSSH_9.2\r\n",), acurl.ProtocolError, 1),
        ((b"HTTP/7.1 200 OK\r\n\r\n",), acurl.ProtocolError, 1),
        (
            (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"zz\r\n"),
            acurl.ProtocolError,
            56,
        ),
        (
            (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"5\r\nab"),
            acurl.ProtocolError,
            18,
        ),
        ((b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",), acurl.ProtocolError, 8),
    ],
)
def test_answers_that_break_http(
    run_wrapper: RunWrapper, raw_server: RawServerFactory, parts: Any, kind: Any, code: int
) -> None:
    error = fail(run_wrapper, raw_server(closing_after(*parts)).url)
    assert (type(error), error.code) == (kind, code)
    assert error.pretransfer_time > 0


def test_a_reset_connection(run_wrapper: RunWrapper, raw_server: RawServerFactory) -> None:
    def script(connection: Connection) -> None:
        connection.read_head()
        connection.reset()

    error = fail(run_wrapper, raw_server(script).url)
    assert (type(error), error.code) == (acurl.ConnectError, 56)
    assert "reset" in str(error).lower()


def test_the_request_shows_the_sessions_cookies(run_wrapper: RunWrapper) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session()
        for cookies in ({"a": "1"}, None):
            with pytest.raises(acurl.ConnectError) as caught:
                await session.get("http://127.0.0.1:1/", cookies=cookies)
            assert caught.value.request is not None
            assert caught.value.request.cookies == {"a": "1"}

    run_wrapper(body)


def test_no_memory_is_nothing_that_a_limit_would_mend() -> None:
    fields = (0,) * 27
    diagnosis = _diagnose(23, lib.ACURL_CAUSE_NO_MEMORY, "", fields)
    assert diagnosis.kind is acurl.AcurlError
    assert diagnosis.sentence == "memory ran out"
    assert "max_response_size" not in diagnosis.advice
