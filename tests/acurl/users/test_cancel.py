"""Cancelling at any moment ends the transfer at once, and nothing but the transfer."""

import asyncio
import gc
import os
import random
import socket
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from acurl._engine import lib

import acurl
from tests.acurl.conftest import RunWrapper, until
from tests.acurl.users.ledger import Bundle, Ledger, Line, keeping
from tests.servers.certificates import Certificates
from tests.servers.loops import RunAsync

NEVER = acurl.Timeout(None, total=None)
AT_ONCE = 2.0
"""Seconds that a busy machine may take for what needs a millisecond."""
Task = asyncio.Task[Any]


def descriptors() -> int:
    """How many descriptors this process has open."""
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - its own descriptor counts as well


async def cancel(task: Task) -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def endless() -> AsyncIterator[bytes]:
    """A body that never ends."""
    while True:
        yield b"x" * 65536
        await asyncio.sleep(0)


def nothing_is_left(wrapper: acurl.CurlWrapper, handles: int) -> None:
    stats = wrapper.stats()
    assert (stats.in_flight, stats.faults) == (0, 0)
    assert stats.handles <= handles


Moment = Callable[[Ledger, acurl.Session], Any]


async def when_queued(ledger: Ledger, session: acurl.Session) -> Task:
    task = asyncio.create_task(session.get(f"{ledger.url}/hold"))
    await asyncio.sleep(0)  # submitted, and the kick is planned behind it
    return task


async def when_connecting(ledger: Ledger, session: acurl.Session) -> Task:
    task = await when_queued(ledger, session)
    await asyncio.sleep(0)
    return task


async def when_sent(ledger: Ledger, session: acurl.Session) -> Task:
    task = asyncio.create_task(session.get(f"{ledger.url}/hold"))
    await until(lambda: bool(ledger.heads))
    return task


async def when_the_body_comes(ledger: Ledger, session: acurl.Session) -> Task:
    task = asyncio.create_task(session.get(f"{ledger.url}/half"))
    await until(lambda: bool(ledger.heads))
    for _ in range(5):
        await asyncio.sleep(0.002)
    return task


async def when_uploading(ledger: Ledger, session: acurl.Session) -> Task:
    task = asyncio.create_task(session.post(f"{ledger.url}/hold", data=endless()))
    await until(lambda: any(line.heads or line.received for line in ledger.lines))
    return task


async def when_a_redirect_is_followed(ledger: Ledger, session: acurl.Session) -> Task:
    task = asyncio.create_task(session.get(f"{ledger.url}/to/{ledger.url}/hold"))
    await until(lambda: len(ledger.heads) == 2)
    return task


MOMENTS = [
    when_queued,
    when_connecting,
    when_sent,
    when_the_body_comes,
    when_uploading,
    when_a_redirect_is_followed,
]


@pytest.mark.parametrize("connections", ["shared", "session", "request"])
@pytest.mark.parametrize("moment", MOMENTS)
def test_the_server_sees_the_end_at_once(
    run_wrapper: RunWrapper, moment: Moment, connections: Any
) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        async with keeping(Line) as ledger:
            session = wrapper.session(timeout=NEVER, connections=connections)
            task = await moment(ledger, session)
            await cancel(task)
            assert wrapper.stats().in_flight == 0
            async with asyncio.timeout(AT_ONCE):
                await until(lambda: ledger.open == 0)
                await until(lambda: wrapper.stats().opened == wrapper.stats().closed)
            answer = await session.get(ledger.url)
            assert (answer.body, answer.reused) == (b"ok", False)
            nothing_is_left(wrapper, 1)

    run_wrapper(body)


def test_who_waits_for_a_piece_is_cancelled_alone(run_wrapper: RunWrapper) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        async with keeping(Line) as ledger:
            session = wrapper.session(timeout=NEVER)
            response = await session.get(f"{ledger.url}/half", stream=True)
            pieces = response.stream()
            assert await anext(pieces) == b"ha"
            task = asyncio.ensure_future(anext(pieces))
            await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            assert not response.is_closed
            await response.aclose()
            async with asyncio.timeout(AT_ONCE):
                await until(lambda: ledger.open == 0)
            nothing_is_left(wrapper, 1)

    run_wrapper(body)


def test_a_streamed_answer_that_nobody_holds_ends(run_wrapper: RunWrapper) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        async with keeping(Line) as ledger:
            session = wrapper.session(timeout=NEVER)

            async def look() -> int:
                return (await session.get(f"{ledger.url}/half", stream=True)).status_code

            assert await look() == 200
            gc.collect()
            async with asyncio.timeout(AT_ONCE):
                await until(lambda: ledger.open == 0)
            nothing_is_left(wrapper, 1)

    run_wrapper(body)


