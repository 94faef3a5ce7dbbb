"""The machine of a run: what its figures belong to."""

import os
import platform
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Machine:
    """Processor, kernel, interpreter, date (UTC), and the cores of clients and server."""

    processor: str
    kernel: str
    python: str
    date: str
    client_core: int
    server_core: int

    @property
    def shared_core(self) -> bool:
        """Whether client and server have to share one core, which spoils every figure."""
        return self.client_core == self.server_core


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def inspect() -> Machine:
    """The machine this runs on; clients get its first usable core, the server its second."""
    cores = sorted(os.sched_getaffinity(0))
    return Machine(
        processor=_processor(),
        kernel=platform.release(),
        python=platform.python_version(),
        date=datetime.now(UTC).strftime("%Y-%m-%d %H:%M"),
        client_core=cores[0],
        server_core=cores[min(1, len(cores) - 1)],
    )
