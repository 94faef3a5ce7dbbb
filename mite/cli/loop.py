"""The event loop of one run: a stray sys.exit does not end it, nor can a task keep it open."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from mite.exceptions import ConfigurationError

GRACE = 2.0
"""Seconds that tasks left over have to end once they are cancelled."""

T = TypeVar("T")


def run(
    main: Coroutine[Any, Any, T],
    factory: Callable[[], asyncio.AbstractEventLoop] | None,
    stray: Callable[[BaseException], None],
) -> T:
    """Run ``main`` to its end on a new loop.

    A SystemExit or KeyboardInterrupt that comes from any other task is told to ``stray``, and
    ``main`` goes on: what was measured is to be reported.
    """
    try:
        loop = (factory or asyncio.new_event_loop)()
    except OSError as error:
        main.close()
        raise ConfigurationError(
            f"no event loop can be made: {error.strerror or error}; 'ulimit -n' says how many "
            "files a process may open."
        ) from error
    asyncio.set_event_loop(loop)
    loop.set_exception_handler(_log_unless_told)
    try:
        task = loop.create_task(main)
        while True:
            try:
                return loop.run_until_complete(task)
            except (SystemExit, KeyboardInterrupt) as error:
                if task.done():
                    raise
                stray(error)
    finally:
        try:
            _close(loop)
        finally:
            asyncio.set_event_loop(None)


def _close(loop: asyncio.AbstractEventLoop) -> None:
    left = asyncio.all_tasks(loop)
    for task in left:
        task.cancel()
    try:
        if left:
            loop.run_until_complete(asyncio.wait(left, timeout=GRACE))
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.run_until_complete(loop.shutdown_default_executor())
    finally:
        for task in left:
            if not task.done():
                # The report has counted it; asyncio need not complain of it as well.
                task._log_destroy_pending = False  # type: ignore[attr-defined]  # noqa: SLF001
        loop.close()


def _log_unless_told(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    if not isinstance(context.get("exception"), (SystemExit, KeyboardInterrupt)):
        loop.default_exception_handler(context)
