"""How a failed journey is described: where it failed, and in what words."""

from __future__ import annotations

import traceback
from types import TracebackType

_MACHINERY = frozenset({"mite", "mite_http", "acurl", "asyncio"})


def location(tb: TracebackType | None) -> str:
    """``file:line:function`` of the innermost frame that is the user's, not the machinery's."""
    found = innermost = tb
    while tb is not None:
        innermost = tb
        package = tb.tb_frame.f_globals.get("__name__", "").partition(".")[0]
        if package not in _MACHINERY:
            found = tb
        tb = tb.tb_next
    chosen = found or innermost
    if chosen is None:
        return "unknown:0:none"
    code = chosen.tb_frame.f_code
    return f"{code.co_filename}:{chosen.tb_lineno}:{code.co_name}"


def sentence(error: BaseException) -> str:
    """The error as the last line of a traceback shows it: its class, a colon, its message."""
    kind = type(error)
    name = kind.__qualname__
    if kind.__module__ not in {"builtins", "__main__"}:
        name = f"{kind.__module__}.{name}"
    text = str(error)
    return f"{name}: {text}" if text else name


def stacktrace(tb: TracebackType | None) -> str:
    """The frames of ``tb`` as text."""
    return "".join(traceback.format_tb(tb))
