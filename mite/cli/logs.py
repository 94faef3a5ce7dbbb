"""Where log records of a run go: to standard error, whatever that is when they are written."""

from __future__ import annotations

import logging
import sys
from typing import Any

_FORMAT = "[%(asctime)s] <%(levelname)s> [%(name)s] %(message)s"


class _StandardError(logging.StreamHandler[Any]):
    """The live view takes standard error over while it is shown, so as not to be torn apart."""

    @property
    def stream(self) -> Any:
        return sys.stderr

    @stream.setter
    def stream(self, stream: Any) -> None:
        """Nothing: the base class names the stream once, this class looks each time."""


def set_up(level: str) -> None:
    """Have records from ``level`` on printed; a set-up that exists already is left alone."""
    logging.basicConfig(level=level, format=_FORMAT, handlers=[_StandardError()])
