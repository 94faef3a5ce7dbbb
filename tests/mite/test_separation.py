import asyncio

import pytest

import mite
from mite import separation
from mite.clock import FakeClock
from tests.servers.loops import RunAsync


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeClock:
    clock = FakeClock()
    pause = asyncio.sleep

    async def sleep(seconds: float) -> None:
        clock.advance(seconds)
        await pause(0)

    monkeypatch.setattr(separation, "monotonic", clock)
    monkeypatch.setattr(asyncio, "sleep", sleep)
    return clock


async def took(block: mite.ensure_separation_from_callable, clock: FakeClock, work: float) -> float:
    began = clock()
    async with block:
        clock.advance(work)
    return clock() - began


def test_fixed(clock: FakeClock, run_async: RunAsync) -> None:
    assert run_async(took(mite.ensure_fixed_separation(5), clock, 2)) == 5
    assert run_async(took(mite.ensure_fixed_separation(5), clock, 7)) == 7


@pytest.mark.parametrize(("spread", "least", "most"), [(None, 3, 5), (1, 3, 5), (2, 2, 6)])
def test_average(
    clock: FakeClock, run_async: RunAsync, spread: float | None, least: float, most: float
) -> None:
    async def main() -> list[float]:
        block = mite.ensure_average_separation(4, spread)
        return [await took(block, clock, 0) for _ in range(500)]

    times = run_async(main())
    assert least <= min(times) < max(times) <= most
    assert sum(times) / len(times) == pytest.approx(4, abs=0.3)
