"""Memory of this process that is resident now."""

import ctypes
import gc
import os
from dataclasses import dataclass
from pathlib import Path

PAGE = os.sysconf("SC_PAGE_SIZE")


def resident_bytes() -> int:
    """Bytes resident once garbage has been collected."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes of this process: resident, and of address space."""

    rss: int
    vms: int


def memory() -> Memory:
    """What is in use: garbage is collected, and what the C library keeps for later is given back.

    Without that, memory once freed would hide what is taken after it.
    """
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    status = Path("/proc/self/status").read_text()
    rss, vms = (int(status.split(f"{name}:")[1].split()[0]) * 1024 for name in ("VmRSS", "VmSize"))
    return Memory(rss, vms)
