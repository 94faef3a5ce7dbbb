"""What a run ran on: facts of mite and of its plugins, for the report.

A plugin announces a function that returns name and value pairs by an entry point of the group
``mite_environment``.
"""

from __future__ import annotations

import logging
import platform
from importlib.metadata import entry_points

logger = logging.getLogger(__name__)


def facts() -> dict[str, str]:
    """Name to value, plugins' facts first."""
    found: dict[str, str] = {}
    for entry in sorted(entry_points(group="mite_environment")):
        try:
            found.update(entry.load()())
        except Exception:
            logger.exception("the environment facts of %s cannot be read", entry.value)
    found["Python"] = platform.python_version()
    return found
