"""``python -m mite``, and what the ``mite`` command calls."""

from __future__ import annotations

import sys

from mite.cli import main

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(main())
