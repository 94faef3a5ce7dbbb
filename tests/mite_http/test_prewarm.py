import asyncio
import logging
import socket
from typing import Any

import pytest

from mite_http import PrewarmReport, SessionPool, mite_http
from tests.mite_http.journeys import Told
from tests.servers.loops import RunAsync
from tests.servers.nginx import Nginx


async def at_once(session: Any, url: str, count: int) -> list[Any]:
    return list(await asyncio.gather(*(session.get(url) for _ in range(count))))


def test_later_requests_find_connections(nginx: Nginx, run_async: RunAsync) -> None:
    told = Told()
    pool = SessionPool()
    accepted = nginx.stub_status().accepts

    async def main() -> None:
        (report,) = await pool.prewarm(nginx.http, connections=8)
        assert (report.wanted, report.connections, report.opened) == (8, 8, 8)
        assert (report.http_version, report.error) == ("1.1", None)
        assert len(report.handshakes) == 8
        assert all(0 < seconds < 5 for seconds in report.handshakes)
        async with pool.session_context(told.ctx) as session:
            for response in await at_once(session, f"{nginx.http}/small", 8):
                assert (response.reused, response.connect_time) == (True, 0.0)
            stats = pool.stats()
            assert (stats.started, stats.finished, stats.reused, stats.opened) == (8, 8, 8, 8)
        (again,) = await pool.prewarm(nginx.http, connections=8)
        assert (again.connections, again.opened, again.handshakes) == (8, 0, ())
        pool.close()

    run_async(main())
    assert len(told.requests) == 8
    # One more is the asking.
    assert nginx.stub_status().accepts - accepted == 9


def test_over_http2_too(nginx: Nginx, run_async: RunAsync) -> None:
    pool = SessionPool(verify=str(nginx.ca_file))
    told = Told()

    async def main() -> None:
        one, three = await pool.prewarm({nginx.https: 1, f"{nginx.https}/small": 3})
        assert (one.http_version, one.connections, one.error) == ("2", 1, None)
        assert (three.http_version, three.connections, three.error) == ("2", 3, None)
        assert pool.stats().idle == 3
        assert pool.options.max_streams == 100
        async with pool.session_context(told.ctx) as session:
            answers = await at_once(session, f"{nginx.https}/small", 50)
            assert all(response.reused for response in answers)
            assert {response.appconnect_time for response in answers} == {0.0}
        assert pool.stats().opened == 3
        pool.close()

    run_async(main())


@pytest.mark.parametrize(
    ("options", "connections", "error"),
    [
        ({"connections": "session"}, 0, "connections='session': each has its own"),
        ({"connections": "request"}, 0, "connections='request'"),
        ({"max_connections": 2}, 2, "no more than 2 came about with max_connections=2"),
        ({"max_connects": 2}, 4, "max_connects=2 keeps no more"),
    ],
)
def test_fewer_than_wanted_are_explained(
    nginx: Nginx,
    run_async: RunAsync,
    options: dict[str, Any],
    connections: int,
    error: str,
) -> None:
    async def main() -> PrewarmReport:
        pool = SessionPool(**options)
        (report,) = await pool.prewarm(nginx.http, connections=4)
        pool.close()
        return report

    report = run_async(main())
    assert report.connections == connections
    assert report.error is not None
    assert error in report.error


def test_each_lane_gets_its_own(nginx: Nginx, run_async: RunAsync) -> None:
    told = Told()
    pool = SessionPool(connections="lanes:3")

    async def main() -> None:
        (report,) = await pool.prewarm(nginx.http, connections=2)
        assert (report.wanted, report.connections, report.error) == (6, 6, None)
        for _user in range(3):
            async with pool.session_context(told.ctx) as session:
                for response in await at_once(session, f"{nginx.http}/small", 2):
                    assert response.reused
        pool.close()

    run_async(main())


