"""How transfers and engines end: cancelled, closed, in foreign threads and processes, dropped."""

import asyncio
import gc
import multiprocessing
import os
import threading
from pathlib import Path
from typing import Any

import pytest

import acurl
from tests.acurl.conftest import RunWrapper, until
from tests.acurl.echo import Echo
from tests.conftest import RawServerFactory
from tests.servers.loops import LOOP_FACTORIES, RunAsync
from tests.servers.nginx import Nginx
from tests.servers.raw import Connection

NEVER = acurl.Timeout(None, total=None)


def descriptors() -> int:
    """How many descriptors this process has open."""
    return len(list(Path("/proc/self/fd").iterdir()))


def silent(connection: Connection) -> None:
    """Reads all, answers nothing."""
    connection.read_until_closed()


async def cancelled(task: "asyncio.Future[Any]") -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def test_cancelling_closes_an_http1_connection(
    run_wrapper: RunWrapper, raw_server: RawServerFactory
) -> None:
    gone = threading.Event()

    def script(connection: Connection) -> None:
        connection.read_head()
        connection.read_until_closed()
        gone.set()

    server = raw_server(script)

    async def body(wrapper: acurl.CurlWrapper) -> None:
        task = asyncio.ensure_future(wrapper.session().get(server.url, timeout=NEVER))
        await until(lambda: server.accepted == 1)
        await cancelled(task)
        await asyncio.to_thread(gone.wait, 5)
        assert gone.is_set()
        stats = wrapper.stats()
        assert (stats.opened, stats.closed, stats.handles) == (1, 1, 1)

    run_wrapper(body)


def test_cancelling_ends_an_http2_stream_alone(run_wrapper: RunWrapper, nginx: Nginx) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session(verify=False)
        await session.get(f"{nginx.https}/small")
        fast = asyncio.gather(*(session.get(f"{nginx.https}/large") for _ in range(5)))
        marks = [f"slow-cancelled-{run_wrapper.loop_name}-{number}" for number in range(5)]
        slow = [asyncio.ensure_future(session.get(f"{nginx.https}/slow?{m}")) for m in marks]
        assert [len(answer.body) for answer in await fast] == [1 << 20] * 5
        for task in slow:
            await cancelled(task)
        # nginx logs a request when it ends: it has heard of the end of each stream.
        logged = await asyncio.to_thread(
            nginx.wait_requests, f"slow-cancelled-{run_wrapper.loop_name}", 5
        )
        assert len(logged) == 5
        after = await session.get(f"{nginx.https}/small")
        assert (after.reused, after.connection_id, wrapper.stats().opened) == (True, 0, 1)

    run_wrapper(body)


def test_cancelled_before_it_was_started(run_wrapper: RunWrapper, echo: Echo) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        task = asyncio.ensure_future(wrapper.session().get(echo.url))
        await cancelled(task)  # before its first step
        coroutine = wrapper.session().get(echo.url)
        coroutine.send(None)
        assert wrapper.stats().in_flight == 1
        coroutine.close()  # in the engine's queue
        assert (wrapper.stats().in_flight, wrapper.stats().started) == (0, 0)
        assert (await wrapper.session().get(echo.url)).status_code == 200

    run_wrapper(body)
    assert len(echo.received) == 1


def test_cancelled_when_the_answer_has_just_come(run_wrapper: RunWrapper, echo: Echo) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session()
        for _ in range(20):
            finished = wrapper.stats().finished
            task = asyncio.ensure_future(session.get(f"{echo.url}/?set=a=1"))
            # The loop runs one callback a pass here: stop between the answer and the task's turn.
            while wrapper.stats().finished == finished:  # noqa: ASYNC110 - each pass matters
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            assert wrapper.stats().in_flight == 0
        assert (await session.get(echo.url)).reused

    run_wrapper(body)


def test_a_thousand_cancelled_at_once(run_wrapper: RunWrapper, nginx: Nginx) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session("2-prior-knowledge")
        tasks = [asyncio.ensure_future(session.get(f"{nginx.h2c}/slow")) for _ in range(1000)]
        await until(lambda: wrapper.stats().started == 1000)
        for task in tasks:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert {type(result) for result in results} == {asyncio.CancelledError}
        assert wrapper.stats().in_flight == 0
        assert (await session.get(f"{nginx.h2c}/small")).status_code == 200
        stats = wrapper.stats()
        assert stats.handles <= 1000
        assert stats.opened - stats.closed <= 11

    run_wrapper(body)


