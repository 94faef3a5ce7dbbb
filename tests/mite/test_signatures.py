import functools
from collections.abc import Callable
from typing import Any

import pytest

from mite.signatures import missing
from mite_http import mite_http


async def alone(ctx: Any) -> None: ...


async def with_item(ctx: Any, item: int) -> None: ...


async def with_default(ctx: Any, item: int = 1) -> None: ...


async def anything(*args: Any, **kwargs: Any) -> None: ...


async def by_name(ctx: Any, *, item: int) -> None: ...


class Called:
    async def __call__(self, ctx: Any, item: int) -> None: ...


@functools.wraps(with_item)
async def giving(ctx: Any, *args: Any) -> None:
    await with_item(ctx, 1, *args)


@pytest.mark.parametrize(
    ("journey", "names"),
    [
        (alone, []),
        (with_item, ["item"]),
        (with_default, []),
        (anything, []),
        (by_name, ["item"]),
        (Called(), ["item"]),
        (giving, []),
        (functools.partial(with_item, item=3), []),
        (mite_http(alone), []),
        (mite_http(with_item), ["item"]),
        (mite_http(mite_http(name="api")(with_item)), ["item"]),
        (mite_http(giving), []),
        (print, []),
    ],
)
def test_what_a_context_alone_leaves_open(journey: Callable[..., Any], names: list[str]) -> None:
    assert missing(journey) == names
