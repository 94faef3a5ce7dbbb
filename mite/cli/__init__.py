"""The ``mite`` command: one module per command, wiring only."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from mite.cli import options
from mite.exceptions import ConfigurationError
from mite.exitcodes import ExitCode


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that ``arguments``, or else sys.argv, name; returns the exit status."""
    try:
        return _guarded(sys.argv[1:] if arguments is None else arguments)
    except BrokenPipeError:
        # Who read our output, such as "| head", has seen enough; nothing may write there again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.SIGNAL
    except KeyboardInterrupt:
        return ExitCode.SIGNAL


def _guarded(arguments: Sequence[str]) -> int:
    try:
        return _dispatch(options.parse(arguments))
    except ConfigurationError as error:
        for sentence in error.sentences:
            print(f"mite: {sentence}", file=sys.stderr)
        return ExitCode.CONFIGURATION
    finally:
        sys.stdout.flush()


def _dispatch(words: options.Words) -> int:
    # Each command's module is loaded when it is asked for, so that none pays for another's needs.
    if words["demo-target"]:
        from mite.demo import command  # noqa: PLC0415

        return command.run(words)
    from mite.cli import journey, load, scenario  # noqa: PLC0415

    chosen = options.run_options(words)
    load.prepare(chosen)
    if words["scenario"]:
        return scenario.test(words, chosen)
    return journey.run(words, chosen) if words["run"] else journey.test(words, chosen)
