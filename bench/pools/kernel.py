"""The kernel's view: how many connections to a port are open, and how many were at once."""

import threading
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Self

ESTABLISHED = "01"
INTERVAL = 0.02
"""Seconds between two looks."""


def established(port: int) -> int:
    """Connections whose server's end, at this port, is established now.

    While connections come and go the kernel may list one twice: each counts once.
    """
    wanted = f":{port:04X}"
    rows = Path("/proc/net/tcp").read_text().splitlines()[1:]
    fields = (row.split() for row in rows)
    return len({f[2] for f in fields if f[1].endswith(wanted) and f[3] == ESTABLISHED})


class Watch(AbstractContextManager["Watch"]):
    """Looks again and again, in a thread, from entering the context to leaving it.

    `most` is written by the thread alone; read it after leaving.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self.most = 0

    def __repr__(self) -> str:
        return f"<Watch on port {self._port}, at most {self.most} open>"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._done.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._done.wait(INTERVAL):
            self.most = max(self.most, established(self._port))
