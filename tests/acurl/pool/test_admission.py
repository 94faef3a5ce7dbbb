"""Admission at random: submissions, cancellations, limits, origins, lanes by chance.

A failure prints its seed; `SEEDS` may be given it.

Requests end in one of three ways only: answered, given up after the pool limit, cancelled. A reason
is counted in the step in which a connection ends, `closed` when libcurl has closed it, which may be
later: so the two are compared when the pool rests. Sessions with connections of their own have no
part, since idle ones of theirs count for no ceiling.
"""

import asyncio
import random
from typing import Any

import pytest

import acurl
from tests.acurl.conftest import RunWrapper
from tests.acurl.pool.conftest import CountingServerFactory
from tests.acurl.pool.load import balanced
from tests.servers.counting import CountingServer

SEEDS = (1, 2)
STEPS_PER_SEED, STEPS_OF_SLOW = 200, 4000
ORIGINS = (False, True, False)  # which speak HTTP/2
Ceiling = int | None


class Play:
    """One wrapper, three servers, and what the requests under way may come to."""

    def __init__(
        self, wrapper: acurl.CurlWrapper, servers: list[CountingServer], chance: random.Random
    ) -> None:
        self._wrapper = wrapper
        self._servers = servers
        self._chance = chance
        self._tasks: set[asyncio.Task[acurl._Response]] = set()
        self._cancelled: set[asyncio.Task[acurl._Response]] = set()
        self._all: Ceiling = None
        self._each: Ceiling = None
        self._sessions = [self._session(spread, limit) for spread, limit in _KINDS]
        self.answered = self.timed_out = 0

    def _session(self, connections: Any, limit: float | None) -> dict[bool, acurl.Session]:
        timeout = acurl.Timeout(None, connect=10, pool=limit)
        options: dict[str, Any] = {"connections": connections, "timeout": timeout}
        return {
            False: self._wrapper.session(**options),
            True: self._wrapper.session("2-prior-knowledge", **options),
        }

    def submit(self) -> None:
        """A few requests at once."""
        for _ in range(self._chance.choice([1, 1, 3, 30])):
            which = self._chance.randrange(len(ORIGINS))
            session = self._chance.choice(self._sessions)[ORIGINS[which]]
            wait = self._chance.choice([0, 0, 1, 5, 20])
            request = session.get(f"{self._servers[which].url}/wait/{wait}")
            self._tasks.add(asyncio.ensure_future(request))

    def cancel(self) -> None:
        """Some of those under way, in no order."""
        under_way = sorted((task for task in self._tasks if not task.done()), key=id)
        for task in self._chance.sample(under_way, len(under_way) // 3):
            task.cancel()
            self._cancelled.add(task)

    def resize(self) -> None:
        """Other ceilings."""
        self._all = self._chance.choice([None, 1, 2, 5, 20])
        self._each = self._chance.choice([None, None, 1, 3])
        self._wrapper.resize(
            max_connections=self._all,
            max_host_connections=self._each,
            max_streams=self._chance.choice([1, 5, 100]),
            max_connects=self._chance.choice([0, 3, 100]),
        )

    async def settle(self) -> None:
        """All that has been asked ends, and what is asked then keeps within the ceilings."""
        async with asyncio.timeout(20):
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await self._obeyed()
            for _ in range(3):
                self.submit()
            results = await asyncio.gather(*self._tasks, return_exceptions=True)
        for task, result in zip(self._tasks, results, strict=True):
            if isinstance(result, acurl.PoolTimeout):
                self.timed_out += 1
            elif isinstance(result, BaseException):
                assert isinstance(result, asyncio.CancelledError), result
                assert task in self._cancelled
            else:
                assert result.status_code == 200
                self.answered += 1
        self._tasks.clear()
        self._cancelled.clear()
        async with asyncio.timeout(5):
            while self._wrapper.stats().in_use:  # noqa: ASYNC110 - nothing tells when
                await asyncio.sleep(0.002)
        balanced(self._wrapper.stats())
        most = self._most()
        # One that says goodbye to its server may be seen beside the next.
        assert max(server.peak_open for server in self._servers) <= most + 1

    async def _obeyed(self) -> None:
        """Until the servers see no more than is allowed: a second at most after a resize."""
        begin = asyncio.get_running_loop().time()
        while any(server.open > self._most() for server in self._servers):
            assert asyncio.get_running_loop().time() < begin + 1.5, self._servers
            await asyncio.sleep(0.002)
        for server in self._servers:
            server.peak_open = server.open

    def _most(self) -> float:
        return min(limit for limit in (self._all, self._each, float("inf")) if limit is not None)


_KINDS: list[tuple[str, float | None]] = [
    ("shared", None),
    ("shared", 0.05),
    ("lanes:2", None),
    ("lanes:3", 0.2),
]


async def play(
    wrapper: acurl.CurlWrapper, servers: list[CountingServer], seed: int, steps: int
) -> None:
    chance = random.Random(seed)
    game = Play(wrapper, servers, chance)
    for _ in range(steps):
        move = chance.choice([game.submit] * 5 + [game.cancel] * 2 + [game.resize])
        move()
        if chance.random() < 0.1:
            await game.settle()
        elif chance.random() < 0.5:
            await asyncio.sleep(chance.choice([0, 0, 0.001, 0.005]))
    await game.settle()
    print(f"seed {seed}: {game.answered} answered, {game.timed_out} timed out")
    assert game.answered > steps
    assert game.timed_out > 0
    assert {server.running for server in servers} == {0}


@pytest.mark.parametrize("seed", SEEDS)
def test_whatever_comes_all_requests_end(
    run_long: RunWrapper, counting_server: CountingServerFactory, seed: int
) -> None:
    servers = [counting_server(http2=http2) for http2 in ORIGINS]
    run_long(lambda wrapper: play(wrapper, servers, seed, STEPS_PER_SEED))


@pytest.mark.slow
@pytest.mark.parametrize("attempt", range(3))
def test_whatever_comes_all_requests_end_for_long(
    run_long: RunWrapper, counting_server: CountingServerFactory, attempt: int
) -> None:
    seed = random.randrange(1 << 30)
    print(f"seed {seed}")  # pytest shows it where the test fails
    servers = [counting_server(http2=http2) for http2 in ORIGINS]
    run_long(lambda wrapper: play(wrapper, servers, seed, STEPS_OF_SLOW))
