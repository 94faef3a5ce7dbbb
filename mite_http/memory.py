"""How much memory this process has, and may have: figures of Linux."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

_STATM = Path("/proc/self/statm")
_CGROUP = Path("/sys/fs/cgroup")
_LIMIT_FILES = ("memory.max", "memory/memory.limit_in_bytes")
# Version 1 says so when there is no limit.
_NO_LIMIT = 1 << 60


class Memory(NamedTuple):
    """Bytes: what is in RAM, and what is reserved."""

    rss: int
    vms: int


def process_memory() -> Memory:
    """Of this process now."""
    pages = _STATM.read_text().split()
    size = os.sysconf("SC_PAGE_SIZE")
    return Memory(rss=int(pages[1]) * size, vms=int(pages[0]) * size)


def memory_limit(root: Path = _CGROUP) -> int | None:
    """Bytes that the container, or else the control group, may have; None where nothing says."""
    for name in _LIMIT_FILES:
        try:
            text = (root / name).read_text().strip()
        except OSError:
            continue
        if text.isdigit() and int(text) < _NO_LIMIT:
            return int(text)
    return None
