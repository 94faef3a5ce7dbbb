import asyncio
import socket
import threading

import pytest

import acurl
from mite_http import PoolOptions, PoolStats, SessionPool
from tests.mite_http.journeys import Told, until
from tests.servers.loops import RunAsync
from tests.servers.nginx import Nginx


def test_sessions_of_a_pool_share_connections(nginx: Nginx, run_async: RunAsync) -> None:
    told = Told()
    pool = SessionPool(max_connects=50)
    assert repr(pool) == "SessionPool(http, not open)"

    async def main() -> None:
        for _ in range(5):
            async with pool.session_context(told.ctx) as session:
                assert told.ctx.http is session
                await session.get(f"{nginx.http}/small")
            assert not hasattr(told.ctx, "http")
        assert repr(pool).startswith(
            "SessionPool(http: 0 in use, 1 of 50 idle; 5 requests (80% reused), 1 opened"
        )
        await told.run.close()

    run_async(main())
    assert len({message["connection_id"] for message in told.requests}) == 1
    assert [message["reused"] for message in told.requests] == [False, True, True, True, True]


def test_the_end_of_the_run_tells_how_many_requests_were_begun(
    nginx: Nginx, run_async: RunAsync
) -> None:
    told = Told()
    pool = SessionPool()

    async def main() -> None:
        with socket.create_server(("127.0.0.1", 0)) as silent:
            url = f"http://127.0.0.1:{silent.getsockname()[1]}"
            async with pool.session_context(told.ctx) as session:
                await session.get(f"{nginx.http}/small")
                with pytest.raises(asyncio.TimeoutError):
                    await asyncio.wait_for(session.get(url), 0.1)
        await told.run.close()

    run_async(main())
    (ending,) = [message for message in told.messages if message["type"] == "http_pool"]
    assert (ending["pool"], ending["totals"]["started"]) == ("http", 2)
    assert (ending["totals"]["finished"], ending["changes"]["started"]) == (1, 2)
    assert len(told.requests) == 1


def test_closed_at_the_end_of_the_run_and_opened_again_by_the_next(
    nginx: Nginx, run_async: RunAsync, wait_until: object
) -> None:
    pool = SessionPool()
    assert callable(wait_until)
    before = nginx.stub_status().active

    async def main() -> None:
        for _ in range(2):
            told = Told()
            async with pool.session_context(told.ctx) as session:
                await asyncio.gather(*(session.get(f"{nginx.http}/small") for _ in range(8)))
            await told.run.close()
            assert repr(pool) == "SessionPool(http, not open)"
            assert len(told.requests) == 8

    run_async(main())
    wait_until(lambda: nginx.stub_status().active <= before, "nginx to see the connections end")


def test_each_loop_has_its_own_engine(nginx: Nginx, run_async: RunAsync) -> None:
    pool = SessionPool()

    async def main() -> int:
        told = Told()
        async with pool.session_context(told.ctx) as session:
            await session.get(f"{nginx.http}/small")
        pool.close()
        pool.close()
        return len(told.requests)

    assert [run_async(main()), run_async(main())] == [1, 1]


def test_a_loop_that_comes_back_finds_its_engine(nginx: Nginx, run_async: RunAsync) -> None:
    pool = SessionPool()
    told = Told()

    async def visit() -> None:
        async with pool.session_context(told.ctx) as session:
            await session.get(f"{nginx.http}/small")

    with asyncio.Runner() as one, asyncio.Runner() as other:
        for runner in (one, other, one, other):
            runner.run(visit())

        async def close() -> None:
            pool.close()

        one.run(close())
        other.run(close())
    assert [message["reused"] for message in told.requests] == [False, False, True, True]
    assert repr(pool) == "SessionPool(http, not open)"


def test_options_reach_the_engine(nginx: Nginx, run_async: RunAsync) -> None:
    told = Told()
    pool = SessionPool(http_version="2-prior-knowledge", verify=False, timeout=5)

    async def main() -> None:
        async with pool.session_context(told.ctx) as session:
            await session.get(f"{nginx.h2c}/small")
            await session.get(f"{nginx.https}/small")
        await told.run.close()

    run_async(main())
    assert [message["http_version"] for message in told.requests] == ["2", "2"]


