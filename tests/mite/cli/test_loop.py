import asyncio
import sys
from collections.abc import Callable

import pytest
import uvloop

from mite.cli import loop
from mite.exceptions import ConfigurationError

Factory = Callable[[], asyncio.AbstractEventLoop] | None


@pytest.fixture(params=[None, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def factory(request: pytest.FixtureRequest) -> Factory:
    made: Factory = request.param
    return made


@pytest.mark.parametrize("error", [SystemExit(0), KeyboardInterrupt()])
def test_a_stray_exit_is_told_and_the_main_coroutine_goes_on(
    factory: Factory, error: BaseException
) -> None:
    told: list[BaseException] = []

    async def stray() -> None:
        raise error

    async def main() -> str:
        task = asyncio.create_task(stray())
        await asyncio.wait([task])
        return "the report"

    assert loop.run(main(), factory, told.append) == "the report"
    assert told == [error]


def test_a_loop_that_cannot_be_made_is_a_sentence() -> None:
    def factory() -> asyncio.AbstractEventLoop:
        raise OSError(24, "Too many open files")

    async def main() -> None: ...

    with pytest.raises(ConfigurationError, match="no event loop can be made: Too many open files"):
        loop.run(main(), factory, lambda error: None)


def test_the_main_coroutines_own_exit_is_its_own(factory: Factory) -> None:
    async def main() -> None:
        sys.exit(3)

    with pytest.raises(SystemExit, match="3"):
        loop.run(main(), factory, lambda error: None)


def test_a_task_that_swallows_its_cancellation_does_not_keep_the_loop(
    factory: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "GRACE", 0.05)
    swallowed = []

    async def stubborn() -> None:
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                swallowed.append(1)

    async def main() -> None:
        task = asyncio.create_task(stubborn())
        task.set_name("stubborn")
        await asyncio.sleep(0)

    loop.run(main(), factory, lambda error: None)
    assert swallowed == [1]
