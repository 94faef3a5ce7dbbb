"""A gate in a server's script: it waits there until the test lets it go on."""

import threading
from typing import Self


class Gate:
    """Each `open` lets one `wait` pass; leave the block, and all do."""

    def __init__(self) -> None:
        self._passes = threading.Semaphore(0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for _pass in range(1000):
            self._passes.release()

    def __repr__(self) -> str:
        return "<Gate>"

    def open(self) -> None:
        """Let one go on."""
        self._passes.release()

    def wait(self) -> None:
        """Until it is opened once more."""
        assert self._passes.acquire(timeout=30)