def test_a_session_outside_of_a_loop_is_refused() -> None:
    with pytest.raises(RuntimeError, match="no running event loop"):
        SessionPool().checkout(Told().ctx)


def test_a_snapshot_of_a_pool_that_was_never_used() -> None:
    pool = SessionPool(max_connects=7, max_connections=9, name="api")
    assert pool.stats() == PoolStats("api", max_connects=7, max_connections=9)
    assert (pool.warmed, pool.name) == ((), "api")


def test_a_snapshot_while_requests_run(nginx: Nginx, run_async: RunAsync) -> None:
    told = Told()
    pool = SessionPool(max_connections=2, timeout=acurl.Timeout(pool=None))

    async def main() -> None:
        async with pool.session_context(told.ctx) as session:
            slow = [asyncio.ensure_future(session.get(f"{nginx.http}/slow")) for _ in range(5)]
            await until(lambda: pool.stats().in_use == 2)
            stats = pool.stats()
            assert (stats.in_flight, stats.queued, stats.streams, stats.sessions) == (5, 3, 1.0, 1)
            assert repr(pool) == (
                "SessionPool(http: 2 of 2 in use, 0 of 100 idle, 3 queued; 0 requests, 2 opened)"
            )
            for request in slow:
                request.cancel()
            await asyncio.wait(slow)
        assert pool.stats().sessions == 0
        await told.run.close()

    run_async(main())


def test_waits_are_told_and_timeouts_counted(nginx: Nginx, run_async: RunAsync) -> None:
    told = Told()
    pool = SessionPool(max_connections=1, timeout=acurl.Timeout(pool=0.2))

    async def main() -> None:
        async with pool.session_context(told.ctx) as session:
            await session.get(f"{nginx.http}/small")
            assert pool.stats().wait_max < 0.2
            slow = asyncio.ensure_future(session.get(f"{nginx.http}/slow"))
            await asyncio.sleep(0)
            with pytest.raises(acurl.PoolTimeout):
                await session.get(f"{nginx.http}/small")
            slow.cancel()
            await asyncio.wait([slow])
            stats = pool.stats()
            assert (stats.timeouts, stats.finished) == (1, 2)
            assert 0.2 <= stats.wait_max < 1
            assert stats.wait_p99 == pytest.approx(stats.wait_max, rel=0.01)
            assert stats.wait_p50 < 0.2
        await told.run.close()

    run_async(main())
    failed = told.requests[-1]
    assert (failed["error"], failed["reused"], failed["connection_id"]) == (
        "PoolTimeout",
        False,
        -1,
    )
    assert failed["pool_wait"] >= 0.2


def test_resize_acts_at_once_and_drops_nothing(nginx: Nginx, run_async: RunAsync) -> None:
    told = Told()
    pool = SessionPool(max_connects=10, max_connections=1)

    async def main() -> None:
        async with pool.session_context(told.ctx) as session:
            requests = [
                asyncio.ensure_future(session.get(f"{nginx.http}/small")) for _ in range(20)
            ]
            await asyncio.sleep(0)
            pool.resize(max_connections=4)
            assert pool.options.max_connections == 4
            for answer in await asyncio.gather(*requests):
                assert answer.status_code == 200
            assert 1 < pool.stats().opened <= 4
            pool.resize(max_keepalive_connections=1)
            await until(lambda: pool.stats().idle <= 1)
            assert (pool.stats().max_connects, pool.stats().max_connections) == (1, 4)
            with pytest.raises(acurl.RequestError, match="max_connects=-1"):
                pool.resize(max_connects=-1)
            assert pool.options.max_connects == 1
        await told.run.close()

    run_async(main())


def test_later_engines_keep_what_was_resized(run_async: RunAsync) -> None:
    pool = SessionPool(max_connects=10)
    pool.resize(max_connections=3)

    async def main() -> None:
        told = Told(mite_http_max_connections="9", mite_http_max_streams="8")
        async with pool.session_context(told.ctx):
            assert pool.options == PoolOptions(max_connects=10, max_connections=3, max_streams=8)
        await told.run.close()

    run_async(main())