def test_the_option_is_done_before_the_first_journey_proceeds(
    nginx: Nginx, run_async: RunAsync
) -> None:
    told = Told()

    @mite_http(prewarm={f"{nginx.http}/small?warmed": 3}, max_connects=61)
    async def journey(ctx: Any) -> tuple[PrewarmReport, ...]:
        assert (await ctx.http.get(f"{nginx.http}/small")).reused
        reports: tuple[PrewarmReport, ...] = ctx.http.pool.warmed
        return reports

    async def main() -> None:
        found = await asyncio.gather(*(journey(told.another()) for _ in range(3)))
        assert [report.connections for (report,) in found] == [3, 3, 3]
        await journey(told.ctx)
        assert not hasattr(told.ctx, "http")
        await told.run.close()

    seen = len(nginx.requests("?warmed"))
    run_async(main())
    assert [message["reused"] for message in told.requests] == [True] * 4
    assert told.pools[-1]["totals"]["finished"] == 4
    assert len(nginx.wait_requests("?warmed", seen + 3)) - seen == 3


def test_a_failure_is_a_log_line_and_no_failed_journey(
    nginx: Nginx, run_async: RunAsync, caplog: pytest.LogCaptureFixture
) -> None:
    told = Told()
    with socket.create_server(("127.0.0.1", 0)) as closed:
        dead = f"http://127.0.0.1:{closed.getsockname()[1]}"

    @mite_http(prewarm=[dead], max_connects=62)
    async def journey(ctx: Any) -> Any:
        await ctx.http.get(f"{nginx.http}/small")
        return ctx.http.pool.warmed

    async def main() -> None:
        (report,) = await journey(told.ctx)
        assert (report.connections, report.error[:14]) == (0, "ConnectError: ")
        await told.run.close()

    with caplog.at_level(logging.WARNING, "mite_http"):
        run_async(main())
    assert "pool http: prewarm http://127.0.0.1:" in caplog.text
    assert "0 of 1 connections, 0 new: ConnectError" in caplog.text
    assert len(told.requests) == 1


def test_a_journey_may_be_cancelled_while_it_waits(nginx: Nginx, run_async: RunAsync) -> None:
    """And the one beside it goes on waiting."""
    told = Told()

    @mite_http(prewarm=[f"{nginx.http}/small"], max_connects=63)
    async def journey(ctx: Any) -> int:
        status: int = (await ctx.http.get(f"{nginx.http}/small")).status_code
        return status

    async def main() -> None:
        tasks = [asyncio.create_task(journey(told.another())) for _ in range(2)]
        await asyncio.sleep(0)
        tasks[0].cancel()
        await asyncio.wait(tasks)
        assert tasks[0].cancelled()
        assert tasks[1].result() == 200
        await told.run.close()

    run_async(main())


def test_the_pool_may_be_closed_while_it_is_prepared(run_async: RunAsync) -> None:
    told = Told()

    async def main() -> None:
        with socket.create_server(("127.0.0.1", 0)) as silent:
            pool = SessionPool(prewarm=[f"http://127.0.0.1:{silent.getsockname()[1]}"])
            session = pool.checkout(told.ctx)
            await asyncio.sleep(0)
            waiting = asyncio.ensure_future(session.ready())
            await asyncio.sleep(0)
            pool.close()
            await waiting
            session.close()
        await told.run.close()

    run_async(main())


def test_opened_again_it_is_prepared_again(nginx: Nginx, run_async: RunAsync) -> None:
    told = Told()
    pool = SessionPool(prewarm=[f"{nginx.http}/small"])

    async def main() -> None:
        session = pool.checkout(told.ctx)
        await asyncio.sleep(0)
        pool.close()
        session.close()
        async with pool.session_context(told.ctx) as again:
            assert (await again.get(f"{nginx.http}/small")).reused
        (report,) = pool.warmed
        assert (report.connections, report.error) == (1, None)
        await told.run.close()

    run_async(main())


def test_a_report_is_a_line() -> None:
    report = PrewarmReport("http://a/", 3, 2, 1, "2", (0.0125,), error="odd")
    assert str(report) == (
        "http://a/: 2 of 3 connections, 1 new, HTTP/2, slowest handshake 12.5 ms: odd"
    )
