"""What the server sees of idle connections: how many are kept, for how long, and which."""

import asyncio
import time
from typing import Any

import pytest

import acurl
from tests.acurl.conftest import RunWrapper, until
from tests.acurl.pool.conftest import CountingServerFactory, crowd
from tests.servers.nginx import Nginx

WITHIN = 1.0
"""Seconds after which the server must have seen the end of what is too much, or too old."""


async def seen(condition: Any, since: float, bound: float = WITHIN) -> None:
    """Wait for a condition that must hold within `bound` seconds of `since`."""
    await until(condition)
    assert time.perf_counter() - since < bound


@pytest.mark.parametrize("name", ["max_connects", "max_keepalive_connections"])
def test_of_a_burst_exactly_so_many_are_kept(
    run_wrapper: RunWrapper, counting_server: CountingServerFactory, name: str
) -> None:
    server = counting_server()

    async def body(wrapper: acurl.CurlWrapper) -> None:
        await crowd(wrapper, f"{server.url}/wait/50", users=100)
        quiet = time.perf_counter()
        assert server.open == server.peak_open == 100
        await seen(lambda: server.open <= 20, quiet)
        await asyncio.sleep(0.3)
        assert (server.open, wrapper.stats().idle, wrapper.stats().evicted) == (20, 20, 80)
        again = await crowd(wrapper, f"{server.url}/", users=20)
        assert {(answer.reused, answer.retries) for answer in again} == {(True, 0)}

    run_wrapper(body, **{name: 20})


@pytest.mark.parametrize(("http2", "streams"), [(False, 100), (True, 5)])
def test_the_same_for_each_origin(
    run_wrapper: RunWrapper, counting_server: CountingServerFactory, http2: bool, streams: int
) -> None:
    one, other = counting_server(http2=http2), counting_server(http2=http2)
    version = "2-prior-knowledge" if http2 else "auto"

    async def body(wrapper: acurl.CurlWrapper) -> None:
        for server in (one, other):
            await crowd(wrapper, f"{server.url}/wait/50", users=40, http_version=version)
        quiet = time.perf_counter()
        assert min(one.peak_open, other.peak_open) > 3
        await seen(lambda: (one.open, other.open) == (3, 3), quiet)
        await asyncio.sleep(0.2)
        assert (one.open, other.open, wrapper.stats().idle) == (3, 3, 6)

    run_wrapper(body, max_host_keepalive=3, max_streams=streams)


def test_what_an_origin_keeps_is_ended_behind_other_names_too(
    run_wrapper: RunWrapper, counting_server: CountingServerFactory
) -> None:
    server = counting_server()
    options: Any = {"connect_to": {"shop.test:80": f"127.0.0.1:{server.port}"}}

    async def body(wrapper: acurl.CurlWrapper) -> None:
        await crowd(wrapper, "http://shop.test/wait/50", users=10, **options)
        quiet = time.perf_counter()
        await seen(lambda: server.open == 2, quiet, bound=2)

    run_wrapper(body, max_host_keepalive=2)


@pytest.mark.parametrize("expiry", [0.2, 1.0])
@pytest.mark.parametrize("connections", ["shared", "lanes:3"])
def test_idle_ones_expire_within_a_second(
    run_wrapper: RunWrapper, counting_server: CountingServerFactory, expiry: float, connections: str
) -> None:
    server = counting_server()

    async def body(wrapper: acurl.CurlWrapper) -> None:
        await crowd(wrapper, f"{server.url}/wait/20", users=30, connections=connections)
        quiet = time.perf_counter()
        await asyncio.sleep(expiry - 0.1)
        assert server.open == 30
        await seen(lambda: server.open == 0, quiet, bound=expiry + WITHIN)
        assert wrapper.stats().closed_expired == 30

    run_wrapper(body, keepalive_expiry=expiry)


def test_the_least_that_is_kept(
    run_wrapper: RunWrapper, counting_server: CountingServerFactory
) -> None:
    server = counting_server()

    async def body(wrapper: acurl.CurlWrapper) -> None:
        await crowd(wrapper, f"{server.url}/wait/50", users=30)
        await until(lambda: server.open == 4)
        await asyncio.sleep(0.6)
        assert server.open == 4
        again = await crowd(wrapper, f"{server.url}/", users=4)
        assert {answer.reused for answer in again} == {True}

    run_wrapper(body, keepalive_expiry=0.2, min_connects=4)


@pytest.mark.parametrize("http2", [False, True])
def test_none_older_than_its_lifetime_is_used(
    run_wrapper: RunWrapper, counting_server: CountingServerFactory, http2: bool
) -> None:
    server = counting_server(http2=http2)
    version: Any = "2-prior-knowledge" if http2 else "auto"
    lifetime = 2

    async def body(wrapper: acurl.CurlWrapper) -> None:
        births: dict[int, float] = {}

        async def user() -> None:
            session = wrapper.session(version)
            begin = time.perf_counter()
            while time.perf_counter() - begin < 2 * lifetime + 0.5:
                asked = time.perf_counter()
                answer = await session.get(f"{server.url}/wait/20")
                born = births.setdefault(answer.connection_id, asked)
                assert asked - born < lifetime + 0.1, answer.connection_id
                assert answer.retries == 0

        await asyncio.gather(*(user() for _ in range(3)))
        assert server.accepted >= 3

    run_wrapper(body, max_lifetime=lifetime)


def test_idle_ones_end_at_the_end_of_their_life(
    run_wrapper: RunWrapper, counting_server: CountingServerFactory
) -> None:
    server = counting_server()

    async def body(wrapper: acurl.CurlWrapper) -> None:
        await crowd(wrapper, f"{server.url}/wait/20", users=5)
        since = time.perf_counter()
        await asyncio.sleep(0.8)
        assert server.open == 5
        await seen(lambda: server.open == 0, since, bound=1 + WITHIN)
        assert wrapper.stats().closed_expired == 5

    run_wrapper(body, max_lifetime=1)


def test_over_tls_and_http_2_the_server_sees_the_end(run_wrapper: RunWrapper, nginx: Nginx) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        before = nginx.stub_status().active
        for version in ("1.1", "2"):
            trust: Any = {"verify": str(nginx.ca_file), "http_version": version}
            await crowd(wrapper, f"{nginx.https}/large", users=20, **trust)
        quiet = time.perf_counter()
        await seen(lambda: nginx.stub_status().active <= before + 2, quiet, bound=1.5)
        await asyncio.sleep(0.2)
        assert nginx.stub_status().active == before + 2

    run_wrapper(body, max_connects=2, max_streams=5)
