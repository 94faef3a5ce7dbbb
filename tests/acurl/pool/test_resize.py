"""Limits that change while requests run."""

import asyncio
import time

import pytest

import acurl
from tests.acurl.conftest import RunWrapper, until
from tests.acurl.pool.conftest import PATIENT, CountingServerFactory, crowd


def test_a_wider_ceiling_lets_the_waiting_go_at_once(
    run_wrapper: RunWrapper, counting_server: CountingServerFactory
) -> None:
    server = counting_server()

    async def body(wrapper: acurl.CurlWrapper) -> None:
        many = asyncio.ensure_future(crowd(wrapper, f"{server.url}/wait/300", users=20))
        await until(lambda: server.running == 2)
        since = time.perf_counter()
        wrapper.resize(max_connections=20)
        await until(lambda: server.running == 20)
        assert time.perf_counter() - since < 0.25
        assert {answer.retries for answer in await many} == {0}
        assert (wrapper.limits.max_connections, server.peak_open) == (20, 20)

    run_wrapper(body, max_connections=2)


def test_a_narrower_one_drops_no_request(
    run_wrapper: RunWrapper, counting_server: CountingServerFactory
) -> None:
    server = counting_server()

    async def body(wrapper: acurl.CurlWrapper) -> None:
        many = asyncio.ensure_future(crowd(wrapper, f"{server.url}/wait/100", users=20, rounds=3))
        await until(lambda: server.running == 20)
        wrapper.resize(max_connections=3)
        await until(lambda: 0 < server.running <= 3)
        server.peak_running = 0
        answers = await many
        assert len(answers) == 60
        assert server.peak_running <= 3
        await crowd(wrapper, f"{server.url}/", users=3)
        await until(lambda: server.open <= 3)

    run_wrapper(body)


def test_ceilings_come_and_go(
    run_wrapper: RunWrapper, counting_server: CountingServerFactory
) -> None:
    server = counting_server()

    async def body(wrapper: acurl.CurlWrapper) -> None:
        many = asyncio.ensure_future(crowd(wrapper, f"{server.url}/wait/10", users=40, rounds=20))
        for most in (2, None, 5, 1, None, 3):
            wrapper.resize(max_connections=most)
            await asyncio.sleep(0.03)
        assert len(await many) == 800
        stats = wrapper.stats()
        assert (stats.in_flight, stats.queued, stats.faults) == (0, 0, 0)

    run_wrapper(body)


def test_fewer_idle_ones(run_wrapper: RunWrapper, counting_server: CountingServerFactory) -> None:
    server = counting_server()

    async def body(wrapper: acurl.CurlWrapper) -> None:
        await crowd(wrapper, f"{server.url}/wait/30", users=30)
        wrapper.resize(max_keepalive_connections=5)
        since = time.perf_counter()
        await until(lambda: server.open == 5)
        assert time.perf_counter() - since < 1
        wrapper.resize(max_connects=100, max_host_keepalive=1)
        await until(lambda: server.open == 1)

    run_wrapper(body)


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ({"max_connections": 0}, "max_connections=0: must be a whole number, 1 or more"),
        ({"max_connects": 3, "max_keepalive_connections": 4}, "another name of max_connects"),
        ({"max_lifetime": 5}, "max_lifetime: cannot be changed"),
        ({"min_connects": 3, "max_connections": 2}, "must not be above max_connections=2"),
        ({"min_connects": 101}, "min_connects=101: must not be above max_connects=100"),
    ],
    ids=str,
)
def test_what_is_refused_changes_nothing(
    run_wrapper: RunWrapper, limits: dict[str, int], message: str
) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        before = wrapper.limits
        with pytest.raises(acurl.RequestError, match=message):
            wrapper.resize(**limits)
        assert wrapper.limits == before

    run_wrapper(body)


def test_a_closed_wrapper_is_not_resized(run_wrapper: RunWrapper) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        other = acurl.CurlWrapper(asyncio.get_running_loop(), max_connections=3)
        other.close()
        with pytest.raises(acurl.EngineClosed):
            other.resize(max_connections=4)
        assert PATIENT.pool == 25

    run_wrapper(body)
