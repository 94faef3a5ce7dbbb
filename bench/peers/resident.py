"""Memory of this process that is resident now."""

import gc
import os
from pathlib import Path

PAGE = os.sysconf("SC_PAGE_SIZE")


def resident_bytes() -> int:
    """Bytes resident once garbage has been collected."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE
