"""Each exception: where it stands in the tree, and how a user comes to see it."""

import socket
from typing import Any

import pytest

import acurl
from tests.acurl.conftest import RunWrapper
from tests.acurl.surface.conftest import Ask
from tests.conftest import RawServerFactory
from tests.servers.nginx import Nginx
from tests.servers.raw import Connection

PARENTS: dict[type[Exception], tuple[type[Exception], ...]] = {
    acurl.AcurlError: (Exception,),
    acurl.RequestError: (acurl.AcurlError, ValueError),
    acurl.TooManyRedirects: (acurl.RequestError,),
    acurl.ResolveError: (acurl.AcurlError,),
    acurl.ConnectError: (acurl.AcurlError,),
    acurl.TLSError: (acurl.AcurlError,),
    acurl.ProtocolError: (acurl.AcurlError,),
    acurl.StreamError: (acurl.ProtocolError,),
    acurl.ConnectTimeout: (acurl.AcurlError, TimeoutError),
    acurl.ReadTimeout: (acurl.AcurlError, TimeoutError),
    acurl.WriteTimeout: (acurl.AcurlError, TimeoutError),
    acurl.PoolTimeout: (acurl.AcurlError, TimeoutError),
    acurl.TotalTimeout: (acurl.AcurlError, TimeoutError),
    acurl.ResponseTooLarge: (acurl.AcurlError,),
    acurl.StatusError: (acurl.AcurlError,),
    acurl.EngineClosed: (acurl.AcurlError,),
    acurl.EngineMisuse: (acurl.AcurlError, RuntimeError),
    acurl.LibcurlError: (acurl.AcurlError,),
}


@pytest.mark.parametrize("kind", PARENTS, ids=lambda kind: kind.__name__)
def test_parents(kind: type[Exception]) -> None:
    assert kind.__bases__ == PARENTS[kind]


def test_these_are_all() -> None:
    exported = {getattr(acurl, name) for name in acurl.__all__}
    errors = {item for item in exported if isinstance(item, type) and issubclass(item, Exception)}
    assert errors == PARENTS.keys()


