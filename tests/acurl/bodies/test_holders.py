"""Who holds an answer that still comes: the collector and other threads let go of it, too."""

import asyncio
import contextlib
import gc
import threading
from typing import Any

import pytest

import acurl
import acurl.driver as driver_module
from tests.acurl.conftest import RunWrapper, until
from tests.acurl.gate import Gate
from tests.conftest import RawServerFactory
from tests.servers.raw import Connection, Script

OK = b"HTTP/1.1 200 OK\r\n"


def silent(first: bytes, gone: list[bytes]) -> Script:
    """Says `first`, then waits for the client to go."""

    def script(connection: Connection) -> None:
        connection.read_head()
        connection.send(first)
        gone.append(connection.read_until_closed())

    return script


def test_the_collector_may_run_in_the_middle_of_a_delivery(
    run_wrapper: RunWrapper, raw_server: RawServerFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    def script(connection: Connection) -> None:
        while head := connection.read_head():
            if b" /held " in head:
                connection.send(OK + b"Content-Length: 9\r\n\r\nabc")
                connection.read_until_closed()
                return
            connection.respond(head.split()[1])

    url = raw_server(script).url
    unpack = driver_module._unpack  # where the batch is in use

    def collect(*arguments: Any) -> Any:
        gc.collect()
        return unpack(*arguments)

    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session()
        cycle: list[Any] = [await session.get(f"{url}/held", stream=True)]
        cycle.append(cycle)
        del cycle
        monkeypatch.setattr(driver_module, "_unpack", collect)
        answers = await asyncio.gather(*(session.get(f"{url}/{number}") for number in range(5)))
        assert [answer.body for answer in answers] == [b"/%d" % number for number in range(5)]
        await until(lambda: wrapper.stats().in_flight == 0)

    gc.disable()
    try:
        run_wrapper(body)
    finally:
        gc.enable()


def test_one_dropped_in_another_thread_is_ended(
    run_wrapper: RunWrapper, raw_server: RawServerFactory
) -> None:
    gone: list[bytes] = []
    url = raw_server(silent(OK + b"Content-Length: 9\r\n\r\nabc", gone)).url

    async def body(wrapper: acurl.CurlWrapper) -> None:
        responses = [await wrapper.session().get(url, stream=True)]
        thread = threading.Thread(target=responses.clear)
        thread.start()
        thread.join()
        await until(lambda: gone == [b""])

    run_wrapper(body)


def test_no_garbage_is_left_for_the_collector(
    run_wrapper: RunWrapper, raw_server: RawServerFactory
) -> None:
    with Gate() as gate:

        def script(connection: Connection) -> None:
            head = connection.read_head()
            connection.send(OK + b"Content-Length: 6\r\n\r\n")
            gate.wait()
            connection.send(b"abc" if b"/broken" in head else b"abcdef")

        url = raw_server(script).url

        async def body(wrapper: acurl.CurlWrapper) -> None:
            session = wrapper.session()

            async def read(path: str) -> bytes:
                response = await session.get(url + path, stream=True)
                gate.open()
                return await response.read()

            async def once() -> None:
                await read("/whole")
                for _ in range(2):
                    with contextlib.suppress(acurl.ProtocolError):
                        await read("/broken")
                async with await session.get(url, stream=True):
                    gate.open()
                await session.get(url, stream=True)
                gate.open()
                await until(lambda: wrapper.stats().in_flight == 0)

            await once()
            gc.collect()
            for _ in range(10):
                await once()
            assert gc.collect() < 100  # of asyncio's timers, on a busy machine

        gc.disable()
        try:
            run_wrapper(body)
        finally:
            gc.enable()


def test_another_thread_may_not_close_it(
    run_wrapper: RunWrapper, raw_server: RawServerFactory
) -> None:
    gone: list[bytes] = []
    url = raw_server(silent(OK + b"Content-Length: 9\r\n\r\nabc", gone)).url

    async def body(wrapper: acurl.CurlWrapper) -> None:
        response = await wrapper.session().get(url, stream=True)
        with pytest.raises(acurl.EngineMisuse, match="belongs to another thread"):
            await asyncio.to_thread(asyncio.run, response.aclose())
        assert await anext(response.stream()) == b"abc"  # and nothing is lost
        await response.aclose()
        await until(lambda: gone == [b""])

    run_wrapper(body)