def test_a_pool_of_ones_own_takes_the_runs_config(run_async: RunAsync) -> None:
    pool = SessionPool(max_connects=10)

    async def main() -> None:
        for number in (3, 4):
            told = Told(mite_http_max_connects="9", mite_http_max_connections=number)
            async with pool.session_context(told.ctx):
                assert pool.options == PoolOptions(max_connects=10, max_connections=number)
            await told.run.close()

    run_async(main())


def test_a_session_is_taken_off_whatever_happens(run_async: RunAsync) -> None:
    told = Told()
    pool = SessionPool(name="api")

    async def hang(entered: asyncio.Event) -> None:
        async with pool.session_context(told.ctx):
            entered.set()
            await asyncio.get_running_loop().create_future()

    async def main() -> None:
        with pytest.raises(ZeroDivisionError):
            async with pool.session_context(told.ctx):
                1 / 0  # noqa: B018
        assert not hasattr(told.ctx, "api")
        entered = asyncio.Event()
        task = asyncio.create_task(hang(entered))
        await entered.wait()
        task.cancel()
        await asyncio.wait([task])
        assert not hasattr(told.ctx, "api")
        async with pool.session_context(told.ctx) as outer:
            async with pool.session_context(told.ctx) as inner:
                assert (told.ctx.api is inner, inner is outer) == (True, False)
            assert told.ctx.api is outer
        assert pool.stats().sessions == 0
        await told.run.close()

    run_async(main())


def test_options_are_checked_where_they_stand() -> None:
    with pytest.raises(acurl.RequestError, match="max_connects='x'"):
        SessionPool(max_connects="x")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="did you mean 'max_connects'"):
        SessionPool(max_conects=3)  # type: ignore[call-arg]


def test_without_pooling_each_request_has_a_new_connection(
    nginx: Nginx, run_async: RunAsync, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MITE_HTTP_POOL_ENABLED", "0")
    told = Told()
    pool = SessionPool()
    monkeypatch.undo()

    async def main() -> None:
        async with pool.session_context(told.ctx) as session:
            for _ in range(3):
                await session.get(f"{nginx.http}/small")
        await told.run.close()

    run_async(main())
    assert [message["reused"] for message in told.requests] == [False] * 3


def test_a_pool_prepared_before_a_run_belongs_to_the_run(nginx: Nginx, run_async: RunAsync) -> None:
    told = Told()
    pool = SessionPool()

    async def main() -> None:
        await pool.prewarm(nginx.http)
        assert pool.stats().idle == 1
        async with pool.session_context(told.ctx) as session:
            assert (await session.get(f"{nginx.http}/small")).reused
        await told.run.close()
        assert repr(pool) == "SessionPool(http, not open)"

    run_async(main())
    (ending,) = told.pools
    assert (ending["totals"]["finished"], ending["totals"]["opened"]) == (1, 1)


def test_two_threads_share_a_pool_but_no_engine(nginx: Nginx) -> None:
    pool = SessionPool()
    opened: list[int] = []

    async def main() -> None:
        told = Told()
        for _ in range(200):
            async with pool.session_context(told.ctx) as session:
                await session.get(f"{nginx.http}/bulk")
        opened.append(pool.stats().opened)
        await told.run.close()
        assert len(told.requests) == 200

    threads = [threading.Thread(target=asyncio.run, args=(main(),)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert opened == [1, 1, 1]


def test_resize_from_another_thread_is_refused(nginx: Nginx, run_async: RunAsync) -> None:
    pool = SessionPool(max_connections=10)

    async def main() -> None:
        told = Told()
        async with pool.session_context(told.ctx) as session:
            await session.get(f"{nginx.http}/small")
            with pytest.raises(acurl.EngineMisuse, match="in use on another event loop"):
                await asyncio.to_thread(pool.resize, max_connections=1)
        assert pool.stats().max_connections == 10
        await told.run.close()

    run_async(main())
