"""The standard streams: there from the start, able to take any text, and lost in good order."""

from __future__ import annotations

import os
import sys

from mite.exitcodes import ExitCode


def prepare() -> None:
    """Open what was closed, before a socket gets its number, and let no character fail."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number free: this one
    # Python leaves None in the place of a stream that was closed when it began.
    if sys.stdout is None:
        sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115 - a descriptor, for good
    if sys.stderr is None:
        sys.stderr = open(2, "w", closefd=False)  # noqa: SIM115
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="backslashreplace")


def flushed(code: int) -> int:
    """The exit status when all is written; another if standard output takes nothing more."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        # Who read it, such as "| head", has seen enough.
        _abandon()
        return code or ExitCode.SIGNAL
    except OSError as error:
        _abandon()
        print(f"mite: standard output cannot be written: {error.strerror}.", file=sys.stderr)
        return code or ExitCode.CONFIGURATION
    return code


def _abandon() -> None:
    """What is still to be written goes nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