def unused_port() -> int:
    """A port where nobody listens any more."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


def test_connect_error(ask: Ask) -> None:
    with pytest.raises(acurl.ConnectError, match=r"^curl failed with code 7: ") as caught:
        ask("GET", f"http://127.0.0.1:{unused_port()}/")
    assert caught.value.code == 7


def test_resolve_error(ask: Ask) -> None:
    # No name server is asked for a label of over 63 letters.
    with pytest.raises(acurl.ResolveError, match=r"^curl failed with code 6: ") as caught:
        ask("GET", f"http://{'x' * 64}.invalid/")
    assert caught.value.code == 6


def test_tls_error(ask: Ask, nginx: Nginx) -> None:
    with pytest.raises(acurl.TLSError, match=r"^curl failed with code 60: ") as caught:
        ask("GET", f"{nginx.https}/small")
    assert caught.value.code == 60


def test_protocol_error(ask: Ask, raw_server: RawServerFactory) -> None:
    def script(connection: Connection) -> None:
        connection.read_head()
        connection.send(b"220 this is no HTTP\r\n\r\n")

    with pytest.raises(acurl.ProtocolError, match=r"^curl failed with code 1: "):
        ask("GET", raw_server(script).url)


ENDINGS: list[tuple[bytes, bool, type[Exception]]] = [
    (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", False, acurl.ProtocolError),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", True, acurl.ConnectError),
    (b"HTTP/1.1 200 OK\r\nContent-Len", False, acurl.ProtocolError),
    (b"", False, acurl.ConnectError),
]


@pytest.mark.parametrize(("said", "resets", "kind"), ENDINGS)
def test_an_answer_that_is_cut_off(
    ask: Ask, raw_server: RawServerFactory, said: bytes, resets: bool, kind: type[Exception]
) -> None:
    def script(connection: Connection) -> None:
        connection.read_head()
        connection.send(said)
        if resets:
            connection.reset()

    with pytest.raises(kind) as caught:
        ask("GET", raw_server(script).url)
    assert type(caught.value) is kind


def test_too_many_redirects(ask: Ask, nginx: Nginx) -> None:
    with pytest.raises(
        acurl.TooManyRedirects, match=f"the last one to {nginx.http}/loop$"
    ) as caught:
        ask("GET", f"{nginx.http}/loop")
    error = caught.value
    assert error.request is not None
    assert [response.status_code for response in error.request.history] == [302] * 5
    assert (error.code, error.total_time) == (0, 0.0)


def test_max_retries_allows_no_other_try(
    run_wrapper: RunWrapper, raw_server: RawServerFactory
) -> None:
    def script(connection: Connection) -> None:
        connection.read_head()
        connection.respond()
        connection.read_head()

    server = raw_server(script)

    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session()
        await session.get(server.url)
        with pytest.raises(acurl.ConnectError, match="max_retries") as caught:
            await session.get(server.url)
        assert caught.value.code == 42

    run_wrapper(body, max_retries=0)


def test_response_too_large(run_wrapper: RunWrapper, nginx: Nginx) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        with pytest.raises(acurl.ResponseTooLarge, match="max_response_size"):
            await wrapper.session().get(f"{nginx.http}/large")

    run_wrapper(body, max_response_size=1000)


def test_engine_closed(run_wrapper: RunWrapper, nginx: Nginx) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session()
        session.close()
        with pytest.raises(acurl.EngineClosed, match="the session is closed"):
            await session.get(f"{nginx.http}/small")

    run_wrapper(body)


def test_status_error_is_raised_by_raise_for_status_only(ask: Ask, nginx: Nginx) -> None:
    response = ask("GET", f"{nginx.http}/status/500")
    with pytest.raises(acurl.StatusError, match=r"^500 Internal Server Error for GET ") as caught:
        response.raise_for_status()
    assert (caught.value.code, caught.value.response) == (0, response)


def test_what_an_error_carries(ask: Ask, raw_server: RawServerFactory) -> None:
    def script(connection: Connection) -> None:
        connection.read_head()

    server = raw_server(script)
    with pytest.raises(acurl.ConnectError) as caught:
        ask("PUT", f"{server.url}/a", data=b"x")
    error = caught.value
    assert error.request is not None
    assert (error.request.method, error.request.url) == (b"PUT", f"{server.url}/a")
    assert (error.code, error.primary_ip, error.retries) == (52, "127.0.0.1", 0)
    assert 0 < error.connect_time <= error.pretransfer_time <= error.total_time
    assert error.starttransfer_time == error.appconnect_time == 0.0
    assert error.start_time > 0


def test_an_error_shows_no_password(ask: Ask) -> None:
    with pytest.raises(acurl.ConnectError) as caught:
        ask("GET", f"http://ada:lovelace@127.0.0.1:{unused_port()}/")
    assert "lovelace" not in str(caught.value)
    assert "ada:***@" in str(caught.value)


def test_set_error_callback(run_wrapper: RunWrapper) -> None:
    url = f"http://127.0.0.1:{unused_port()}/"

    async def body(wrapper: acurl.CurlWrapper) -> None:
        seen: list[Any] = []
        session = wrapper.session()
        session.set_error_callback(seen.append)
        with pytest.raises(acurl.ConnectError) as caught:
            await session.get(url)
        assert seen == [caught.value]

    run_wrapper(body)


def test_what_was_never_sent_has_no_request(ask: Ask) -> None:
    with pytest.raises(acurl.RequestError) as caught:
        ask("GET", "no url")
    assert caught.value.request is None


def test_the_error_callback_hears_of_transfers_only(run_wrapper: RunWrapper, nginx: Nginx) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        seen: list[Any] = []
        session = wrapper.session()
        session.set_error_callback(seen.append)
        for url in ("no url", f"{nginx.http}/loop"):
            with pytest.raises(acurl.RequestError):
                await session.get(url)
        assert seen == []

    run_wrapper(body)
