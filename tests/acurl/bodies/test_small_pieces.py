"""Sources of pieces so small that the network never makes them wait."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any

import pytest

import acurl
from tests.acurl.conftest import RunWrapper
from tests.acurl.uploads import Uploads


async def coming() -> AsyncIterator[bytes]:
    for _ in itertools.repeat(None):
        yield b""


@pytest.mark.parametrize("make", [coming, lambda: itertools.repeat(b"")])
def test_nothing_without_an_end_is_ended_by_the_limit(
    run_wrapper: RunWrapper, make: Callable[[], AsyncIterator[bytes] | Iterable[bytes]]
) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        with pytest.raises(acurl.TotalTimeout):
            await wrapper.session().post(
                uploads.url, data=make(), timeout=acurl.Timeout(5, total=0.1)
            )

    with Uploads() as uploads:
        run_wrapper(body)


def test_the_loop_has_its_turn_between_single_bytes(run_wrapper: RunWrapper) -> None:
    turns: list[int] = []
    given = 0

    def single() -> Any:
        nonlocal given
        while given < 20_000:
            given += 1
            yield b"x"

    async def body(wrapper: acurl.CurlWrapper) -> None:
        async def count() -> None:
            while given < 20_000:
                turns.append(given)
                await asyncio.sleep(0)

        counting = asyncio.ensure_future(count())
        assert (await wrapper.session().post(uploads.url, data=single())).ok
        await counting

    with Uploads() as uploads:
        run_wrapper(body)
    assert uploads.received[-1].complete
    assert max(b - a for a, b in itertools.pairwise(turns)) <= 64
