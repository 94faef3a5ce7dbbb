"""How a failed journey is described: where it failed, and in what words."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from types import TracebackType
from typing import Any

NOWHERE = "unknown:0:none"
"""The location of a failure in no line of the user's."""

_MACHINERY = frozenset({"mite", "mite_http", "acurl", "asyncio", "uvloop"})


def is_machinery(names: Mapping[str, Any]) -> bool:
    """Whether code with these globals is mite's or below it, so that no user can be blamed."""
    module = str(names.get("__name__", ""))
    return module.partition(".")[0] in _MACHINERY and module != "mite.example"


def location(tb: TracebackType | None) -> str:
    """``file:line:function`` of the innermost frame that is the user's, not the machinery's.

    ``NOWHERE`` when there is none: a journey that was called with the wrong arguments.
    """
    found = None
    while tb is not None:
        if not is_machinery(tb.tb_frame.f_globals):
            found = tb
        tb = tb.tb_next
    if found is None:
        return NOWHERE
    code = found.tb_frame.f_code
    return f"{code.co_filename}:{found.tb_lineno}:{code.co_name}"


def sentence(error: BaseException) -> str:
    """The error as the last line of a traceback shows it: its class, a colon, its message."""
    kind = type(error)
    name = kind.__qualname__
    if kind.__module__ not in {"builtins", "__main__"}:
        name = f"{kind.__module__}.{name}"
    try:
        text = str(error)
    except BaseException as another:  # noqa: BLE001 - the user's class; the failure still counts
        text = f"(its text cannot be had: {type(another).__name__} in its __str__)"
    return f"{name}: {text}" if text else name


def is_new(error: BaseException, owner: object) -> bool:
    """True once for each error and owner; the error itself keeps that, as ``handled``."""
    # Past any __setattr__ and __getattr__ of the class: that of a frozen dataclass raises.
    marks: dict[str, Any] = object.__getattribute__(error, "__dict__")
    if marks.get("handled") is owner:
        return False
    marks["handled"] = owner
    return True


def fields(error: BaseException) -> dict[str, Any]:
    """What a MiteError was given to travel along; nothing if its class never called ours."""
    given = getattr(error, "fields", None)
    return given if isinstance(given, dict) else {}


def stacktrace(tb: TracebackType | None) -> str:
    """The frames of ``tb`` as text."""
    return "".join(traceback.format_tb(tb))
