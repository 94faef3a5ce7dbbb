"""Where journeys get their data: pools with ``checkout`` and ``checkin``.

Any object with these two coroutines is a datapool::

    async def checkout(self, config) -> DataPoolItem | None   # None: nothing now, ask again later
    async def checkin(self, item_id) -> None                  # the journey with that item has ended

``checkout`` raises ``DataPoolExhausted`` when nothing will ever come again: the scenario line
then ends.  The ``data`` of an item is a tuple: the arguments of the journey after its context.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, Protocol, runtime_checkable

logger = logging.getLogger(__name__)


class DataPoolItem(NamedTuple):
    """One checked-out item."""

    id: Any
    data: Any


class DataPoolTooSmall(Exception):
    """More journeys run at once than a recyclable pool has items."""


class DataPoolExhausted(BaseException):
    """The pool is empty for good; not an ``Exception``, so that no journey swallows it."""


@runtime_checkable
class DataPool(Protocol):
    """What the runner needs of a datapool."""

    async def checkout(self, config: Any) -> DataPoolItem | None:
        """Take an item; None when there is none at the moment."""

    async def checkin(self, item_id: Any) -> None:
        """Give the item back."""


class RecyclableIterableDataPool:
    """Items that may be used again once their journey has ended, the longest unused first."""

    def __init__(self, iterable: Iterable[Any]) -> None:
        self._source = iterable
        self._items: tuple[Any, ...] = ()
        # Indexes of items that no journey holds; None until the first checkout reads the source.
        self._available: deque[int] | None = None

    def __repr__(self) -> str:
        if self._available is None:
            return "RecyclableIterableDataPool(not read yet)"
        return f"RecyclableIterableDataPool({len(self._available)} of {len(self._items)} available)"

    async def checkout(self, config: Any) -> DataPoolItem:
        """Take the item unused for the longest time; DataPoolTooSmall when all are in use."""
        if self._available is None:
            self._items = tuple(self._source)
            self._available = deque(range(len(self._items)))
        if not self._available:
            raise DataPoolTooSmall(
                f"all {len(self._items)} items of the recyclable datapool are in use: "
                "it needs at least as many items as journeys run at once"
            )
        index = self._available.popleft()
        return DataPoolItem(index, self._items[index])

    async def checkin(self, item_id: int) -> None:
        """Make the item available again."""
        if self._available is None:
            logger.error("item %r came back to a datapool that never gave one out", item_id)
            return
        self._available.append(item_id)


class IterableDataPool:
    """Each item once; then the pool is exhausted."""

    def __init__(self, iterable: Iterable[Any]) -> None:
        self._numbered = enumerate(iterable, 1)

    async def checkout(self, config: Any) -> DataPoolItem:
        """Take the next item, or raise DataPoolExhausted."""
        for item_id, data in self._numbered:
            return DataPoolItem(item_id, data)
        raise DataPoolExhausted

    async def checkin(self, item_id: int) -> None:
        """Nothing: an item is used once."""


def iterable_datapool(fn: Callable[[], Iterable[Any]]) -> IterableDataPool:
    """Decorator: turn a function that yields items into an IterableDataPool."""
    return IterableDataPool(fn())


def recyclable_iterable_datapool(fn: Callable[[], Iterable[Any]]) -> RecyclableIterableDataPool:
    """Decorator: turn a function that yields items into a RecyclableIterableDataPool."""
    return RecyclableIterableDataPool(fn())


class SingleRunDataPool:
    """One item, given out once as the journey's single argument."""

    def __init__(self, data_item: Any) -> None:
        self.has_ran = False
        self.data_item = data_item

    async def checkout(self, config: Any) -> DataPoolItem:
        """The item the first time, then DataPoolExhausted."""
        if self.has_ran:
            raise DataPoolExhausted
        self.has_ran = True
        return DataPoolItem(1, (self.data_item,))

    async def checkin(self, item_id: int) -> None:
        """Nothing: the item is used once."""


class SingleRunDataPoolWrapper:
    """The first item of another pool, once."""

    def __init__(self, data_pool: DataPool) -> None:
        self.has_ran = False
        self.data_pool = data_pool

    async def checkout(self, config: Any) -> DataPoolItem | None:
        """What the inner pool gives the first time, then DataPoolExhausted."""
        if self.has_ran:
            raise DataPoolExhausted
        item = await self.data_pool.checkout(config)
        self.has_ran = item is not None
        return item

    async def checkin(self, item_id: Any) -> None:
        """Nothing: the item is used once."""
