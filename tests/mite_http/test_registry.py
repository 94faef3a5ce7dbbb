import asyncio
import gc
import threading
import weakref
from typing import Any

import pytest

import acurl
from mite.clock import FakeClock
from mite_http import SessionPool, SharedPoolRegistry, mite_http
from mite_http.options import PoolOptions
from tests.mite_http.journeys import Told, until
from tests.servers.loops import RunAsync
from tests.servers.nginx import Nginx


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeClock:
    """The registry's clock, moved by hand."""
    clock = FakeClock(1000.0)
    monkeypatch.setattr(SharedPoolRegistry, "clock", clock)
    return clock


@mite_http(max_connects=17)
async def visit(ctx: Any, url: str) -> None:
    await ctx.http.get(url)


@mite_http(max_connects=18)
async def visit_too(ctx: Any, url: str) -> None:
    await ctx.http.get(url)


def pools() -> dict[str, Any]:
    found: dict[str, Any] = SharedPoolRegistry.get_pool_stats()["pools"]
    return found


def test_equal_options_share_one_pool() -> None:
    first = SharedPoolRegistry.shared(PoolOptions(max_connects=41))
    assert SharedPoolRegistry.shared(PoolOptions(max_connects=41)) is first
    assert first.options == PoolOptions(max_connects=41)
    assert SharedPoolRegistry.shared(PoolOptions(max_connects=41, name="other")) is not first


def test_pools_are_made_when_they_are_first_used(nginx: Nginx, run_async: RunAsync) -> None:
    told = Told()

    async def main() -> None:
        assert SharedPoolRegistry.get_pool_stats()["total_pools"] == 0
        await visit(told.ctx, f"{nginx.http}/small")
        await visit(told.ctx, f"{nginx.http}/small")
        await visit_too(told.ctx, f"{nginx.http}/small")
        stats = SharedPoolRegistry.get_pool_stats()
        assert stats["total_pools"] == 2
        assert sorted(stats["pools"]) == ["http", "http#2"]
        one = stats["pools"]["http"]
        assert (one["type"], one["options"]["max_connects"]) == ("SessionPool", 17)
        assert (one["opened"], one["reused"], one["idle"], one["in_use"]) == (1, 1, 1, 0)
        assert 0 <= one["idle_time"] < 10
        assert one["closed"] == dict.fromkeys(one["closed"], 0)
        for key in ("queued", "evicted", "retries", "timeouts"):
            assert one[key] == 0
        assert 0 <= one["wait_p50"] <= one["wait_p99"] <= one["wait_max"] < 1
        await told.run.close()
        stats = SharedPoolRegistry.get_pool_stats()
        assert (stats["total_pools"], stats["pools"]) == (0, {})
        assert (stats["totals"]["finished"], stats["totals"]["opened"]) == (3, 2)
        assert stats["totals"]["closed"]["client"] == 2

    run_async(main())


def test_a_pool_that_nobody_uses_is_closed(
    nginx: Nginx, run_async: RunAsync, clock: FakeClock
) -> None:
    told = Told()

    async def main() -> None:
        await visit(told.ctx, f"{nginx.http}/small")
        clock.advance(299)
        assert pools()["http"]["idle_time"] == 299
        assert SharedPoolRegistry.close_idle() == []
        await visit(told.ctx, f"{nginx.http}/small")
        clock.advance(299)
        assert SharedPoolRegistry.close_idle() == []
        clock.advance(1)
        assert SharedPoolRegistry.close_idle() == ["http"]
        assert pools() == {}
        await told.run.close()

    run_async(main())
    assert [message["reused"] for message in told.requests] == [False, True]


def test_totals_go_on_when_a_pool_is_opened_again(
    nginx: Nginx, run_async: RunAsync, clock: FakeClock
) -> None:
    told = Told()

    async def main() -> None:
        for _ in range(3):
            await visit(told.ctx, f"{nginx.http}/small")
            clock.advance(300)
            SharedPoolRegistry.close_idle()
        await visit(told.ctx, f"{nginx.http}/small")
        one = pools()["http"]
        assert (one["started"], one["finished"], one["opened"], one["reused"]) == (4, 4, 4, 0)
        assert one["closed"]["client"] == 3
        await told.run.close()

    run_async(main())
    messages = [message for message in told.messages if message["type"] == "http_pool"]
    assert [message["totals"]["finished"] for message in messages] == [1, 2, 3, 4]
    assert [message["changes"]["finished"] for message in messages] == [1, 1, 1, 1]