def test_a_session_goes_on_after_cancellations(run_wrapper: RunWrapper, nginx: Nginx) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session()
        for _ in range(20):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.005):
                    await asyncio.gather(*(session.get(f"{nginx.http}/slow") for _ in range(5)))
            assert (await session.get(f"{nginx.http}/small")).body == b"hello from nginx\n"
        stats = wrapper.stats()
        assert stats.handles <= 6
        assert stats.opened - stats.closed <= 1

    run_wrapper(body)


def test_closing_ends_what_runs(run_async: RunAsync, raw_server: RawServerFactory) -> None:
    server = raw_server(silent)

    async def main() -> None:
        before = descriptors()
        wrapper = acurl.CurlWrapper(asyncio.get_running_loop())
        session = wrapper.session(timeout=NEVER)
        errors: list[Any] = []
        session.set_error_callback(errors.append)
        running = [asyncio.ensure_future(session.get(server.url)) for _ in range(5)]
        await until(lambda: server.accepted == 5)
        queued = [asyncio.ensure_future(session.post(server.url, data=b"x")) for _ in range(5)]
        await asyncio.sleep(0)
        wrapper.close()
        results = await asyncio.gather(*running, *queued, return_exceptions=True)
        assert {type(result) for result in results} == {acurl.EngineClosed}
        assert "closed while the request ran" in str(results[0])
        assert errors == []
        await until(lambda: not any(worker.is_alive() for worker in server._workers))
        assert descriptors() - before == 0

    run_async(main())


def test_use_after_close(run_async: RunAsync, echo: Echo) -> None:
    async def main() -> None:
        wrapper = acurl.CurlWrapper(asyncio.get_running_loop())
        session = wrapper.session()
        response = await session.get(f"{echo.url}/?set=a=1")
        wrapper.close()
        wrapper.close()
        for call in (session.get(echo.url), session.get(echo.url, cookies={"a": "b"})):
            with pytest.raises(acurl.EngineClosed, match="engine is closed"):
                await call
        with pytest.raises(acurl.EngineClosed):
            wrapper.stats()
        with pytest.raises(acurl.EngineClosed):
            await wrapper.session().get(echo.url)
        assert "closed" in repr(wrapper)
        assert (response.status_code, response.url) == (200, f"{echo.url}/?set=a=1")

    run_async(main())


def test_a_held_body_outlives_its_engine(run_async: RunAsync, nginx: Nginx) -> None:
    async def main() -> bytes:
        with acurl.CurlWrapper(asyncio.get_running_loop()) as wrapper:
            response = await wrapper.session().get(f"{nginx.http}/large")
        del wrapper
        gc.collect()
        body: bytes = response.body
        return body

    assert run_async(main()) == b"0123456789abcdef" * (1 << 16)


def test_a_foreign_thread_is_refused(run_wrapper: RunWrapper, echo: Echo) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session()
        await session.get(f"{echo.url}/?set=a=1")

        def misuse() -> list[str]:
            said = []
            calls = (
                lambda: session.get(echo.url).send(None),
                lambda: session.get(echo.url, cookies={"b": "2"}).send(None),
                session.cookies,
                session.erase_all_cookies,
                wrapper.stats,
                wrapper.close,
            )
            for call in calls:
                with pytest.raises(acurl.EngineMisuse) as caught:
                    call()
                said.append(str(caught.value))
            return said

        said = await asyncio.to_thread(misuse)
        assert {message.partition(":")[0] for message in said} == {
            "this engine belongs to another thread"
        }
        assert session.cookies() == {"a": "1"}
        assert (await session.get(echo.url)).reused

    run_wrapper(body)


