"""The ``mite`` command: one module per command, wiring only."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from mite.cli import options, streams
from mite.exceptions import ConfigurationError
from mite.exitcodes import ExitCode


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that ``arguments``, or else sys.argv, name; returns the exit status."""
    streams.prepare()
    try:
        code = _guarded(sys.argv[1:] if arguments is None else arguments)
    except (BrokenPipeError, KeyboardInterrupt):
        code = ExitCode.SIGNAL
    return streams.flushed(code)


def _guarded(arguments: Sequence[str]) -> int:
    try:
        words = options.parse(arguments)
    except SystemExit:
        return ExitCode.OK  # after --help and --version
    except ConfigurationError as error:
        return _refused(error)
    try:
        return _dispatch(words)
    except SystemExit as error:
        return _refused(ConfigurationError(f"ended by sys.exit({error.code!r}): nothing was run."))
    except ConfigurationError as error:
        return _refused(error)


def _refused(error: ConfigurationError) -> int:
    for sentence in error.sentences:
        print(f"mite: {sentence}", file=sys.stderr)
    return ExitCode.CONFIGURATION


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
