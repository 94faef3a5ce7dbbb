"""Every exit status of the mite command."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum


class ExitCode(IntEnum):
    """What the exit status of ``mite`` means."""

    OK = 0
    UPSTREAM_THRESHOLD = 1
    """One of the ``--max-errors-threshold`` family of options was exceeded."""
    THRESHOLD = 99
    """A threshold on a metric was not met."""
    CONFIGURATION = 104
    """A spec, an option or a scenario is wrong; nothing was measured."""
    SIGNAL = 105
    """Ended early by SIGINT or SIGTERM; what was measured until then was reported."""
    ABORTED = 108
    """Ended early by a threshold marked ``abort``."""
    CONTROLLER_LOST = 110
    """A runner heard nothing from its controller any more."""
    NOT_VALID = 111
    """The verdict was not VALID, and ``--strict`` asked for one."""


_PRECEDENCE = (
    ExitCode.CONFIGURATION,
    ExitCode.SIGNAL,
    ExitCode.ABORTED,
    ExitCode.CONTROLLER_LOST,
    ExitCode.THRESHOLD,
    ExitCode.UPSTREAM_THRESHOLD,
    ExitCode.NOT_VALID,
)


def weightiest(codes: Iterable[ExitCode]) -> ExitCode:
    """Of several reasons to fail, the one that the exit status names."""
    present = set(codes)
    return next((code for code in _PRECEDENCE if code in present), ExitCode.OK)
