"""Fixtures for the tests of acurl.

run_wrapper   run_wrapper(body, **options): awaits body(wrapper) on a new loop with a CurlWrapper
              of those options, which afterwards must have nothing in flight; each test that asks
              for it runs on asyncio and on uvloop.
echo          an Echo: answers each HTTP/1.1 request with the bytes it received, and keeps them.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, TypeVar

import pytest

import acurl
from tests.acurl.echo import Echo
from tests.servers.loops import RunAsync

T = TypeVar("T")


class RunWrapper:
    """`run_wrapper(body)`: a loop and a CurlWrapper per call."""

    def __init__(self, run_async: RunAsync, seconds: float = 30.0) -> None:
        self._run_async = run_async
        self._seconds = seconds
        self.loop_name = run_async.loop_name

    def __repr__(self) -> str:
        return f"<RunWrapper {self.loop_name}>"

    def __call__(self, body: Callable[[acurl.CurlWrapper], Awaitable[T]], **options: Any) -> T:
        """The result of `await body(wrapper)`."""

        async def main() -> T:
            with acurl.CurlWrapper(asyncio.get_running_loop(), **options) as wrapper:
                result = await body(wrapper)
                assert wrapper.stats().in_flight == 0
            return result

        return self._run_async(main(), self._seconds)


async def until(condition: Callable[[], bool]) -> None:
    """Wait in a coroutine for what no event of the loop tells; bounded by run_wrapper."""
    while not condition():  # noqa: ASYNC110 - servers in threads set no asyncio.Event
        await asyncio.sleep(0.005)


@pytest.fixture
def run_wrapper(run_async: RunAsync) -> RunWrapper:
    """Runs a coroutine function with a wrapper, once on each kind of loop."""
    return RunWrapper(run_async)


@pytest.fixture
def echo() -> Iterator[Echo]:
    """A server that answers with what it received."""
    with Echo() as server:
        yield server
    assert server.failures == []
