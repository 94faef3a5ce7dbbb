"""What the server sees of a pool with ceilings: never one connection or stream too many."""

import asyncio
import time
from typing import Any

import pytest

import acurl
from tests.acurl.conftest import RunWrapper, until
from tests.acurl.pool.conftest import PATIENT, CountingServerFactory, crowd
from tests.servers.nginx import Nginx

H2: dict[str, Any] = {"http_version": "2-prior-knowledge"}


@pytest.mark.parametrize("limit", ["max_connections", "max_host_connections"])
def test_request_n_plus_one_waits(
    run_wrapper: RunWrapper, counting_server: CountingServerFactory, limit: str
) -> None:
    server = counting_server()

    async def body(wrapper: acurl.CurlWrapper) -> None:
        answers = await crowd(wrapper, f"{server.url}/wait/20", users=50, rounds=2)
        assert (server.peak_open, server.peak_running, server.accepted) == (10, 10, 10)
        assert sum(answer.reused for answer in answers) == 90
        waited = sorted(answer.pool_wait_time for answer in answers[::2])
        assert waited[9] < 0.02
        assert waited[-1] > 0.06
        assert wrapper.stats().queued == 0

    run_wrapper(body, **{limit: 10})


def test_who_came_first_is_served_first(
    run_wrapper: RunWrapper, counting_server: CountingServerFactory
) -> None:
    server = counting_server()

    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session()
        await asyncio.gather(*(session.get(f"{server.url}/{n}") for n in range(50)))

    run_wrapper(body, max_connections=1)
    assert server.order == [f"/{number}" for number in range(50)]


def test_free_slots_go_to_each_origin_in_turn(
    run_wrapper: RunWrapper, counting_server: CountingServerFactory
) -> None:
    busy, quiet = counting_server(), counting_server()

    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session()
        many = [asyncio.ensure_future(session.get(f"{busy.url}/wait/5")) for _ in range(40)]
        await session.get(f"{quiet.url}/first")
        assert len(busy.order) <= 4  # it did not stand behind all of them
        await asyncio.gather(*many)

    run_wrapper(body, max_connections=2)
    assert (busy.peak_open, quiet.peak_open) <= (2, 2)


def test_a_ceiling_for_each_origin_keeps_a_slow_one_from_taking_all(
    run_wrapper: RunWrapper, counting_server: CountingServerFactory
) -> None:
    slow, quick = counting_server(), counting_server()

    async def body(wrapper: acurl.CurlWrapper) -> None:
        stuck = asyncio.ensure_future(crowd(wrapper, f"{slow.url}/wait/1000", users=10))
        answers = await crowd(wrapper, f"{quick.url}/", users=5, rounds=10)
        assert max(answer.pool_wait_time for answer in answers) < 0.5
        assert not stuck.done()
        await stuck
        assert slow.peak_open == 5

    run_wrapper(body, max_connections=10, max_host_connections=5)


def test_idle_connections_count_and_make_room(
    run_wrapper: RunWrapper, counting_server: CountingServerFactory
) -> None:
    one, other = counting_server(), counting_server()

    async def body(wrapper: acurl.CurlWrapper) -> None:
        await crowd(wrapper, f"{one.url}/wait/20", users=10)
        assert (one.open, wrapper.stats().idle) == (10, 10)
        await crowd(wrapper, f"{other.url}/wait/20", users=5)
        assert (one.open, other.open) == (5, 5)
        stats = wrapper.stats()
        assert (stats.evicted, stats.opened - stats.closed) == (5, 10)

    run_wrapper(body, max_connections=10)


@pytest.mark.parametrize("lanes", [2, 5])
def test_a_ceiling_holds_over_all_lanes(
    run_wrapper: RunWrapper, counting_server: CountingServerFactory, lanes: int
) -> None:
    one, other = counting_server(), counting_server()
    options: dict[str, Any] = {"connections": f"lanes:{lanes}"}

    async def body(wrapper: acurl.CurlWrapper) -> None:
        for server in (one, other, one):
            await crowd(wrapper, f"{server.url}/wait/5", users=40, rounds=3, **options)
            stats = wrapper.stats()
            assert stats.opened - stats.closed <= 10
            assert one.open + other.open <= 10
        assert max(one.peak_open, other.peak_open) <= 10

    run_wrapper(body, max_connections=10)