def test_a_session_out_keeps_its_pool(nginx: Nginx, run_async: RunAsync, clock: FakeClock) -> None:
    told = Told()
    pool = SessionPool()

    async def main() -> None:
        async with pool.session_context(told.ctx) as session:
            twin = session.twin()
            clock.advance(1000)
            assert pools()["http"]["idle_time"] == 0.0
            assert SharedPoolRegistry.close_idle() == []
        clock.advance(1000)
        assert SharedPoolRegistry.close_idle() == []
        await twin.get(f"{nginx.http}/small")
        twin.close()
        twin.close()
        assert pool.stats().sessions == 0
        clock.advance(1000)
        assert SharedPoolRegistry.close_idle() == ["http"]
        await told.run.close()

    run_async(main())


def test_a_request_under_way_keeps_its_pool(
    nginx: Nginx, run_async: RunAsync, clock: FakeClock
) -> None:
    told = Told()
    pool = SessionPool()

    async def main() -> None:
        session = pool.checkout(told.ctx)
        request = asyncio.ensure_future(session.get(f"{nginx.http}/slow"))
        await until(lambda: pool.stats().in_use == 1)
        session.close()
        clock.advance(1000)
        assert SharedPoolRegistry.close_idle() == []
        request.cancel()
        await asyncio.wait([request])
        await until(lambda: pool.stats().in_flight == 0)
        assert SharedPoolRegistry.close_idle() == ["http"]
        await told.run.close()

    run_async(main())


