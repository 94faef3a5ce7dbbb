"""What SIGINT and SIGTERM do to a run."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable, Iterator
from itertools import count

from mite.exitcodes import ExitCode

_NUMBERS = (signal.SIGINT, signal.SIGTERM)
_LAST_WORDS = b"mite: ended at once by a third signal; there is no report.\n"


@contextlib.contextmanager
def heeded(interrupt: Callable[[int], object]) -> Iterator[None]:
    """In the block, ``interrupt`` is called with 1 and 2 for the first two signals.

    The third ends the process where it stands.  The interpreter itself calls the handler, between
    two instructions, so that this works too while a journey keeps the loop to itself.
    """
    loop = asyncio.get_running_loop()
    received = count(1)

    def handle(*_: object) -> None:
        number = next(received)
        if number > 2:
            with contextlib.suppress(OSError):
                os.write(2, _LAST_WORDS)
            os._exit(ExitCode.SIGNAL)
        loop.call_soon_threadsafe(interrupt, number)

    before = [(number, signal.signal(number, handle)) for number in _NUMBERS]
    try:
        yield
    finally:
        for number, handler in before:
            signal.signal(number, handler)
