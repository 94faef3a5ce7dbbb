import asyncio
import re
from collections.abc import Callable
from typing import Any

import pytest

from mite.context import Context
from mite.crew import Crew, Surroundings
from mite.datapools import (
    DataPool,
    DataPoolExhausted,
    DataPoolItem,
    IterableDataPool,
    RecyclableIterableDataPool,
)
from mite.exceptions import ConfigurationError
from mite.run import Run
from mite.scenario import Journey, VolumeModel
from mite.volume import oneshot_vm
from tests.mite.running import line
from tests.servers.loops import RunAsync


class Stage:
    """A crew with all that is around it."""

    def __init__(
        self, journey: Journey, datapool: DataPool | None = None, volume: VolumeModel | None = None
    ) -> None:
        self.messages: list[dict[str, Any]] = []
        self.faults: list[ConfigurationError] = []
        self.run = Run()
        around = Surroundings(
            run=self.run,
            send=self.messages.append,
            config={"key": "value"},
            identity={"test": "t", "runner_id": 1},
            fail=self.faults.append,
        )
        self.crew = Crew(line(journey, volume or (lambda start, end: 1), datapool), around)

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not condition():  # noqa: ASYNC110 - any condition
                await asyncio.sleep(0)

    async def idle(self) -> None:
        await self.until(lambda: self.crew.running == 0)

    @property
    def exceptions(self) -> list[str]:
        return [m["ex_type"] for m in self.messages if m["type"] == "exception"]


class Gate:
    """A journey that says it is there and waits to be let through."""

    __name__ = "gate"

    def __init__(self) -> None:
        self.inside = 0
        self.most = 0
        self.open = asyncio.Event()

    async def __call__(self, ctx: Context, *args: Any) -> None:
        self.inside += 1
        self.most = max(self.most, self.inside)
        try:
            await self.open.wait()
        finally:
            self.inside -= 1


def test_slots_run_journeys_without_pause_until_shrunk(run_async: RunAsync) -> None:
    async def journey(ctx: Context) -> None:
        await asyncio.sleep(0)

    async def main() -> None:
        stage = Stage(journey)
        stage.crew.resize(3)
        assert stage.crew.running == 3
        await stage.until(lambda: stage.crew.finished > 50)
        assert stage.crew.running == 3
        stage.crew.resize(0)
        await stage.idle()
        ids = {m["context_id"] for m in stage.messages}
        assert len(ids) == stage.crew.finished

    run_async(main())


def test_shrinking_waits_for_journeys_and_never_overshoots(run_async: RunAsync) -> None:
    async def main() -> None:
        gate = Gate()
        stage = Stage(gate)
        stage.crew.resize(5)
        await stage.until(lambda: gate.inside == 5)
        stage.crew.resize(2)
        assert stage.crew.running == 5
        gate.open.set()
        await stage.until(lambda: stage.crew.running == 2)
        stage.crew.resize(4)
        assert stage.crew.running == 4
        stage.crew.resize(0)
        await stage.idle()
        assert gate.most == 5

    run_async(main())


def test_messages_carry_the_identity_of_upstream(run_async: RunAsync) -> None:
    async def journey(ctx: Context, first: int, second: int) -> None:
        assert (first, second, ctx.config["key"]) == (1, 2, "value")
        ctx.send("mine")

    async def main() -> None:
        stage = Stage(journey, IterableDataPool([(1, 2)]))
        stage.crew.resize(1)
        await stage.idle()
        mine = next(m for m in stage.messages if m["type"] == "mine")
        identity = {key: mine[key] for key in mine if key not in {"time", "type"}}
        assert identity == {
            "test": "t",
            "runner_id": 1,
            "journey": "here:journey",
            "scenario_id": 1,
            "scenario_data_id": 1,
            "context_id": 1,
            "transaction": "__root__",
            "transaction_id": 1,
        }
        assert stage.exceptions == []

    run_async(main())