@pytest.mark.parametrize(
    ("limits", "connections", "streams"),
    [
        ({}, 3, 100),
        ({"max_streams": 10, "max_connections": 3}, 3, 10),
        ({"max_streams": 20}, 13, 20),
        ({"max_streams": 50, "max_host_connections": 2}, 2, 50),
    ],
    ids=str,
)
def test_streams_and_connections_of_http_2(
    run_wrapper: RunWrapper,
    counting_server: CountingServerFactory,
    limits: dict[str, int],
    connections: int,
    streams: int,
) -> None:
    server = counting_server(http2=True)

    async def body(wrapper: acurl.CurlWrapper) -> None:
        answers = await crowd(wrapper, f"{server.url}/wait/20", users=250, rounds=3, **H2)
        assert server.peak_open <= connections
        assert server.peak_streams <= streams
        assert {answer.retries for answer in answers} == {0}

    run_wrapper(body, **limits)


@pytest.mark.parametrize("limits", [{}, {"max_connections": 3}, {"max_host_connections": 1}])
def test_a_server_that_allows_fewer_streams_is_respected(
    run_wrapper: RunWrapper, counting_server: CountingServerFactory, limits: dict[str, int]
) -> None:
    server = counting_server(http2=True, stream_limit=8)

    async def body(wrapper: acurl.CurlWrapper) -> None:
        answers = await crowd(wrapper, f"{server.url}/wait/5", users=100, rounds=3, **H2)
        assert {answer.retries for answer in answers} == {0}
        assert server.peak_streams == 8
        assert server.peak_open <= limits.get("max_connections", 14)

    run_wrapper(body, **limits)


def test_150_streams_on_one_connection(
    run_wrapper: RunWrapper, counting_server: CountingServerFactory
) -> None:
    server = counting_server(http2=True)

    async def body(wrapper: acurl.CurlWrapper) -> None:
        await crowd(wrapper, f"{server.url}/wait/200", users=150, **H2)
        assert (server.accepted, server.peak_streams) == (1, 150)

    run_wrapper(body, max_streams=200)


def test_100_users_over_tls_need_three_connections_at_most(
    run_wrapper: RunWrapper, nginx: Nginx
) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        before = nginx.stub_status().accepts
        options = {"verify": str(nginx.ca_file)}
        answers = await crowd(wrapper, f"{nginx.https}/small", users=100, rounds=5, **options)
        assert {answer.http_version for answer in answers} == {"2"}
        assert nginx.stub_status().accepts - before - 1 <= 3

    run_wrapper(body)


def test_the_wait_ends_at_its_limit(
    run_wrapper: RunWrapper, counting_server: CountingServerFactory
) -> None:
    server = counting_server()
    slow, limit = f"{server.url}/wait/2000", 0.3

    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session(timeout=acurl.Timeout(pool=limit))
        first = asyncio.ensure_future(session.get(slow))
        await until(lambda: server.running == 1)
        begin = time.perf_counter()
        with pytest.raises(acurl.PoolTimeout, match="within the pool limit") as caught:
            await session.get(slow)
        assert limit <= time.perf_counter() - begin < limit + 0.05
        assert limit <= caught.value.pool_wait_time < limit + 0.05
        assert (caught.value.code, caught.value.connection_id, caught.value.retries) == (0, -1, 0)
        assert isinstance(caught.value, TimeoutError)
        assert (await first).status_code == 200
        assert wrapper.stats().pool_timeouts == 1
        assert server.accepted == 1

    run_wrapper(body, max_connections=1)


def test_the_pool_limit_ends_no_request_that_runs(
    run_wrapper: RunWrapper, counting_server: CountingServerFactory
) -> None:
    server = counting_server()

    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session(timeout=acurl.Timeout(0.2, read=None))
        answer = await session.get(f"{server.url}/wait/500")
        assert answer.status_code == 200

    run_wrapper(body, max_connections=1)


