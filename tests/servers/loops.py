"""Running a coroutine on a chosen event loop, and failing on whatever the loop would only log."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import uvloop

T = TypeVar("T")

LOOP_FACTORIES: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "asyncio": asyncio.new_event_loop,
    "uvloop": uvloop.new_event_loop,
}


class RunAsync:
    """`run_async(coroutine)` returns its result; each call has an event loop of its own."""

    def __init__(self, loop_name: str) -> None:
        self.loop_name = loop_name

    def __repr__(self) -> str:
        return f"<RunAsync {self.loop_name}>"

    def __call__(self, main: Coroutine[Any, Any, T], seconds: float = 30.0) -> T:
        """Run `main` for at most `seconds`.

        An exception that a loop callback or a forgotten task let escape fails the test too.
        """
        escaped: list[dict[str, Any]] = []
        with asyncio.Runner(loop_factory=LOOP_FACTORIES[self.loop_name]) as runner:
            loop = runner.get_loop()
            loop.set_exception_handler(lambda _loop, context: escaped.append(context))
            result = runner.run(_bounded(main, seconds))
        if escaped:
            message = f"the event loop was left with unhandled errors: {escaped}"
            raise AssertionError(message)
        return result


async def _bounded(main: Coroutine[Any, Any, T], seconds: float) -> T:
    async with asyncio.timeout(seconds):
        return await main
