"""Waiting for something to become true, with a bound, in place of sleeping and hoping."""

import time
from collections.abc import Callable

POLL_SECONDS = 0.005


def wait_until(condition: Callable[[], bool], what: str, seconds: float = 10.0) -> None:
    """Return as soon as `condition()` holds; AssertionError that names `what` after `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            message = f"waited {seconds} s for: {what}"
            raise AssertionError(message)
        time.sleep(POLL_SECONDS)
