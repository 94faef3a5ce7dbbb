"""Connections are kept, reused and ended as promised, and no socket keeps the loop from its work.

The server's own counts are the witness.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest

import acurl
from tests.acurl.conftest import RunWrapper, until
from tests.acurl.echo import Echo
from tests.conftest import RawServerFactory
from tests.servers.nginx import Nginx
from tests.servers.raw import Connection

LATEST_TICK = 0.1
"""How long a timer of the loop may wait for its turn, in seconds."""


def counting() -> tuple[Callable[[Connection], None], list[int]]:
    """A script that answers requests, and the list of its connections that still stand."""
    standing: list[int] = []

    def script(connection: Connection) -> None:
        standing.append(connection.number)
        try:
            while connection.read_head():
                connection.respond()
        finally:
            standing.remove(connection.number)

    return script, standing


def test_one_user_keeps_one_connection(run_wrapper: RunWrapper, nginx: Nginx) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        mark = f"one-user-{run_wrapper.loop_name}"
        session = wrapper.session()
        answers = [await session.get(f"{nginx.http}/small?{mark}") for _ in range(10)]
        assert [answer.reused for answer in answers] == [False] + [True] * 9
        assert {answer.connection_id for answer in answers} == {0}
        seen = nginx.wait_requests(mark, 10)
        assert len({request.connection for request in seen}) == 1

    run_wrapper(body)


def test_streams_share_one_http2_connection(run_wrapper: RunWrapper, nginx: Nginx) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        mark = f"shared-{run_wrapper.loop_name}"
        session = wrapper.session(verify=False)
        gets = (session.get(f"{nginx.https}/small?{mark}") for _ in range(50))
        answers = await asyncio.gather(*gets)
        assert sum(not answer.reused for answer in answers) == 1
        assert {answer.connection_id for answer in answers} == {0}
        seen = nginx.wait_requests(mark, 50)
        assert len({request.connection for request in seen}) == 1

    run_wrapper(body)


def test_more_streams_than_a_connection_may_carry(run_wrapper: RunWrapper, nginx: Nginx) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session("2-prior-knowledge")
        await session.get(f"{nginx.h2c}/small")
        answers = await asyncio.gather(*(session.get(f"{nginx.h2c}/large") for _ in range(20)))
        assert len({answer.connection_id for answer in answers}) >= 2
        assert {len(answer.body) for answer in answers} == {1 << 20}

    run_wrapper(body, max_streams=5)


def test_a_thousand_busy_users_never_reconnect(run_wrapper: RunWrapper, nginx: Nginx) -> None:
    rounds = 5

    async def user(session: acurl.Session) -> list[bool]:
        return [(await session.get(f"{nginx.http}/bulk")).reused for _ in range(rounds)]

    async def body(wrapper: acurl.CurlWrapper) -> None:
        before = nginx.stub_status().accepts
        reused = await asyncio.gather(*(user(wrapper.session()) for _ in range(1000)))
        opened = wrapper.stats().opened
        assert opened <= 1000
        assert sum(not again for user_reused in reused for again in user_reused) == opened
        # The two stub_status calls are one connection each.
        assert nginx.stub_status().accepts - before - 1 == opened
        assert wrapper.stats().closed_pool_limit == 0

    run_wrapper(body)


def test_surplus_idle_connections_are_ended(
    run_wrapper: RunWrapper, raw_server: RawServerFactory
) -> None:
    script, standing = counting()
    server = raw_server(script)

    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session()
        await asyncio.gather(*(session.get(server.url) for _ in range(20)))
        since = time.perf_counter()
        assert len(standing) == server.accepted
        await until(lambda: len(standing) <= 3)
        assert time.perf_counter() - since < 2
        stats = wrapper.stats()
        assert (stats.idle, stats.opened - stats.closed_pool_limit) == (3, 3)
        answers = await asyncio.gather(*(session.post(server.url, data=b"x") for _ in range(20)))
        assert {answer.status_code for answer in answers} == {200}
        assert sum(answer.reused for answer in answers) == 3
        assert {answer.retries for answer in answers} == {0}

    run_wrapper(body, max_connects=3)


def test_no_connection_is_kept_when_none_may_be(
    run_wrapper: RunWrapper, raw_server: RawServerFactory
) -> None:
    script, standing = counting()
    server = raw_server(script)

    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session()
        assert (await session.get(server.url)).status_code == 200
        await until(lambda: not standing)
        assert (await session.get(server.url)).status_code == 200

    run_wrapper(body, max_connects=0)


@pytest.mark.parametrize("origin", ["http", "https", "h2c"])
def test_expired_connections_are_ended_without_a_request(
    run_wrapper: RunWrapper, nginx: Nginx, origin: str
) -> None:
    version: Any = "2-prior-knowledge" if origin == "h2c" else "auto"
    url = f"{getattr(nginx, origin)}/bulk"

    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session(version, verify=False)
        idle = nginx.stub_status().active
        await asyncio.gather(*(session.get(url) for _ in range(5)))
        opened = wrapper.stats().opened
        since = time.perf_counter()
        assert nginx.stub_status().active == idle + opened
        await until(lambda: nginx.stub_status().active == idle)
        assert time.perf_counter() - since < 2.5
        stats = wrapper.stats()
        assert (stats.idle, stats.closed_expired) == (0, opened)
        answer = await session.get(url)
        assert (answer.status_code, answer.reused, answer.retries) == (200, False, 0)

    run_wrapper(body, keepalive_expiry=0.2)


def test_a_used_connection_does_not_expire(run_wrapper: RunWrapper, nginx: Nginx) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session()
        deadline = time.perf_counter() + 1.2
        while time.perf_counter() < deadline:
            await session.get(f"{nginx.http}/bulk")
            await asyncio.sleep(0.02)
        assert wrapper.stats().opened == 1

    run_wrapper(body, keepalive_expiry=1.0)


def test_a_connection_that_the_server_ended_is_replaced(
    run_wrapper: RunWrapper, nginx: Nginx
) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        for origin in (nginx.short, nginx.short_tls):
            session = wrapper.session(verify=False)
            answers = [await session.get(f"{origin}/small") for _ in range(35)]
            assert {answer.status_code for answer in answers} == {200}
            assert sum(not answer.reused for answer in answers) == 4
        stats = wrapper.stats()
        assert stats.opened - stats.closed <= 2

    run_wrapper(body)


def test_a_connection_that_dies_in_silence_is_replaced(
    run_wrapper: RunWrapper, raw_server: RawServerFactory
) -> None:
    def script(connection: Connection) -> None:
        connection.read_head()
        connection.respond()
        if connection.read_head():
            connection.reset()

    server = raw_server(script)

    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session()
        assert [(await session.get(server.url)).retries for _ in range(3)] == [0, 1, 1]
        assert server.accepted == 3

    run_wrapper(body)


def test_descriptor_numbers_used_again_are_not_mixed_up(
    run_wrapper: RunWrapper, nginx: Nginx, echo: Echo
) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session()
        for _ in range(30):
            closing = (session.get(f"{nginx.http}/close") for _ in range(5))
            kept = (session.get(f"{echo.url}/{number}") for number in range(5))
            answers = await asyncio.gather(*closing, *kept)
            assert {answer.body for answer in answers[:5]} == {b"hello from nginx\n"}
            for number, answer in enumerate(answers[5:]):
                assert answer.body.startswith(f"GET /{number} ".encode())
        stats = wrapper.stats()
        assert stats.opened - stats.closed <= 10
        assert stats.idle <= 10

    run_wrapper(body)


async def worst_tick(work: "asyncio.Future[Any]") -> float:
    """The most work, in seconds, that the loop did between two ticks of a 5 ms timer.

    Processor time of this thread: what other processes take is not the engine's doing.
    """
    worst = 0.0
    while not work.done():
        before = time.thread_time()
        await asyncio.sleep(0.005)
        worst = max(worst, time.thread_time() - before)
    await work
    return worst


def test_large_bodies_do_not_starve_the_loop(run_wrapper: RunWrapper, nginx: Nginx) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session()
        work = asyncio.gather(*(session.get(f"{nginx.http}/large") for _ in range(100)))
        assert await worst_tick(work) < LATEST_TICK
        assert {len(answer.body) for answer in work.result()} == {1 << 20}

    run_wrapper(body)


def test_a_thousand_ready_sockets_do_not_starve_the_loop(
    run_wrapper: RunWrapper, nginx: Nginx
) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session()
        work = asyncio.gather(*(session.get(f"{nginx.http}/bulk") for _ in range(1000)))
        assert await worst_tick(work) < LATEST_TICK
        drives = wrapper.stats().drives
        again = asyncio.gather(*(session.get(f"{nginx.http}/bulk") for _ in range(1000)))
        assert await worst_tick(again) < LATEST_TICK
        assert wrapper.stats().drives > drives

    run_wrapper(body)
