"""`mite demo-target`, as the CLI calls it."""

from __future__ import annotations

import asyncio
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from mite.demo.errors import TargetError
from mite.exitcodes import ExitCode

if TYPE_CHECKING:
    from collections.abc import Mapping

NEEDED = ("granian", "starlette", "trustme")


def run(options: Mapping[str, Any]) -> int:
    """Serve the target until told to stop; returns the exit code.

    `options` is docopt's dictionary; what is missing from it has a default.
    """
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        return _refuse(f"needs {', '.join(missing)}: pip install 'mite-http[demo]'")
    try:
        _serve(options)
    except TargetError as error:
        return _refuse(str(error))
    except KeyboardInterrupt:
        # Only before the target listens to signals itself; it has nothing to put away yet.
        return 0
    return 0


def _serve(options: Mapping[str, Any]) -> None:
    # Late, for without the extra `demo` this module must still say what to install.
    import uvloop  # noqa: PLC0415

    from mite.demo.options import parse  # noqa: PLC0415
    from mite.demo.target import serve  # noqa: PLC0415

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(parse(options)))


def _refuse(sentence: str) -> int:
    print(f"mite demo-target: {sentence}", file=sys.stderr)
    return ExitCode.CONFIGURATION