def test_who_gives_up_waiting_takes_no_place(
    run_wrapper: RunWrapper, counting_server: CountingServerFactory
) -> None:
    server = counting_server()

    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session(timeout=acurl.Timeout(pool=10))
        first = asyncio.ensure_future(session.get(f"{server.url}/wait/200"))
        tired = [asyncio.ensure_future(session.get(f"{server.url}/tired")) for _ in range(20)]
        await until(lambda: wrapper.stats().queued == 20)
        last = asyncio.ensure_future(session.get(f"{server.url}/last"))
        await asyncio.sleep(0)
        for task in tired:
            task.cancel()
        await asyncio.gather(*tired, return_exceptions=True)
        assert wrapper.stats().queued == 1
        await asyncio.gather(first, last)

    run_wrapper(body, max_connections=1)
    assert server.order == ["/wait/200", "/last"]


def test_a_cancelled_request_gives_its_place_to_the_next(
    run_wrapper: RunWrapper, counting_server: CountingServerFactory
) -> None:
    server = counting_server()

    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session()
        first = asyncio.ensure_future(session.get(f"{server.url}/wait/20000"))
        await until(lambda: server.running == 1)
        second = asyncio.ensure_future(session.get(f"{server.url}/"))
        await asyncio.sleep(0.05)
        first.cancel()
        assert (await second).status_code == 200
        assert server.peak_open == 1

    run_wrapper(body, max_connections=1)


def test_sessions_with_connections_of_their_own_have_a_ceiling_on_what_runs(
    run_wrapper: RunWrapper, counting_server: CountingServerFactory
) -> None:
    server = counting_server()

    async def body(wrapper: acurl.CurlWrapper) -> None:
        answers = await crowd(
            wrapper, f"{server.url}/wait/5", users=30, rounds=3, connections="session"
        )
        assert server.peak_running == 4
        assert server.accepted == 30
        assert sum(answer.reused for answer in answers) == 60

    run_wrapper(body, max_connections=4)


def test_a_connection_for_each_request_is_counted_too(
    run_wrapper: RunWrapper, counting_server: CountingServerFactory
) -> None:
    server = counting_server()

    async def body(wrapper: acurl.CurlWrapper) -> None:
        await crowd(wrapper, f"{server.url}/wait/5", users=20, rounds=2, connections="request")
        assert (server.accepted, server.peak_open) == (40, 4)
        assert wrapper.stats().closed_client == 40

    run_wrapper(body, max_connections=4)


@pytest.mark.parametrize("version", ["2", "3"])
@pytest.mark.parametrize("limits", [{}, {"max_connections": 2}])
def test_what_fails_at_once_ends_at_once(
    run_wrapper: RunWrapper, version: Any, limits: dict[str, int]
) -> None:
    """Also behind a repeat, whose failure no event of a socket tells of."""

    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session(version, timeout=acurl.Timeout(total=25))
        begin = time.perf_counter()
        requests = (session.get("https://127.0.0.1:1/") for _ in range(5))
        ends = await asyncio.gather(*requests, return_exceptions=True)
        assert {type(end) for end in ends} == {acurl.ConnectError}
        assert time.perf_counter() - begin < 10

    run_wrapper(body, **limits)


@pytest.mark.parametrize("streams", [1, 2, 3, 5, 20])
@pytest.mark.parametrize("limit", ["max_connections", "max_host_connections"])
def test_lanes_of_http_2_keep_to_a_ceiling_before_the_servers_limit_is_known(
    run_wrapper: RunWrapper, counting_server: CountingServerFactory, limit: str, streams: int
) -> None:
    server = counting_server(http2=True, stream_limit=streams)

    async def body(wrapper: acurl.CurlWrapper) -> None:
        sessions = [wrapper.session(timeout=PATIENT, **H2) for _ in range(8)]
        requests = (sessions[n % 8].get(f"{server.url}/wait/5") for n in range(60))
        await asyncio.gather(*requests)
        assert server.peak_open <= 3

    run_wrapper(body, connections="lanes:4", **{limit: 3})
