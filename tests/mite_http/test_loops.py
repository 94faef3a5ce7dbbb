import asyncio
import os
import threading
from collections.abc import Callable

from mite_http import SessionPool, SharedPoolRegistry, loops
from tests.mite_http.journeys import Told
from tests.servers.loops import RunAsync
from tests.servers.nginx import Nginx


def test_a_pool_has_one_branch_on_a_loop(run_async: RunAsync) -> None:
    pool = SessionPool(name="api")

    async def main() -> None:
        loop = asyncio.get_running_loop()
        branch = loops.branch_of(pool, loop, lambda: 0.0)
        assert loops.branch_of(pool, loop, lambda: 0.0) is branch
        assert repr(loops.of(loop)) == "LoopPools(api)"
        assert loop in loops.known()
        assert loops.running() is loops.of(loop)
        other = loops.branch_of(SessionPool(name="api"), loop, lambda: 0.0)
        assert (branch.name, other.name) == ("api", "api#2")

    run_async(main())
    assert loops.running() is None
    assert loops.known() == []


def in_child(work: Callable[[], None]) -> int:
    """Run something in a forked child; its exit status, 0 when nothing was raised."""
    pid = os.fork()
    if pid:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    try:
        work()
        os._exit(0)
    except BaseException:  # noqa: BLE001 - whatever it is, the child must not run on as a test
        os._exit(1)


def test_a_forked_child_starts_clean(nginx: Nginx) -> None:
    """And the parent goes on with the connections that it had."""
    told = Told()
    pool = SessionPool()

    async def visit(reused: list[bool]) -> None:
        mine = Told()
        async with pool.session_context(mine.ctx) as session:
            for _ in reused:
                await session.get(f"{nginx.http}/small?forked")
        assert [message["reused"] for message in mine.requests] == reused
        assert pool.stats().opened == 1
        assert list(SharedPoolRegistry.get_pool_stats()["pools"]) == ["http"]
        await mine.run.close()

    def child() -> None:
        assert SharedPoolRegistry.get_pool_stats()["total_pools"] == 0
        assert pool.stats().opened == 0
        asyncio.run(visit([False, True]))

    async def main() -> None:
        async with pool.session_context(told.ctx) as session:
            await session.get(f"{nginx.http}/small")
            # The child must come out of no thread's lock.
            assert threading.active_count() == 1
            assert in_child(child) == 0
            await session.get(f"{nginx.http}/small")
        await told.run.close()

    asyncio.run(main())
    assert [message["reused"] for message in told.requests] == [False, True]
    assert len(nginx.wait_requests("/small?forked", 2)) == 2