def test_a_journey_that_never_waits_does_not_keep_the_loop(run_async: RunAsync) -> None:
    async def journey(ctx: Context) -> None:
        pass

    async def main() -> None:
        stage = Stage(journey)
        stage.crew.resize(2)
        for _ in range(5):
            await asyncio.sleep(0)
        assert 0 < stage.crew.finished < 10_000
        stage.crew.resize(0)
        await stage.idle()

    run_async(main())


@pytest.mark.parametrize(
    "error",
    [ValueError("x"), SystemExit(3), DataPoolExhausted(), KeyboardInterrupt(), GeneratorExit()],
)
def test_a_journey_that_raises_is_reported_and_the_slot_goes_on(
    run_async: RunAsync, error: BaseException
) -> None:
    async def journey(ctx: Context) -> None:
        await asyncio.sleep(0)
        raise error

    async def main() -> None:
        stage = Stage(journey)
        stage.crew.resize(1)
        await stage.until(lambda: stage.crew.finished >= 3)
        stage.crew.resize(0)
        await stage.idle()
        assert stage.exceptions == [type(error).__name__] * stage.crew.finished

    run_async(main())


@pytest.mark.parametrize("waits", [True, False])
def test_a_journey_that_cancels_itself_is_reported_and_the_slot_goes_on(
    run_async: RunAsync, waits: bool
) -> None:
    async def journey(ctx: Context) -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        if waits:
            await asyncio.sleep(1000)

    async def main() -> None:
        stage = Stage(journey)
        stage.crew.resize(1)
        await stage.until(lambda: stage.crew.finished >= 3)
        assert stage.crew.running == 1
        stage.crew.resize(0)
        await stage.idle()
        assert stage.exceptions == (["CancelledError"] * stage.crew.finished if waits else [])

    run_async(main())


def test_arguments_that_do_not_fit_are_the_journeys_error(run_async: RunAsync) -> None:
    async def journey(ctx: Context, one: int) -> None:
        raise AssertionError

    async def main() -> None:
        stage = Stage(journey, IterableDataPool([(1, 2), 3]))
        stage.crew.resize(1)
        await stage.idle()
        assert stage.exceptions == ["TypeError", "TypeError"]
        faults = [m for m in stage.messages if m["type"] == "exception"]
        assert "item 2 of the datapool is 3; an item must be a tuple" in faults[1]["message"]
        assert {fault["location"] for fault in faults} == {"unknown:0:none"}
        assert stage.faults == []

    run_async(main())


def test_an_exhausted_pool_ends_the_line(run_async: RunAsync) -> None:
    async def journey(ctx: Context, number: int) -> None:
        await asyncio.sleep(0)

    async def main() -> None:
        stage = Stage(journey, IterableDataPool([(n,) for n in range(7)]))
        stage.crew.resize(3)
        await stage.idle()
        assert (stage.crew.finished, stage.crew.exhausted, stage.crew.over) == (7, True, True)
        stage.crew.resize(3)
        assert stage.crew.running == 0

    run_async(main())


class Pool:
    """A datapool that lends one item, and may refuse or fail."""

    def __init__(self, *, fails: str = "") -> None:
        self.fails = fails
        self.asked = 0
        self.log: list[str] = []

    async def checkout(self, config: Any) -> DataPoolItem | None:
        self.asked += 1
        if self.fails == "checkout":
            raise KeyError("no database")
        if self.asked == 1:
            return None
        self.log.append("out")
        return DataPoolItem("the id", None)

    async def checkin(self, item_id: Any) -> None:
        self.log.append(f"in {item_id}")
        if self.fails == "checkin":
            raise KeyError("no database")


def test_an_item_comes_back_however_the_journey_ends(run_async: RunAsync) -> None:
    async def journey(ctx: Context) -> None:
        stage.crew.resize(0)
        raise ValueError

    pool = Pool()
    stage = Stage(journey, pool)

    async def main() -> None:
        stage.crew.resize(1)
        await stage.idle()
        assert pool.log == ["out", "in the id"]
        assert pool.asked == 2

    run_async(main())