def test_cancelled_in_the_tls_handshake(run_wrapper: RunWrapper) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        loop = asyncio.get_running_loop()
        with socket.create_server(("127.0.0.1", 0)) as listener:
            listener.setblocking(False)
            url = f"https://127.0.0.1:{listener.getsockname()[1]}"
            task = asyncio.create_task(wrapper.session(timeout=NEVER).get(url))
            peer, _ = await loop.sock_accept(listener)
            with peer:
                assert await loop.sock_recv(peer, 5)  # of the client's hello
                await cancel(task)
                async with asyncio.timeout(AT_ONCE):
                    while await loop.sock_recv(peer, 65536):
                        pass
            nothing_is_left(wrapper, 1)
            assert wrapper.stats().opened == wrapper.stats().closed == 1

    run_wrapper(body)


def test_cancelled_while_connecting(run_wrapper: RunWrapper) -> None:
    """A listener whose queue is full leaves connections hanging."""

    async def body(wrapper: acurl.CurlWrapper) -> None:
        with socket.socket() as listener, socket.socket() as first:
            listener.bind(("127.0.0.1", 0))
            listener.listen(0)
            first.connect(listener.getsockname())
            url = f"http://127.0.0.1:{listener.getsockname()[1]}"
            session = wrapper.session(timeout=NEVER)
            tasks = [asyncio.create_task(session.get(url)) for _ in range(5)]
            await until(lambda: wrapper.stats().opened == 5)
            for task in tasks:
                await cancel(task)
            stats = wrapper.stats()
            assert (stats.closed, stats.in_flight) == (5, 0)

    run_wrapper(body)


@pytest.mark.parametrize("secure", [False, True])
def test_over_http2_the_stream_ends_and_the_others_go_on(
    run_wrapper: RunWrapper, certificates: Certificates, secure: bool
) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        async with keeping(Bundle, certificates.good if secure else None) as ledger:
            version: Any = "2" if secure else "2-prior-knowledge"
            session = wrapper.session(version, timeout=NEVER, verify=str(certificates.ca_file))
            await session.get(ledger.url)
            ends = ["hold?1", "half?2", "hold?3", "half?4"]
            tasks = [asyncio.create_task(session.get(f"{ledger.url}/{end}")) for end in ends]
            stays = asyncio.create_task(session.get(f"{ledger.url}/hold?stays"))
            await until(lambda: len(ledger.heads) == 6)
            for task in tasks:
                await cancel(task)
            (line,) = ledger.lines
            async with asyncio.timeout(AT_ONCE):
                await until(lambda: sorted(line.resets) == sorted(f"/{end}" for end in ends))
            assert not stays.done()
            assert (await session.get(f"{ledger.url}/after")).reused
            await cancel(stays)
            await until(lambda: "/hold?stays" in line.resets)
            assert line.is_open
            nothing_is_left(wrapper, 6)

    run_wrapper(body)


def test_over_http2_streamed_answers_and_uploads_end(run_wrapper: RunWrapper) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        async with keeping(Bundle) as ledger:
            session = wrapper.session("2-prior-knowledge", timeout=NEVER)
            await session.get(ledger.url)
            upload = asyncio.create_task(session.post(f"{ledger.url}/hold", data=endless()))
            async with await session.get(f"{ledger.url}/half", stream=True) as response:
                assert response.status_code == 200
            await until(lambda: len(ledger.heads) == 3)
            await cancel(upload)
            (line,) = ledger.lines
            async with asyncio.timeout(AT_ONCE):
                await until(lambda: sorted(line.resets) == ["/half", "/hold"])
            assert (await session.get(f"{ledger.url}/after")).reused

    run_wrapper(body)


@pytest.mark.parametrize("stream", [False, True])
def test_a_coroutine_that_is_closed(run_wrapper: RunWrapper, stream: bool) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        async with keeping(Line) as ledger:
            coroutine = wrapper.session().get(f"{ledger.url}/hold", stream=stream)
            coroutine.send(None)
            await until(lambda: bool(ledger.heads))
            coroutine.close()
            del coroutine
            async with asyncio.timeout(AT_ONCE):
                await until(lambda: ledger.open == 0)
            gc.collect()
            nothing_is_left(wrapper, 1)

    run_wrapper(body)


async def in_a_group(*requests: Any) -> None:
    async with asyncio.TaskGroup() as group:
        for request in requests:
            group.create_task(request)


