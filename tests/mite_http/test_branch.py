import asyncio
import socket

import pytest

import acurl
from mite.clock import FakeClock
from mite_http import SessionPool
from mite_http.branch import Branch
from tests.mite_http.journeys import until
from tests.servers.loops import RunAsync
from tests.servers.nginx import Nginx


def closed_port() -> str:
    """A URL where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"http://127.0.0.1:{server.getsockname()[1]}"


def test_figures_are_sums_over_engines(nginx: Nginx, run_async: RunAsync) -> None:
    clock = FakeClock()

    async def main() -> None:
        branch = Branch(SessionPool(), asyncio.get_running_loop(), "http#3", clock)
        assert (branch.is_open, branch.stats().opened) == (False, 0)
        for _ in range(2):
            session = branch.open()
            for _ in range(3):
                await session.get(f"{nginx.http}/small")
            assert branch.stats().idle == 1
            branch.close()
            branch.close()
        stats = branch.stats()
        assert (stats.finished, stats.opened, stats.reused, stats.idle) == (6, 2, 4, 0)
        assert stats.closed is not None
        assert stats.closed["client"] == 2
        assert repr(branch).startswith("Branch(http#3: 0 in use, 0 of 100 idle; 6 requests (67%")

    run_async(main())


def test_idle_since_the_last_session_came_back(run_async: RunAsync) -> None:
    clock = FakeClock(50.0)

    async def main() -> None:
        branch = Branch(SessionPool(), asyncio.get_running_loop(), "http", clock)
        branch.open()
        clock.advance(5)
        assert branch.idle_time() == 5
        branch.out = 1
        assert branch.idle_time() == 0
        branch.close()

    run_async(main())


def test_requests_of_the_pools_own_are_left_out_and_nothing_falls(
    nginx: Nginx, run_async: RunAsync
) -> None:
    async def main() -> None:
        branch = Branch(SessionPool(), asyncio.get_running_loop(), "http", FakeClock())
        session = branch.open()
        await session.get(f"{nginx.http}/small")
        own = asyncio.ensure_future(branch.own(session.get(f"{nginx.http}/small")))
        await asyncio.sleep(0)
        assert branch.totals().started == 1
        assert (await own).reused
        with pytest.raises(acurl.RequestError):
            await branch.own(session.get("no url"))
        with pytest.raises(acurl.ConnectError):
            await branch.own(session.get(closed_port()))
        given_up, cut_off = (
            asyncio.ensure_future(branch.own(session.get(f"{nginx.http}/slow"))) for _ in range(2)
        )
        await until(lambda: branch.counters().in_use == 2)
        given_up.cancel()
        await asyncio.wait([given_up])
        branch.close()
        with pytest.raises(acurl.EngineClosed):
            await cut_off
        totals = branch.totals()
        assert (totals.started, totals.finished, totals.reused) == (1, 1, 0)

    run_async(main())


def test_what_is_out_of_the_ordinary_is_counted(run_async: RunAsync) -> None:
    async def main() -> None:
        branch = Branch(SessionPool(), asyncio.get_running_loop(), "http", FakeClock())
        message = {"pool_wait": 0.5, "response_code": 503, "host": "a", "total_time": 1.0}
        branch.notice(message)
        branch.notice({**message, "pool_wait": 0.0, "response_code": 429})
        branch.notice({**message, "response_code": 200})
        stats = branch.stats()
        assert (stats.throttled, stats.wait_max) == (2, 0.5)
        assert stats.wait_p99 == pytest.approx(0.5, rel=0.01)

    run_async(main())
