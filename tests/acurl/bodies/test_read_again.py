"""Reading all of an answer, stopped in the middle and begun again."""

import asyncio

import pytest

import acurl
from tests.acurl.conftest import RunWrapper, until
from tests.acurl.gate import Gate
from tests.conftest import RawServerFactory
from tests.servers.raw import Connection


@pytest.mark.parametrize("way", ["read", "stream"])
def test_what_came_before_a_read_was_cancelled_is_not_lost(
    run_wrapper: RunWrapper, raw_server: RawServerFactory, way: str
) -> None:
    def script(connection: Connection) -> None:
        connection.read_head()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfirst")
        gate.wait()
        connection.send(b"later")

    async def body(wrapper: acurl.CurlWrapper) -> None:
        response = await wrapper.session().get(raw_server(script).url, stream=True)
        assert isinstance(response, acurl.StreamedResponse)
        reading = asyncio.ensure_future(response.read())
        await until(lambda: bool(response._kept))
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        gate.open()
        if way == "read":
            assert await response.read() == response.body == b"firstlater"
        else:
            assert [piece async for piece in response.stream()] == [b"first", b"later"]
            assert await response.read() == b""

    with Gate() as gate:
        run_wrapper(body)