@pytest.mark.parametrize("way", ["timeout", "wait_for", "group"])
def test_ways_to_cancel(run_wrapper: RunWrapper, way: str) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        async with keeping(Line) as ledger:
            session = wrapper.session(timeout=NEVER)
            url = f"{ledger.url}/hold"
            if way == "timeout":
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(0.02):
                        await session.get(url)
            elif way == "wait_for":
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(session.get(url), 0.02)
            else:
                with pytest.raises(ExceptionGroup, match="errors in a TaskGroup"):
                    await in_a_group(session.get(url), session.get("nowhere"))
            async with asyncio.timeout(AT_ONCE):
                await until(lambda: ledger.open == 0)
            nothing_is_left(wrapper, 1)

    run_wrapper(body)


def test_half_of_many_cancelled_at_random_moments(run_async: RunAsync) -> None:
    chance = random.Random(7)

    async def visit(wrapper: acurl.CurlWrapper, ledger: Ledger) -> None:
        sessions = [wrapper.session(timeout=NEVER) for _ in range(50)]
        urls = [f"{ledger.url}/{'hold' if n % 2 else 'some'}?{n}" for n in range(500)]
        tasks = [asyncio.create_task(sessions[n % 50].get(url)) for n, url in enumerate(urls)]
        doomed = tasks[1::2]
        chance.shuffle(doomed)
        while doomed:
            for _ in range(min(chance.randrange(40), len(doomed))):
                doomed.pop().cancel()
            await asyncio.sleep(chance.choice([0, 0, 0.001, 0.004]))
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert {type(result) for result in results[1::2]} == {asyncio.CancelledError}
        for url, answer in zip(urls[::2], results[::2], strict=True):
            assert isinstance(answer, acurl._Response), answer
            assert (answer.body, answer.url, answer.retries) == (b"ok", url, 0)
        await until(lambda: ledger.open <= 250)
        nothing_is_left(wrapper, 500)
        stats = wrapper.stats()
        assert stats.opened - stats.closed == stats.idle

    async def main() -> None:
        async with keeping(Line) as ledger:
            before = descriptors()
            with acurl.CurlWrapper(asyncio.get_running_loop()) as wrapper:
                await visit(wrapper, ledger)
            await until(lambda: descriptors() <= before)

    run_async(main())


def test_a_storm_of_cancellations(run_wrapper: RunWrapper) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        async with keeping(Bundle) as ledger:
            session = wrapper.session("2-prior-knowledge", timeout=NEVER)
            await session.get(ledger.url)
            for size in (500, 1500, 3000):
                tasks = [
                    asyncio.create_task(session.get(f"{ledger.url}/hold")) for _ in range(size)
                ]
                await asyncio.sleep(0.01)
                for task in tasks:
                    task.cancel()
                results = await asyncio.gather(*tasks, return_exceptions=True)
                assert {type(result) for result in results} == {asyncio.CancelledError}
                nothing_is_left(wrapper, 3000)
            assert (await session.get(ledger.url)).body == b"ok"

    run_wrapper(body)


def test_files_of_a_cancelled_upload_are_closed(run_wrapper: RunWrapper, tmp_path: Path) -> None:
    path = tmp_path / "large"
    path.write_bytes(b"x" * (8 << 20))

    async def body(wrapper: acurl.CurlWrapper) -> None:
        async with keeping(Line) as ledger:
            session = wrapper.session(timeout=NEVER)
            await session.get(ledger.url)
            before = descriptors()
            for options in ({"data": path}, {"files": {"f": path}}):
                task = asyncio.create_task(session.post(f"{ledger.url}/hold", **options))
                await until(lambda: any(line.heads or line.received for line in ledger.lines))
                await asyncio.sleep(0.01)
                await cancel(task)
                await until(lambda: ledger.open == 0)
            gc.collect()
            await until(lambda: descriptors() < before)

    run_wrapper(body)


def test_what_has_ended_cannot_be_ended_again(run_wrapper: RunWrapper) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        async with keeping(Line) as ledger:
            await wrapper.session().get(ledger.url)
            await cancel(await when_sent(ledger, wrapper.session(timeout=NEVER)))
            engine = wrapper._driver.engine
            for call in (lib.acurl_cancel, lib.acurl_end):
                assert call(engine, 0) == lib.ACURL_EARGUMENT
            assert lib.acurl_feed(engine, 0, b"", 0, True) == lib.ACURL_EARGUMENT
            nothing_is_left(wrapper, 1)

    run_wrapper(body)
