import logging
from typing import Any

import pytest

from mite.datapools import (
    DataPool,
    DataPoolExhausted,
    DataPoolItem,
    IterableDataPool,
    RecyclableIterableDataPool,
    SingleRunDataPool,
    SingleRunDataPoolWrapper,
    iterable_datapool,
    recyclable_iterable_datapool,
)
from tests.servers.loops import RunAsync


async def taken(pool: DataPool, count: int) -> list[Any]:
    return [await pool.checkout(None) for _ in range(count)]


async def exhausted(pool: DataPool) -> bool:
    try:
        await pool.checkout(None)
    except DataPoolExhausted:
        return True
    return False


def test_iterable_gives_each_item_once(run_async: RunAsync) -> None:
    async def main() -> None:
        pool = IterableDataPool(iter(["a", "b"]))
        assert await taken(pool, 2) == [DataPoolItem(1, "a"), DataPoolItem(2, "b")]
        await pool.checkin(1)
        assert await exhausted(pool)
        assert await exhausted(pool)

    run_async(main())


def test_recyclable_gives_the_longest_unused_first(run_async: RunAsync) -> None:
    async def main() -> None:
        pool = RecyclableIterableDataPool("abc")
        assert [item.data for item in await taken(pool, 3)] == ["a", "b", "c"]
        await pool.checkin(2)
        await pool.checkin(0)
        assert [item.data for item in await taken(pool, 2)] == ["c", "a"]
        with pytest.raises(Exception, match=r"all 3 items .* are in use"):
            await pool.checkout(None)

    run_async(main())


def test_recyclable_reads_its_source_late() -> None:
    def source() -> Any:
        raise AssertionError("read too early")
        yield

    assert repr(RecyclableIterableDataPool(source())) == "RecyclableIterableDataPool(not read yet)"


def test_recyclable_survives_a_stray_checkin(
    run_async: RunAsync, caplog: pytest.LogCaptureFixture
) -> None:
    pool = RecyclableIterableDataPool("a")
    with caplog.at_level(logging.ERROR):
        run_async(pool.checkin(0))
    assert "item 0 came back" in caplog.text


def test_decorators_make_pools(run_async: RunAsync) -> None:
    @iterable_datapool
    def once() -> list[str]:
        return ["x"]

    @recyclable_iterable_datapool
    def again() -> list[str]:
        return ["y"]

    async def main() -> None:
        assert await taken(once, 1) == [DataPoolItem(1, "x")]
        assert await taken(again, 1) == [DataPoolItem(0, "y")]

    run_async(main())


def test_single_run(run_async: RunAsync) -> None:
    async def main() -> None:
        pool = SingleRunDataPool("only")
        assert await taken(pool, 1) == [DataPoolItem(1, ("only",))]
        assert pool.has_ran
        assert await exhausted(pool)

    run_async(main())


class Hesitant:
    """Has nothing at first."""

    def __init__(self) -> None:
        self.asked = 0

    async def checkout(self, config: object) -> DataPoolItem | None:
        self.asked += 1
        return None if self.asked == 1 else DataPoolItem(9, ("late",))

    async def checkin(self, item_id: object) -> None:
        pass


def test_single_run_wrapper_waits_for_its_one_item(run_async: RunAsync) -> None:
    async def main() -> None:
        pool = SingleRunDataPoolWrapper(Hesitant())
        assert await taken(pool, 2) == [None, DataPoolItem(9, ("late",))]
        assert await exhausted(pool)

    run_async(main())


def test_exhaustion_is_no_exception_that_journeys_catch() -> None:
    assert not issubclass(DataPoolExhausted, Exception)