@pytest.mark.parametrize("act", ["checkout", "checkin"])
def test_a_pool_that_fails_ends_the_run_with_a_sentence(run_async: RunAsync, act: str) -> None:
    async def journey(ctx: Context) -> None:
        pass

    async def main() -> None:
        stage = Stage(journey, Pool(fails=act))
        stage.crew.resize(1)
        await stage.idle()
        (fault,) = stage.faults
        assert "the datapool of here:journey failed: KeyError: 'no database' (" in str(fault)

    run_async(main())


def test_a_pool_with_too_few_items_is_said_without_a_place(run_async: RunAsync) -> None:
    async def main() -> None:
        gate = Gate()
        stage = Stage(gate, RecyclableIterableDataPool([(1,), (2,)]))
        stage.crew.resize(3)
        await stage.until(lambda: bool(stage.faults))
        (fault,) = stage.faults
        assert str(fault) == (
            "the datapool of here:gate is too small: all 2 items of the recyclable datapool are "
            "in use: it needs at least as many items as journeys run at once."
        )
        gate.open.set()
        await stage.idle()

    run_async(main())


def test_oneshot_starts_exactly_one(run_async: RunAsync) -> None:
    async def journey(ctx: Context) -> None:
        await asyncio.sleep(0)

    async def main() -> None:
        stage = Stage(journey, volume=oneshot_vm())
        stage.crew.resize(1)
        assert not stage.crew.over
        await stage.idle()
        stage.crew.resize(1)
        assert (stage.crew.running, stage.crew.finished, stage.crew.over) == (0, 1, True)

    run_async(main())


def test_cancel_ends_what_still_runs_and_reports_nothing(run_async: RunAsync) -> None:
    async def main() -> None:
        gate = Gate()
        stage = Stage(gate)
        stage.crew.resize(3)
        await stage.until(lambda: gate.inside == 3)
        stage.run.cancelling = True
        assert await stage.crew.cancel() == 3
        assert (stage.crew.running, gate.inside) == (0, 0)
        assert [m["type"] for m in stage.messages] == ["txn"] * 3
        assert await stage.crew.cancel() == 0

    run_async(main())


class OddPool:
    """A datapool that does with an item what it was told."""

    def __init__(self, item: Any, leaving: BaseException | None = None) -> None:
        self.item = item
        self.leaving = leaving

    async def checkout(self, config: object) -> Any:
        if isinstance(self.item, BaseException):
            raise self.item
        return self.item

    async def checkin(self, item_id: object) -> None:
        if self.leaving is not None:
            raise self.leaving


@pytest.mark.parametrize(
    ("pool", "words"),
    [
        (OddPool(5), "checkout gave 5, which is no DataPoolItem"),
        (OddPool(asyncio.CancelledError()), "CancelledError"),
        (OddPool(SystemExit(0)), r"it calls sys.exit\(0\)"),
        (OddPool(DataPoolItem(1, ()), DataPoolExhausted()), "DataPoolExhausted"),
    ],
)
def test_a_pool_that_misbehaves_ends_the_run_with_a_sentence(
    run_async: RunAsync, pool: OddPool, words: str
) -> None:
    async def journey(ctx: Context) -> None:
        pass

    async def main() -> None:
        stage = Stage(journey, pool)
        stage.crew.resize(1)
        await stage.idle()
        assert stage.crew.over
        (fault,) = stage.faults
        assert re.search(words, str(fault)), fault

    run_async(main())


def test_repr_is_a_dashboard_line(run_async: RunAsync) -> None:
    async def main() -> None:
        stage = Stage(Gate())
        stage.crew.resize(2)
        assert repr(stage.crew) == "Crew(here:gate: 2 of 2 running, 0 finished)"
        stage.run.cancelling = True
        await stage.crew.cancel()

    run_async(main())
