import asyncio
import socket

import pytest

from mite_http import SessionPool
from tests.mite_http.journeys import Told
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
        assert repr(pool) == (
            "SessionPool(http: 0 in use, 1 of 50 idle; 5 requests (80% reused), 1 opened)"
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