def test_a_task_closes_idle_pools(
    nginx: Nginx, run_async: RunAsync, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MITE_HTTP_POOL_CLEANUP_INTERVAL", "0.01")
    monkeypatch.setenv("MITE_HTTP_POOL_IDLE_TIMEOUT", "0.02")
    told = Told()

    async def main() -> None:
        await visit(told.ctx, f"{nginx.http}/small")
        await until(lambda: not pools())
        await visit(told.ctx, f"{nginx.http}/small")
        await until(lambda: not pools())
        await told.run.close()

    run_async(main())


def test_the_task_can_be_stopped_and_started(
    nginx: Nginx, run_async: RunAsync, clock: FakeClock
) -> None:
    told = Told()

    async def main() -> None:
        before = asyncio.all_tasks()
        await visit(told.ctx, f"{nginx.http}/small")
        SharedPoolRegistry.stop_cleanup_task()
        SharedPoolRegistry.stop_cleanup_task()
        await until(lambda: len(asyncio.all_tasks() - before) == 1)
        loop = asyncio.get_running_loop()
        SharedPoolRegistry.start_cleanup_task(loop, idle_timeout=5, interval=0.01)
        SharedPoolRegistry.start_cleanup_task(loop, idle_timeout=5, interval=0.01)
        clock.advance(5)
        await until(lambda: not pools())
        SharedPoolRegistry.stop_cleanup_task(loop)
        await told.run.close()
        await until(lambda: asyncio.all_tasks() == before)

    run_async(main())


def test_times_may_be_set_on_the_class(
    nginx: Nginx, run_async: RunAsync, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SharedPoolRegistry, "idle_timeout", 7.0)
    monkeypatch.setattr(SharedPoolRegistry, "cleanup_interval", 0.01)
    told = Told()

    async def main() -> None:
        await visit(told.ctx, f"{nginx.http}/small")
        clock.advance(7)
        await until(lambda: not pools())
        await told.run.close()

    run_async(main())


def test_all_tasks_end_with_the_run(nginx: Nginx, run_async: RunAsync) -> None:
    told = Told()

    async def main() -> None:
        before = asyncio.all_tasks()
        await visit(told.ctx, f"{nginx.http}/small")
        await visit_too(told.ctx, f"{nginx.http}/small")
        await told.run.close()
        await until(lambda: asyncio.all_tasks() == before)

    run_async(main())


def test_loops_do_not_share_pools(nginx: Nginx, run_async: RunAsync) -> None:
    """Another loop, in another thread, is at the same place at the same time."""
    meeting = threading.Barrier(2, timeout=10)
    seen: dict[str, Any] = {}

    async def main(name: str) -> None:
        told = Told()
        await visit(told.ctx, f"{nginx.http}/small?{name}")
        await asyncio.to_thread(meeting.wait)
        seen[name] = pools()
        await asyncio.to_thread(meeting.wait)
        await told.run.close()

    other = threading.Thread(target=lambda: asyncio.run(main("other")))
    other.start()
    run_async(main("one"))
    other.join()
    assert sorted(name for one in seen.values() for name in one) == ["http", "http#2"]
    assert [one["opened"] for found in seen.values() for one in found.values()] == [1, 1]


def test_without_a_loop_all_figures_can_be_had(nginx: Nginx) -> None:
    ready, done = threading.Event(), threading.Event()

    async def main() -> None:
        told = Told()
        await visit(told.ctx, f"{nginx.http}/small")
        assert pools()["http"]["opened"] == 1
        ready.set()
        await asyncio.to_thread(done.wait)
        await told.run.close()

    other = threading.Thread(target=lambda: asyncio.run(main()))
    other.start()
    try:
        assert ready.wait(10)
        assert pools()["http"]["opened"] == 1
        SharedPoolRegistry.stop_cleanup_task()
    finally:
        done.set()
        other.join()
    assert pools() == {}


def test_a_task_may_be_started_before_the_loop_runs(nginx: Nginx) -> None:
    loop = asyncio.new_event_loop()
    told = Told()

    async def main() -> None:
        await visit(told.ctx, f"{nginx.http}/small")
        await until(lambda: not pools())
        await told.run.close()
        SharedPoolRegistry.stop_cleanup_task()
        await asyncio.sleep(0)

    SharedPoolRegistry.start_cleanup_task(loop, idle_timeout=0.01, interval=0.01)
    try:
        loop.run_until_complete(main())
    finally:
        loop.close()


def test_a_closed_loop_is_let_go(nginx: Nginx) -> None:
    async def main() -> None:
        await visit(Told().ctx, f"{nginx.http}/small")

    with asyncio.Runner() as runner:
        loop = weakref.ref(runner.get_loop())
        runner.run(main())
    del runner
    assert SharedPoolRegistry.get_pool_stats()["total_pools"] == 0
    gc.collect()
    assert loop() is None


def test_a_loop_that_was_closed_with_a_pool_open_is_let_go_too(nginx: Nginx) -> None:
    loop = asyncio.new_event_loop()
    pool = SessionPool()
    told = Told()

    async def main() -> None:
        async with pool.session_context(told.ctx) as session:
            await session.get(f"{nginx.http}/small")
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
            await asyncio.wait([task])

    thread = threading.Thread(target=lambda: loop.run_until_complete(main()))
    thread.start()
    thread.join()
    loop.close()
    assert pools() == {}
    assert repr(pool) == "SessionPool(http, not open)"


def test_a_bad_time_is_refused(run_async: RunAsync, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MITE_HTTP_POOL_IDLE_TIMEOUT", "soon")

    async def main() -> None:
        with pytest.raises(acurl.RequestError, match="MITE_HTTP_POOL_IDLE_TIMEOUT=soon"):
            SharedPoolRegistry.start_cleanup_task()

    run_async(main())


def test_config_decides_which_pool_it_is(nginx: Nginx, run_async: RunAsync) -> None:
    told, other = Told(), Told(mite_http_max_connects="33", mite_http_max_connections=5)

    @mite_http
    async def pool_of(ctx: Any) -> Any:
        return ctx.http.pool

    @mite_http(max_connections=5)
    async def limited(ctx: Any) -> Any:
        return ctx.http.pool

    async def main() -> None:
        plain = await pool_of(told.ctx)
        assert plain.options == PoolOptions()
        configured = await pool_of(other.ctx)
        assert configured.options == PoolOptions(max_connects=33, max_connections=5)
        assert await limited(other.ctx) is configured
        assert await limited(told.ctx) is not configured
        assert await pool_of(told.ctx) is plain
        await told.run.close()
        await other.run.close()

    run_async(main())
