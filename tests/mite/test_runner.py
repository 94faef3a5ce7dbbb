import asyncio
import time
from typing import Any

import pytest

from mite.context import Context
from mite.datapools import IterableDataPool
from mite.runner import TICK, Settings, State
from mite.volume import Constant, Nothing, Ramp, oneshot_vm
from tests.mite.running import Rig, line
from tests.servers.loops import RunAsync


async def short(ctx: Context, *args: Any) -> None:
    await asyncio.sleep(0)


async def until_stopped(ctx: Context) -> None:
    while not ctx.should_stop:  # noqa: ASYNC110 - what journeys do
        await asyncio.sleep(0)


async def forever(ctx: Context) -> None:
    await asyncio.get_running_loop().create_future()


def test_a_run_takes_as_long_as_its_longest_line(run_async: RunAsync) -> None:
    rig = Rig(line(short, Constant(60, 3)), line(short, Constant(90.5, 2), number=2))
    outcome = run_async(rig.outcome())
    assert outcome.elapsed == pytest.approx(90.5, abs=3 * TICK)
    assert not outcome.interrupted
    assert (outcome.cancelled, outcome.fault) == (0, None)
    assert rig.runner.progress().state is State.ENDED
    roots = rig.kept.of("txn")
    assert len(roots) == outcome.finished > 0
    assert {m["scenario_id"] for m in roots} == {1, 2}
    assert {m["test"] for m in roots} == {"the test"}


def test_concurrency_follows_the_volume_each_second(run_async: RunAsync) -> None:
    model = Ramp(10, frm=0, to=20) + Constant(5, 20) + Ramp(5, to=0)
    rig = Rig(line(until_stopped_or_shrunk(), model), settings=Settings(spawn_rate=1000))
    run_async(rig.outcome())
    reports = rig.kept.of("controller_report")
    actual = [report["actual"][1] for report in reports]
    expected = [model(second, second + 1) for second in range(20)]
    # A report is taken at the tick that begins a second: growth and shrinkage follow within it.
    for second, count in enumerate(expected[1:], 1):
        assert count - 4 <= actual[second] <= max(count, expected[second - 1])
    assert max(actual) == 20
    assert [report["required"][1] for report in reports][1:20] == expected[1:]
    assert all(report["num_runners"] == 1 for report in reports)
    assert all(report["actual"][1] <= 20 for report in reports)


def until_stopped_or_shrunk() -> Any:
    async def visit(ctx: Context) -> None:
        for _ in range(3):
            await asyncio.sleep(0)

    return visit


def test_journeys_that_loop_end_with_the_run(run_async: RunAsync) -> None:
    rig = Rig(line(until_stopped, Constant(5, 4)))
    outcome = run_async(rig.outcome())
    assert (outcome.finished, outcome.cancelled) == (4, 0)
    assert outcome.elapsed == pytest.approx(5, abs=3 * TICK)


def test_a_line_that_ended_stops_its_journeys_while_others_go_on(run_async: RunAsync) -> None:
    rig = Rig(
        line(until_stopped, Constant(2, 2)),
        line(short, Nothing(4) + Constant(2, 1), number=2),
    )
    run_async(rig.outcome())
    ended = [r["actual"][1] for r in rig.kept.of("controller_report")]
    assert ended[1] == 2
    assert ended[3:] == [0] * len(ended[3:])


def test_journeys_that_hang_are_cancelled_after_the_graceful_stop(run_async: RunAsync) -> None:
    rig = Rig(line(forever, Constant(5, 3)), settings=Settings(graceful_stop=10))
    outcome = run_async(rig.outcome())
    assert (outcome.finished, outcome.cancelled) == (0, 3)
    assert outcome.elapsed == pytest.approx(15, abs=4 * TICK)
    assert rig.kept.of("exception") == []


def test_an_interrupt_drains(run_async: RunAsync) -> None:
    rig = Rig(line(until_stopped, Constant(1000, 2)))

    def interrupt() -> None:
        if rig.clock() > 3 and rig.runner.progress().state is State.LOADING:
            rig.runner.interrupt()

    rig.at_tick = interrupt
    outcome = run_async(rig.outcome())
    assert outcome.interrupted
    assert (outcome.finished, outcome.cancelled) == (2, 0)
    assert outcome.elapsed < 4


def test_a_second_interrupt_cancels(run_async: RunAsync) -> None:
    rig = Rig(line(forever, Constant(1000, 2)))

    def interrupt() -> None:
        if rig.clock() > 3 and rig.runner.progress().state is not State.ENDED:
            rig.runner.interrupt()

    rig.at_tick = interrupt
    outcome = run_async(rig.outcome())
    assert (outcome.interrupted, outcome.cancelled) == (True, 2)
    assert outcome.elapsed < 4


def test_an_interrupt_before_the_start_ends_at_once(run_async: RunAsync) -> None:
    rig = Rig(line(short, Constant(10, 1)), settings=Settings(start_delay=60))
    rig.runner.interrupt()
    outcome = run_async(rig.outcome())
    assert (outcome.finished, outcome.interrupted) == (0, True)
    assert rig.clock() < 1


def test_the_start_can_be_delayed(run_async: RunAsync) -> None:
    rig = Rig(line(short, Constant(2, 1)), settings=Settings(start_delay=30))
    outcome = run_async(rig.outcome())
    assert outcome.elapsed == pytest.approx(2, abs=3 * TICK)
    assert rig.clock() == pytest.approx(32, abs=3 * TICK)


def test_an_exhausted_pool_ends_the_run(run_async: RunAsync) -> None:
    pool = IterableDataPool([(n,) for n in range(25)])
    rig = Rig(line(short, Constant(1000, 2), pool))
    outcome = run_async(rig.outcome())
    assert outcome.finished == 25
    assert outcome.elapsed < 1


def test_oneshot_runs_once_and_is_waited_for(run_async: RunAsync) -> None:
    async def slow(ctx: Context) -> None:
        while rig.clock() < 100:
            assert not ctx.should_stop
            await asyncio.sleep(0)

    rig = Rig(line(slow, oneshot_vm(stop_scenario=True)))
    outcome = run_async(rig.outcome())
    assert (outcome.finished, outcome.cancelled) == (1, 0)
    assert outcome.elapsed == pytest.approx(100, abs=4 * TICK)
    assert rig.kept.of("exception") == []


def test_a_volume_model_that_fails_ends_the_run_with_a_sentence(run_async: RunAsync) -> None:
    def model(start: float, end: float) -> int:
        return 1 if start < 2 else -1

    rig = Rig(line(until_stopped, model))
    outcome = run_async(rig.outcome())
    assert "scenario line 1 returned -1" in str(outcome.fault)
    assert outcome.finished == 1


def test_max_journeys_holds(run_async: RunAsync) -> None:
    rig = Rig(line(short, Constant(5, 50)), settings=Settings(max_journeys=8))
    run_async(rig.outcome())
    assert max(r["actual"][1] for r in rig.kept.of("controller_report")) == 8


def test_closers_run_at_the_end(run_async: RunAsync) -> None:
    closed: list[int] = []

    async def opens(ctx: Context) -> None:
        if not closed:
            assert ctx.at_run_end(lambda: closed.append(rig.runner.progress().in_flight))
        closed.append(-1)

    rig = Rig(line(opens, oneshot_vm()))
    run_async(rig.outcome())
    assert closed == [-1, 0]


def test_missed_ticks_are_skipped_and_noticed(run_async: RunAsync) -> None:
    rig = Rig(line(short, Constant(10, 1)))
    stalls = [0.7]

    def stall() -> None:
        if rig.clock() > 5 and stalls:
            rig.clock.advance(stalls.pop())

    rig.at_tick = stall
    run_async(rig.outcome())
    seen = rig.runner.health.statistics()
    assert seen.lag_max == pytest.approx(0.7)
    (block,) = seen.blocks
    assert block.count == 1


def test_a_journey_that_blocks_the_loop_is_named(run_async: RunAsync) -> None:
    async def blocks(ctx: Context) -> None:
        time.sleep(0.35)  # noqa: ASYNC251 - the fault that this is about

    rig = Rig(line(blocks, oneshot_vm()))
    rig.run.clock = time.monotonic
    rig.runner._clock = rig.runner._watchdog._clock = time.monotonic
    rig.runner._sleep = asyncio.sleep
    run_async(rig.outcome())
    (block,) = rig.runner.health.statistics().blocks
    assert block.journey == "here:blocks"
    assert block.location.endswith(":blocks")
    assert block.longest >= 0.25


def test_cpu_is_watched_each_second(run_async: RunAsync) -> None:
    rig = Rig(line(short, Constant(10, 1)))

    def burn() -> None:
        rig.cpu = rig.clock() * 0.4

    rig.at_tick = burn
    run_async(rig.outcome())
    assert rig.runner.health.statistics().cpu_peak == pytest.approx(0.4, abs=0.02)


def test_repr_is_a_dashboard_line() -> None:
    rig = Rig(line(short, Constant(10, 1)))
    assert repr(rig.runner) == "Runner(the test: waiting to start, 0 of 0 journeys)"
    assert rig.runner.progress().elapsed == 0.0
