"""Stops at the failing line of a journey, for ``--debugging``."""

from __future__ import annotations

import importlib
import os
import pdb  # noqa: T100 - what --debugging is for
import sys
from collections.abc import Callable


def _hook() -> Callable[[], object]:
    """What PYTHONPOSTMORTEM names (``package.module.function``), or pdb's own."""
    module, _, function = os.environ.get("PYTHONPOSTMORTEM", "pdb.post_mortem").rpartition(".")
    try:
        found: Callable[[], object] = getattr(
            importlib.import_module(module or "builtins"), function
        )
    except (ImportError, AttributeError):
        return pdb.post_mortem
    return found


def post_mortem() -> None:
    """Open the debugger on the exception being handled, then end the process with status 1."""
    _hook()()
    sys.exit(1)
