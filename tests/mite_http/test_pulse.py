import asyncio
import logging
from typing import Any

import pytest

import acurl
from mite.context import Context, RootTransaction
from mite_http import SessionPool, pulse
from mite_http.memory import Memory
from mite_http.snapshot import REASONS
from tests.mite_http.journeys import Told, until
from tests.servers.loops import RunAsync
from tests.servers.nginx import Nginx

NUMBERS = {"started", "finished", "opened", "reused", "evicted", "retries", "timeouts"}


def test_a_message_says_what_the_contract_says(nginx: Nginx, run_async: RunAsync) -> None:
    told = Told()
    pool = SessionPool(max_connects=50, max_connections=20)

    async def main() -> None:
        async with RootTransaction(told.ctx), pool.session_context(told.ctx) as session:
            await session.get(f"{nginx.http}/small")
        await told.run.close()

    run_async(main())
    (message,) = told.pools
    assert message["time"] > 1.7e9
    assert message["rss"] < message["vms"]
    assert 0 <= message["wait_p50"] <= message["wait_p99"] < 1
    measured = {"time", "rss", "vms", "wait_p50", "wait_p99"}
    assert {key: value for key, value in message.items() if key not in measured} == {
        "type": "http_pool",
        "test": "t",
        "runner_id": 1,
        "pool": "http",
        "options": "max_connects=50, max_connections=20",
        "in_use": 0,
        "idle": 0,
        "queued": 0,
        "streams": 0.0,
        "max_connections": 20,
        "max_connects": 50,
        "totals": {**dict.fromkeys(NUMBERS, 0), "started": 1, "finished": 1, "opened": 1},
        "changes": {**dict.fromkeys(NUMBERS, 0), "started": 1, "finished": 1, "opened": 1},
        "closed": {**dict.fromkeys(REASONS, 0), "client": 1},
        "closed_changes": {**dict.fromkeys(REASONS, 0), "client": 1},
    }


def test_one_comes_at_each_beat(
    nginx: Nginx, run_async: RunAsync, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pulse, "INTERVAL", 0.02)
    told = Told()
    pool = SessionPool()

    async def main() -> None:
        before = asyncio.all_tasks()
        async with pool.session_context(told.ctx) as session:
            await session.get(f"{nginx.http}/small")
            await until(lambda: len(told.pools) >= 2)
            await session.get(f"{nginx.http}/small")
            count = len(told.pools)
            await until(lambda: len(told.pools) >= count + 2)
        await told.run.close()
        count = len(told.pools)
        await until(lambda: asyncio.all_tasks() == before)
        assert len(told.pools) == count

    run_async(main())
    messages = told.pools
    assert sum(message["changes"]["finished"] for message in messages) == 2
    assert sum(message["closed_changes"]["client"] for message in messages) == 1
    finished = [message["totals"]["finished"] for message in messages]
    assert finished == sorted(finished)
    assert (messages[1]["idle"], messages[-1]["totals"]["reused"]) == (1, 1)


def test_without_a_run_nobody_is_told(nginx: Nginx, run_async: RunAsync) -> None:
    messages: list[dict[str, Any]] = []
    pool = SessionPool()

    async def main() -> None:
        async with pool.session_context(Context(messages.append, {})) as session:
            await session.get(f"{nginx.http}/small")
        pool.close()

    run_async(main())
    assert [message["type"] for message in messages] == ["http_metrics"]


def test_advice_is_a_line_of_the_log_once(
    nginx: Nginx, run_async: RunAsync, caplog: pytest.LogCaptureFixture
) -> None:
    told = Told()
    pool = SessionPool()

    async def main() -> None:
        async with pool.session_context(told.ctx) as session:
            await asyncio.gather(*(session.get(f"{nginx.http}/status/503") for _ in range(20)))
            beating = pulse_of(pool)
            beating.beat()
            await asyncio.gather(*(session.get(f"{nginx.http}/status/429") for _ in range(20)))
            beating.beat()
        await told.run.close()

    with caplog.at_level(logging.WARNING, "mite_http"):
        run_async(main())
    (line,) = [record.getMessage() for record in caplog.records]
    assert line.startswith("pool http: 20 of 20 answers in a second are 429 or 503: ")


def test_an_unchosen_pool_timeout_is_spoken_of(
    nginx: Nginx, run_async: RunAsync, caplog: pytest.LogCaptureFixture
) -> None:
    told = Told()

    async def timed_out(pool: SessionPool) -> None:
        async with pool.session_context(told.ctx) as session:
            slow = asyncio.ensure_future(session.get(f"{nginx.http}/slow"))
            await asyncio.sleep(0)
            limit = acurl.Timeout(pool=0.05)
            with pytest.raises(acurl.PoolTimeout):
                await session.get(f"{nginx.http}/small", timeout=limit)
            slow.cancel()
            await asyncio.wait([slow])
            pulse_of(pool).beat()

    async def main() -> None:
        await timed_out(SessionPool(max_connections=1, timeout=acurl.Timeout(pool=2)))
        assert caplog.records == []
        await timed_out(SessionPool(max_connections=1))
        await told.run.close()

    with caplog.at_level(logging.WARNING, "mite_http"):
        run_async(main())
    assert "the limit is the default, 5 s: raise max_connections (now 1)" in caplog.text


def test_an_adaptive_pool_keeps_more_when_they_are_missed(
    nginx: Nginx,
    run_async: RunAsync,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pulse, "INTERVAL", 1000.0)
    told = Told()
    pool = SessionPool(adaptive=(1, 40), max_connects=4)

    async def main() -> None:
        async with pool.session_context(told.ctx) as session:
            for most in (4, 6, 9, 9):
                assert pool.options.max_connects == most
                await asyncio.gather(*(session.get(f"{nginx.http}/small") for _ in range(8)))
                await until(lambda: pool.stats().idle <= pool.options.max_connects)
                pulse_of(pool).beat()
            # Those of the first three rounds: 8, 4 and 2.
            assert pool.stats().opened == 14
            assert pool.stats().max_connects == pool.options.max_connects
        await told.run.close()

    with caplog.at_level(logging.INFO, "mite_http"):
        run_async(main())
    assert "pool http: max_connects 4 -> 6: " in caplog.text
    assert told.pools[-1]["max_connects"] == pool.options.max_connects


@pytest.mark.parametrize("limit", [None, "1000"])
def test_an_adaptive_pool_keeps_fewer_when_memory_is_short(
    run_async: RunAsync, monkeypatch: pytest.MonkeyPatch, limit: str | None
) -> None:
    if limit is None:
        monkeypatch.setattr(pulse, "memory_limit", lambda: 1000)
    else:
        monkeypatch.setenv("MITE_HTTP_POOL_MEMORY_LIMIT", limit)
    monkeypatch.setattr(pulse, "process_memory", lambda: Memory(950, 2000))
    told = Told()
    pool = SessionPool(adaptive=(3, 40))

    async def main() -> None:
        async with pool.session_context(told.ctx):
            for most in (20, 10, 5, 3, 3):
                pulse_of(pool).beat()
                assert pool.options.max_connects == most
        await told.run.close()

    run_async(main())


def pulse_of(pool: SessionPool) -> pulse.Pulse:
    """What beats for a pool that is open."""
    branch = pool._branch
    assert branch is not None
    assert branch.pulse is not None
    assert repr(branch.pulse) == f"Pulse({branch.name})"
    return branch.pulse
