import asyncio
import contextlib
import gc
from typing import Any

import pytest

import acurl
from mite.context import Context
from mite_http import AcurlSessionWrapper, SessionPool, mite_http
from tests.mite_http.journeys import Told
from tests.servers.loops import RunAsync
from tests.servers.nginx import Nginx


@mite_http
async def plain(ctx: Context, url: str) -> tuple[AcurlSessionWrapper, int]:
    """A docstring."""
    response = await ctx.http.get(url)
    return ctx.http, response.status_code


@mite_http(max_connects=7)
async def narrow(ctx: Context) -> Any:
    return ctx.http.pool


@mite_http(max_connects=7, name="http")
async def narrow_too(ctx: Context) -> Any:
    return ctx.http.pool


@mite_http(name="first")
@mite_http(name="second")
async def two(ctx: Context) -> list[Any]:
    return [ctx.first.pool, ctx.second.pool]


@mite_http
async def fails(ctx: Context) -> None:
    raise ValueError(ctx.http)


@mite_http
async def hangs(ctx: Context) -> None:
    assert ctx.http
    await asyncio.get_running_loop().create_future()


@mite_http
async def outer(ctx: Context, url: str) -> None:
    mine = ctx.http
    inner, _ = await plain(ctx, url)
    assert inner is not mine
    assert ctx.http is mine
    await ctx.http.get(url)


def test_puts_a_session_on_the_context_and_takes_it_off(nginx: Nginx, run_async: RunAsync) -> None:
    told = Told()

    async def main() -> None:
        session, status = await plain(told.ctx, f"{nginx.http}/small")
        assert status == 200
        assert not hasattr(told.ctx, "http")
        with pytest.raises(acurl.EngineClosed):
            await session.get(f"{nginx.http}/small")
        await told.run.close()

    run_async(main())
    assert (plain.__name__, plain.__doc__) == ("plain", "A docstring.")
    assert len(told.requests) == 1


def test_equal_options_share_a_pool_and_different_ones_do_not(run_async: RunAsync) -> None:
    told = Told()

    async def main() -> None:
        pool = await narrow(told.ctx)
        assert await narrow_too(told.ctx) is pool
        assert pool.options.max_connects == 7
        first, second = await two(told.ctx)
        assert len({pool, first, second}) == 3
        await told.run.close()

    run_async(main())


def test_taken_off_when_the_journey_fails_or_is_cancelled(run_async: RunAsync) -> None:
    told = Told()

    async def main() -> None:
        with pytest.raises(ValueError, match="AcurlSessionWrapper"):
            await fails(told.ctx)
        assert not hasattr(told.ctx, "http")
        task = asyncio.create_task(hangs(told.ctx))
        while not hasattr(told.ctx, "http"):  # noqa: ASYNC110 - the task tells nobody
            await asyncio.sleep(0)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        assert not hasattr(told.ctx, "http")
        await told.run.close()

    run_async(main())


def test_journeys_that_call_each_other_keep_their_own(nginx: Nginx, run_async: RunAsync) -> None:
    told = Told()

    async def main() -> None:
        await outer(told.ctx, f"{nginx.http}/small")
        await told.run.close()

    run_async(main())
    assert len(told.requests) == 2


def test_the_pools_decorator_is_the_same(nginx: Nginx, run_async: RunAsync) -> None:
    told = Told()

    async def journey(ctx: Context) -> Any:
        return ctx.http.pool

    async def main() -> None:
        session, _ = await plain(told.ctx, f"{nginx.http}/small")
        assert await SessionPool.decorator(journey)(told.ctx) is session.pool
        await told.run.close()

    run_async(main())


def test_a_pool_may_decorate_too(nginx: Nginx, run_async: RunAsync) -> None:
    told = Told()
    pool = SessionPool(max_connects=5, name="api")

    @pool.decorator
    async def journey(ctx: Context, url: str) -> Any:
        """A docstring."""
        await ctx.api.get(url)
        return ctx.api.pool

    async def main() -> None:
        assert await journey(told.ctx, f"{nginx.http}/small") is pool
        assert not hasattr(told.ctx, "api")
        assert pool.stats().sessions == 0
        await told.run.close()

    run_async(main())
    assert journey.__doc__ == "A docstring."


def test_defaults_that_are_written_out_make_no_difference(run_async: RunAsync) -> None:
    told = Told()

    @mite_http(max_connects=100, http_version="auto")
    async def written(ctx: Context) -> Any:
        return ctx.http.pool

    @mite_http
    async def unwritten(ctx: Context) -> Any:
        return ctx.http.pool

    async def main() -> None:
        assert await written(told.ctx) is await unwritten(told.ctx)
        await told.run.close()

    run_async(main())


def test_a_context_without_a_config_will_do(nginx: Nginx, run_async: RunAsync) -> None:
    class Bare:
        def __init__(self) -> None:
            self.messages: list[dict[str, Any]] = []
            self.emit = self.messages.append

    bare = Bare()

    async def main() -> None:
        session, status = await plain(bare, f"{nginx.http}/small")  # type: ignore[arg-type]
        assert status == 200
        assert session.pool is not None
        session.pool.close()

    run_async(main())
    assert [message["response_code"] for message in bare.messages] == [200]


def test_options_are_checked_where_they_stand() -> None:
    with pytest.raises(TypeError, match="max_connections_typo"):
        mite_http(max_connections_typo=3)  # type: ignore[call-overload]
    with pytest.raises(acurl.RequestError, match="max_connects=-1"):
        mite_http(max_connects=-1)


def test_a_journey_leaves_nothing_for_the_garbage_collector(
    nginx: Nginx, run_async: RunAsync
) -> None:
    told = Told()

    async def main() -> int:
        for _ in range(20):
            await plain(told.ctx, f"{nginx.http}/small")
        gc.collect()
        gc.disable()
        try:
            for _ in range(50):
                await plain(told.ctx, f"{nginx.http}/small")
            return gc.collect()
        finally:
            gc.enable()
            await told.run.close()

    assert run_async(main()) < 50
