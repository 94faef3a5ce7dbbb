"""run_async runs on the loop it names, and lets no error of a loop pass."""

import asyncio

import pytest

from tests.servers.loops import RunAsync


def test_result_and_loop(run_async: RunAsync) -> None:
    async def module_of_loop() -> str:
        return type(asyncio.get_running_loop()).__module__

    assert run_async(module_of_loop()).startswith(run_async.loop_name)


def test_time_limit(run_async: RunAsync) -> None:
    async def hang() -> None:
        await asyncio.get_running_loop().create_future()

    with pytest.raises(TimeoutError):
        run_async(hang(), seconds=0.01)


def test_error_in_a_callback_fails_the_test(run_async: RunAsync) -> None:
    async def schedule_failure() -> None:
        asyncio.get_running_loop().call_soon(lambda: 1 / 0)
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    with pytest.raises(AssertionError, match="ZeroDivisionError"):
        run_async(schedule_failure())