def test_what_a_foreign_thread_drops_is_given_back(run_wrapper: RunWrapper, echo: Echo) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        sessions = [wrapper.session()]
        response = await sessions[0].get(f"{echo.url}/?set=a=1")
        del response
        await asyncio.to_thread(sessions.clear)
        await asyncio.sleep(0)
        assert (await wrapper.session().get(echo.url)).reused

    run_wrapper(body)


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_is_refused_and_can_make_its_own(run_async: RunAsync, nginx: Nginx) -> None:
    context = multiprocessing.get_context("fork")
    ours, childs = context.Pipe()

    def child(wrapper: acurl.CurlWrapper, session: acurl.Session) -> None:
        said = []
        for call in (lambda: session.get(nginx.http).send(None), session.cookies, wrapper.stats):
            try:
                call()
            except acurl.EngineMisuse as error:
                said.append(str(error))
        wrapper.close()

        async def own() -> int:
            with acurl.CurlWrapper(asyncio.get_running_loop()) as mine:
                answer = await mine.session().get(f"{nginx.http}/small")
            return int(answer.status_code)

        asyncio._set_running_loop(None)
        with asyncio.Runner(loop_factory=LOOP_FACTORIES[run_async.loop_name]) as runner:
            childs.send((said, runner.run(own())))

    async def main() -> None:
        with acurl.CurlWrapper(asyncio.get_running_loop()) as wrapper:
            session = wrapper.session()
            await session.get(f"{nginx.http}/cookie/set")
            slow = asyncio.ensure_future(session.get(f"{nginx.http}/large"))
            await asyncio.sleep(0)
            process = context.Process(target=child, args=(wrapper, session))
            process.start()
            assert len((await slow).body) == 1 << 20
            said, status = await asyncio.to_thread(ours.recv)
            await asyncio.to_thread(process.join, 10)
            assert (process.exitcode, status) == (0, 200)
            assert len(said) == 3
            assert {text.partition(":")[0] for text in said} == {
                "this engine was made before the process forked"
            }
            assert (await session.get(f"{nginx.http}/cookie/show")).reused
            assert session.cookies() == {"flavour": "oat", "scope": "here"}

    run_async(main())


@pytest.mark.parametrize("loop_name", sorted(LOOP_FACTORIES))
def test_a_loop_closed_before_its_wrapper(loop_name: str, nginx: Nginx) -> None:
    before = descriptors()
    loop = LOOP_FACTORIES[loop_name]()
    wrapper = acurl.CurlWrapper(loop)
    answer = loop.run_until_complete(wrapper.session().get(f"{nginx.http}/small"))
    assert answer.status_code == 200
    loop.close()
    wrapper.close()
    del loop, answer
    gc.collect()
    assert descriptors() <= before


def test_a_dropped_wrapper_leaves_no_descriptor(run_async: RunAsync, nginx: Nginx) -> None:
    async def main() -> None:
        before = descriptors()
        wrapper: acurl.CurlWrapper | None = None
        for _ in range(20):
            wrapper = acurl.CurlWrapper(asyncio.get_running_loop())
            await wrapper.session().get(f"{nginx.http}/small")
            await wrapper.session(verify=False).get(f"{nginx.https}/small")
        wrapper = None
        gc.collect()
        assert descriptors() == before

    run_async(main())


def test_refused_connections_leave_no_descriptor(run_wrapper: RunWrapper) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session()
        before = descriptors()
        for _ in range(10):
            results = await asyncio.gather(
                *(session.get("http://127.0.0.1:1/") for _ in range(100)), return_exceptions=True
            )
            assert {type(result) for result in results} == {acurl.ConnectError}
        stats = wrapper.stats()
        assert (stats.opened, stats.closed) == (1000, 1000)
        assert descriptors() - before <= 1  # libcurl's own for waking up
        assert stats.handles <= 256

    run_wrapper(body)


def test_engines_are_many_and_cheap(run_async: RunAsync) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        before = descriptors()
        wrappers = [acurl.CurlWrapper(loop) for _ in range(100)]
        opened = descriptors() - before
        for wrapper in wrappers:
            wrapper.close()
        assert opened <= 400
        assert descriptors() == before

    run_async(main())


def test_an_engine_without_descriptors_is_an_os_error(run_async: RunAsync) -> None:
    import resource  # noqa: PLC0415 - the only test that needs it

    async def main() -> None:
        loop = asyncio.get_running_loop()
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        fillers = [os.open("/dev/null", os.O_RDONLY) for _ in range(descriptors() + 50)]
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (max(fillers) + 1, hard))
            with pytest.raises(OSError, match="descriptors or memory exhausted"):
                acurl.CurlWrapper(loop)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            for filler in fillers:
                os.close(filler)

    run_async(main())
