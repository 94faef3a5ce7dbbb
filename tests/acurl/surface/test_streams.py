"""acurl.StreamedResponse, the same verbs on a whole response, and bodies that are not kept."""

import threading

import pytest

import acurl
from tests.acurl.conftest import RunWrapper
from tests.acurl.surface.conftest import Ask
from tests.conftest import RawServerFactory
from tests.servers.nginx import Nginx
from tests.servers.raw import Connection

LARGE = 1 << 20


def test_stream_gives_the_head_before_the_body(
    run_wrapper: RunWrapper, raw_server: RawServerFactory
) -> None:
    go_on = threading.Event()

    def script(connection: Connection) -> None:
        connection.read_head()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n")
        go_on.wait(10)
        connection.send(b"body")

    server = raw_server(script)

    async def body(wrapper: acurl.CurlWrapper) -> None:
        response = await wrapper.session().get(server.url, stream=True)
        assert type(response) is acurl.StreamedResponse
        assert (response.status_code, response.is_closed) == (200, False)
        go_on.set()
        assert await response.read() == b"body"
        assert response.is_closed

    run_wrapper(body)


def test_stream_pieces_are_the_body(run_wrapper: RunWrapper, nginx: Nginx) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        response = await wrapper.session().get(f"{nginx.http}/large", stream=True)
        pieces = [piece async for piece in response.stream()]
        assert len(pieces) > 1
        assert b"".join(pieces) == b"0123456789abcdef" * (1 << 16)

    run_wrapper(body)


def test_read_keeps_the_body(run_wrapper: RunWrapper, nginx: Nginx) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        response = await wrapper.session().get(f"{nginx.http}/small", stream=True)
        assert await response.read() == await response.read() == response.body
        assert response.text == "hello from nginx\n"

    run_wrapper(body)


@pytest.mark.parametrize("path", ["/small", "/large"])
def test_body_of_a_stream_has_to_be_read_first(
    run_wrapper: RunWrapper, nginx: Nginx, path: str
) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        async with await wrapper.session().get(nginx.http + path, stream=True) as response:
            assert type(response) is acurl.StreamedResponse
            with pytest.raises(acurl.AcurlError, match="iterate over stream"):
                _ = response.body

    run_wrapper(body)


def test_aclose_ends_the_transfer(run_wrapper: RunWrapper, nginx: Nginx) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        response = await wrapper.session().get(f"{nginx.http}/slow", stream=True)
        await response.aclose()
        await response.aclose()
        assert response.is_closed
        assert wrapper.stats().in_flight == 0

    run_wrapper(body)


def test_who_reads_on_after_aclose_gets_no_short_body(
    run_wrapper: RunWrapper, nginx: Nginx
) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        response = await wrapper.session().get(f"{nginx.http}/slow", stream=True)
        await response.aclose()
        with pytest.raises(acurl.AcurlError, match="closed before its body had ended"):
            await response.read()
        with pytest.raises(acurl.AcurlError, match="closed before its body had ended"):
            async for _ in response.stream():
                pass

    run_wrapper(body)


def test_read_keeps_no_more_than_max_response_size(run_wrapper: RunWrapper, nginx: Nginx) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session(max_response_size=LARGE - 1)
        response = await session.get(f"{nginx.http}/large", stream=True)
        with pytest.raises(acurl.ResponseTooLarge, match="max_response_size"):
            await response.read()
        response = await session.get(f"{nginx.http}/large", stream=True)
        assert sum([len(piece) async for piece in response.stream()]) == LARGE

    run_wrapper(body)


def test_async_with_ends_the_transfer(run_wrapper: RunWrapper, nginx: Nginx) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        async with await wrapper.session().get(f"{nginx.http}/slow", stream=True) as response:
            async for piece in response.stream():
                assert piece
                break
        assert response.is_closed
        assert response.download_size < LARGE

    run_wrapper(body)


def test_total_time_and_download_size_are_whole_at_the_end(
    run_wrapper: RunWrapper, nginx: Nginx
) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        response = await wrapper.session().get(f"{nginx.http}/large", stream=True)
        first = response.starttransfer_time
        await response.read()
        assert response.download_size == LARGE
        assert response.total_time >= response.starttransfer_time == first

    run_wrapper(body)


def test_the_response_callback_comes_at_the_end(run_wrapper: RunWrapper, nginx: Nginx) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        seen: list[int] = []
        session = wrapper.session()
        session.set_response_callback(lambda response: seen.append(response.download_size))
        response = await session.get(f"{nginx.http}/large", stream=True)
        assert seen == []
        await response.read()
        assert seen == [LARGE]

    run_wrapper(body)


def test_a_transfer_that_fails_raises(
    run_wrapper: RunWrapper, raw_server: RawServerFactory
) -> None:
    def script(connection: Connection) -> None:
        connection.read_head()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")

    server = raw_server(script)

    async def body(wrapper: acurl.CurlWrapper) -> None:
        # Where head and end come at once, the request itself raises.
        with pytest.raises(acurl.ProtocolError, match="4 of 10 bytes"):
            await (await wrapper.session().get(server.url, stream=True)).read()

    run_wrapper(body)


def test_a_whole_response_has_the_same_verbs(run_wrapper: RunWrapper, nginx: Nginx) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        async with await wrapper.session().get(f"{nginx.http}/small") as response:
            assert await response.read() == response.body
            assert [piece async for piece in response.stream()] == [response.body]
        await response.aclose()

    run_wrapper(body)


def test_discard_body_counts_and_keeps_nothing(ask: Ask, nginx: Nginx) -> None:
    response = ask("GET", f"{nginx.http}/large", discard_body=True)
    assert (response.download_size, response.body, response.text) == (LARGE, b"", "")


def test_max_response_size_of_a_request(ask: Ask, nginx: Nginx) -> None:
    assert len(ask("GET", f"{nginx.http}/large", max_response_size=LARGE).body) == LARGE
    with pytest.raises(acurl.ResponseTooLarge, match="max_response_size"):
        ask("GET", f"{nginx.http}/large", max_response_size=LARGE - 1)
