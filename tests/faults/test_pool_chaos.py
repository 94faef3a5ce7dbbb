"""Pools in trouble: all users at once, limits and servers that change, connections that all break.

Nothing may fail but what the trouble itself has hit, and afterwards the pool is as good as new.
"""

import asyncio
import gc
import itertools
import random
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

import acurl
from tests.acurl.conftest import RunWrapper, until
from tests.acurl.memory import resident
from tests.acurl.pool.load import balanced, load
from tests.servers.certificates import Certificates
from tests.servers.counting import CountingServer
from tests.servers.loops import RunAsync
from tests.servers.nginx import Nginx

Failures = list[tuple[float, acurl.AcurlError]]
PATIENT = acurl.Timeout(pool=60)
KINDS: dict[str, dict[str, Any]] = {"h1": {}, "h2": {"http_version": "2-prior-knowledge"}}
thrice = pytest.mark.parametrize("attempt", range(3))
STARTED_TOGETHER = 64
both = pytest.mark.parametrize("kind", KINDS)


@pytest.fixture
def run_long() -> RunWrapper:
    return RunWrapper(RunAsync("uvloop"), seconds=200)


@pytest.fixture
def server(kind: str) -> Iterator[CountingServer]:
    with CountingServer(http2=kind == "h2") as server:
        yield server
        assert server.overruns == 0


async def settled(wrapper: acurl.CurlWrapper) -> None:
    """Wait until the pool rests, and check its counters."""
    await until(lambda: wrapper.stats().in_use == 0)
    balanced(wrapper.stats())


LIMITS: list[dict[str, int]] = [{}, {"max_connections": 10}, {"max_host_connections": 5}]


@pytest.mark.slow
@thrice
@both
@pytest.mark.parametrize("limits", LIMITS, ids=str)
def test_a_thousand_users_at_once(
    run_long: RunWrapper, server: CountingServer, kind: str, limits: dict[str, int], attempt: int
) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        url = f"{server.url}/wait/5"
        options = KINDS[kind] | {"timeout": PATIENT}
        tally = await load(wrapper, url, users=1000, requests=2000, **options)
        assert (tally.answered, tally.retries, tally.failed) == (2000, 0, {})
        most = min(limits.values(), default=1000 if kind == "h1" else 12)
        assert server.peak_open <= most
        await settled(wrapper)

    run_long(body, **limits)


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.slow
@thrice
@pytest.mark.parametrize("connections", ["shared", "session", "lanes:4"])
@pytest.mark.parametrize("kind", ["h1"])
def test_sessions_that_come_and_go(server: CountingServer, connections: Any, attempt: int) -> None:
    before = descriptors()
    grown = []

    async def churn(wrapper: acurl.CurlWrapper, count: int) -> None:
        async def users() -> None:
            for _ in range(count // 100):
                session = wrapper.session(connections=connections, timeout=PATIENT)
                await session.get(f"{server.url}/")
                session.close()

        await asyncio.gather(*(users() for _ in range(100)))

    async def body(wrapper: acurl.CurlWrapper) -> None:
        idle = 20 if connections != "session" else 0
        for _ in range(5):
            await churn(wrapper, 2000)
            gc.collect()
            grown.append(resident())
        await until(lambda: wrapper.stats().idle == idle and server.open == idle)
        balanced(wrapper.stats())
        assert wrapper.stats().finished == 10_000
        assert len(asyncio.all_tasks()) == 1

    RunWrapper(RunAsync("asyncio"), seconds=100)(body, max_connects=20)
    deadline = time.monotonic() + 2
    while server.open and time.monotonic() < deadline:
        time.sleep(0.005)
    assert descriptors() == before
    assert grown[-1] - grown[1] < 1 << 20, grown


async def within_a_second(server: CountingServer, most: int) -> None:
    async with asyncio.timeout(1):
        await until(lambda: server.open <= most)


@pytest.mark.slow
@thrice
@both
def test_limits_that_change_under_load(
    run_long: RunWrapper, server: CountingServer, kind: str, attempt: int
) -> None:
    chance = random.Random(attempt)
    options = KINDS[kind] | {"timeout": PATIENT}

    async def body(wrapper: acurl.CurlWrapper) -> None:
        url = f"{server.url}/wait/3"
        running = asyncio.ensure_future(load(wrapper, url, users=150, requests=6000, **options))
        while not running.done():
            wrapper.resize(
                max_connections=chance.choice([1, 2, 5, 20, 50, None]),
                max_host_connections=chance.choice([1, 3, 10, None]),
                max_connects=chance.choice([0, 5, 100]),
                max_streams=chance.choice([1, 10, 100]),
            )
            await asyncio.sleep(0.02)
        wrapper.resize(max_host_connections=None, max_connects=100, max_streams=10)
        tally = await running
        assert (tally.answered, tally.failed) == (6000, {})
        for most in (40, 3, 20, 1):
            wrapper.resize(max_connections=most)
            running = asyncio.ensure_future(load(wrapper, url, users=150, requests=3000, **options))
            await asyncio.sleep(0)
            await within_a_second(server, most)
            server.peak_open = server.open
            assert (await running).failed == {}
            # One that says goodbye may be open still when the next is made.
            assert server.peak_open <= most + 1
        await settled(wrapper)

    run_long(body, max_connections=5)


@pytest.fixture
def mortal_nginx(tmp_path: Path, certificates: Certificates) -> Iterator[Nginx]:
    """One that a test may kill."""
    server = Nginx(tmp_path, certificates)
    yield server
    server.close()


@asynccontextmanager
async def under_load(
    wrapper: acurl.CurlWrapper,
    url: str,
    failed: list[tuple[float, acurl.AcurlError]],
    **options: Any,
) -> AsyncIterator[list[float]]:
    """A hundred users that ask all the time; gives when they were answered."""
    answered: list[float] = []
    ends = False

    async def user() -> None:
        session = wrapper.session(**options)
        while not ends:
            try:
                assert (await session.get(url)).status_code == 200
                answered.append(time.perf_counter())
            except acurl.AcurlError as error:
                failed.append((time.perf_counter(), error))
                await asyncio.sleep(0.01)

    users = [asyncio.ensure_future(user()) for _ in range(100)]
    try:
        await until(lambda: len(answered) > 1000)
        yield answered
    finally:
        ends = True
        await asyncio.gather(*users)


@pytest.mark.slow
@thrice
@pytest.mark.parametrize("limits", [{}, {"max_connections": 10}], ids=str)
@pytest.mark.parametrize("origin", ["http", "https"])
def test_a_server_that_is_reloaded(
    run_long: RunWrapper, mortal_nginx: Nginx, origin: str, limits: dict[str, int], attempt: int
) -> None:
    """In order, so nobody notices."""
    url = getattr(mortal_nginx, origin) + "/bulk"
    options = {"verify": str(mortal_nginx.ca_file), "timeout": PATIENT}

    async def body(wrapper: acurl.CurlWrapper) -> None:
        failed: list[tuple[float, acurl.AcurlError]] = []
        async with under_load(wrapper, url, failed, **options) as answered:
            for _ in range(3):
                mortal_nginx.reload()
                count = len(answered)
                await asyncio.sleep(0.3)
                assert len(answered) > count
        assert failed == []
        await settled(wrapper)

    run_long(body, **limits)


@pytest.mark.slow
@thrice
@pytest.mark.parametrize("limits", [{}, {"max_connections": 10}], ids=str)
@pytest.mark.parametrize("origin", ["http", "https"])
def test_a_server_that_is_killed_and_comes_back(
    run_long: RunWrapper, mortal_nginx: Nginx, origin: str, limits: dict[str, int], attempt: int
) -> None:
    url = getattr(mortal_nginx, origin) + "/bulk"
    options = {"verify": str(mortal_nginx.ca_file), "timeout": PATIENT}

    async def body(wrapper: acurl.CurlWrapper) -> None:
        failed: list[tuple[float, acurl.AcurlError]] = []
        async with under_load(wrapper, url, failed, **options) as answered:
            killed = time.perf_counter()
            mortal_nginx.kill()
            await until(lambda: len(failed) > 100)
            await asyncio.to_thread(mortal_nginx.start)
            back, count = time.perf_counter(), len(answered)
            await until(lambda: len(answered) > count + 1000)
            assert time.perf_counter() - back < 2
        assert {type(error) for _, error in failed} <= {acurl.ConnectError, acurl.ProtocolError}
        assert all(killed <= when < back + 0.5 for when, _ in failed)
        await settled(wrapper)

    run_long(body, **limits)


def may_fail(error: acurl.AcurlError, answered: set[int]) -> bool:
    """Its connection had given no answer yet, or its own had begun, or it was tried too often."""
    fresh = error.connection_id not in answered or not error.reused
    return fresh or error.starttransfer_time > 0 or error.retries >= 3


@pytest.mark.slow
@thrice
@both
@pytest.mark.parametrize("limits", [{}, {"max_connections": 10}], ids=str)
def test_connections_that_all_break_at_once(
    run_long: RunWrapper, server: CountingServer, kind: str, limits: dict[str, int], attempt: int
) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        answered: set[int] = set()
        failed: list[acurl.AcurlError] = []

        async def user() -> None:
            session = wrapper.session(**KINDS[kind], timeout=PATIENT)
            for _ in range(20):
                try:
                    answered.add((await session.get(f"{server.url}/wait/20")).connection_id)
                except acurl.AcurlError as error:
                    failed.append(error)

        users = asyncio.gather(*(user() for _ in range(200)))
        for count in itertools.count():
            await asyncio.sleep(0.1)
            if users.done() or count == 4:
                break
            server.drop()
        await users
        assert {type(error) for error in failed} <= {acurl.ConnectError}
        assert [error for error in failed if not may_fail(error, answered)] == []
        await settled(wrapper)
        server.drop()
        await until(lambda: server.open == 0)
        options = KINDS[kind] | {"timeout": PATIENT}
        tally = await load(wrapper, f"{server.url}/", users=50, requests=500, **options)
        assert (tally.answered, tally.failed) == (500, {})
        await settled(wrapper)

    run_long(body, **limits)


def check_order(numbers: list[int], slack: int) -> None:
    """What is started in one pass, libcurl may send in another order."""
    places = sorted(range(len(numbers)), key=numbers.__getitem__)
    assert all(abs(place - nth) <= slack for nth, place in enumerate(places)), numbers


@pytest.mark.slow
@both
@pytest.mark.parametrize(
    "limits",
    [{"max_connections": 1}, {"max_connections": 7}, {"max_host_connections": 4}],
    ids=str,
)
def test_storms_of_cancelled_requests(
    run_long: RunWrapper, server: CountingServer, kind: str, limits: dict[str, int]
) -> None:
    """No place gets lost, and who is left is served in the order in which he came."""
    chance = random.Random(7)
    places = min(limits.values())

    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session(**KINDS[kind], timeout=PATIENT)
        for storm in range(50):
            waits = [chance.choice([0, 1, 5, 1000]) for _ in range(500)]
            asked = [
                asyncio.ensure_future(session.get(f"{server.url}/{storm}/{nth}/wait/{wait}"))
                for nth, wait in enumerate(waits)
            ]
            await asyncio.sleep(chance.random() * 0.05)
            victims = set(chance.sample(range(500), 400)) | {
                nth for nth, wait in enumerate(waits) if wait == 1000
            }
            for nth in chance.sample(sorted(victims), len(victims)):
                asked[nth].cancel()
                if chance.random() < 0.02:
                    await asyncio.sleep(0)
            await asyncio.gather(*asked, return_exceptions=True)
            assert all(task.cancelled() or task.result().ok for task in asked)
            await until(lambda: wrapper.stats().in_flight == 0)
            mine = [path for path in server.order if path.startswith(f"/{storm}/")]
            numbers = [int(path.split("/")[2]) for path in mine]
            if places == 1:  # of several connections each has an order of its own
                check_order(numbers, 0 if kind == "h1" else STARTED_TOGETHER)
        server.peak_running = 0
        streams = 1 if kind == "h1" else 100
        url = f"{server.url}/wait/1500"
        options = KINDS[kind] | {"timeout": PATIENT}
        await load(wrapper, url, users=places * streams, requests=places * streams, **options)
        assert server.peak_running == places * streams
        await settled(wrapper)

    run_long(body, **limits)
