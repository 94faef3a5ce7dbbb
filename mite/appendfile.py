"""A file that only grows, by whole records: a full disk never leaves half of one behind."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path


class AppendFile:
    """Opened for appending, made if it is not there; unbuffered.  Raises OSError."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)

    def __repr__(self) -> str:
        return f"AppendFile({str(self.path)!r})"

    def append(self, record: bytes) -> None:
        """Write all of ``record``, or nothing of it and raise OSError."""
        end = os.fstat(self._descriptor).st_size
        left = memoryview(record)
        try:
            while left:
                left = left[os.write(self._descriptor, left) :]
        except OSError:
            # What is no regular file, /dev/full for one, cannot be cut, and kept nothing.
            with contextlib.suppress(OSError):
                os.ftruncate(self._descriptor, end)
            raise

    def close(self) -> None:
        """Close it; harmless when it is closed."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
