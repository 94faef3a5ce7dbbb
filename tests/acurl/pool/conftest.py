"""Fixtures: servers that count what a pool does, and a crowd that asks them."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import acurl
from tests.acurl.conftest import RunWrapper
from tests.servers.counting import CountingServer
from tests.servers.loops import RunAsync

CountingServerFactory = Callable[..., CountingServer]

PATIENT = acurl.Timeout(pool=25)


@pytest.fixture
def counting_server() -> Iterator[CountingServerFactory]:
    """Makes servers; none may have had more streams than it allows."""
    servers: list[CountingServer] = []

    def start(**options: Any) -> CountingServer:
        servers.append(CountingServer(**options))
        return servers[-1]

    yield start
    for server in servers:
        server.close()
    assert [server.overruns for server in servers] == [0] * len(servers)


@pytest.fixture
def run_long() -> RunWrapper:
    """As run_wrapper, on uvloop only, and for loads that take minutes."""
    return RunWrapper(RunAsync("uvloop"), seconds=500)


async def crowd(
    wrapper: acurl.CurlWrapper, url: str, users: int, rounds: int = 1, **options: Any
) -> list[acurl._Response]:
    """All answers that so many users get, each asking as often, one request after the other."""
    options.setdefault("timeout", PATIENT)

    async def user() -> list[acurl._Response]:
        session = wrapper.session(**options)
        return [await session.get(url) for _ in range(rounds)]

    each = await asyncio.gather(*(user() for _ in range(users)))
    return [answer for answers in each for answer in answers]
