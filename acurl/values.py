"""Values that users give for options, checked."""

from __future__ import annotations

import reprlib
from collections.abc import Sequence

from acurl.errors import RequestError

MOST_COUNTED = 2**53
"""Beyond any machine, and within the engine's 64 bits."""


_MOST_SHOWN = 200

_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = _MOST_SHOWN


def shown(value: object) -> str:
    """A value as messages show it: its repr, cut in the middle, of whatever has one."""
    try:
        return shortened(_SHORT.repr(value))
    except Exception:  # noqa: BLE001 - a number too long to be written, or a user's own repr
        return f"<{type(value).__name__}>"


def shortened(text: str) -> str:
    """At most 200 characters of a text, its start and its end."""
    if len(text) <= _MOST_SHOWN:
        return text
    half = _MOST_SHOWN // 2
    return f"{text[: half - 3]}...{text[-half:]}"


def count(name: str, value: object, least: int) -> int:
    """A whole number as it was given. Raises RequestError that names it."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise RequestError(f"{name}={shown(value)}: must be a whole number, {least} or more")
    return min(value, MOST_COUNTED)


def check_choice(name: str, value: object, allowed: Sequence[object]) -> None:
    """Raise RequestError for what is none of `allowed`; 1 is not True."""
    if not any(value == one and type(value) is type(one) for one in allowed):
        choices = ", ".join(map(repr, allowed))
        raise RequestError(f"{name}={shown(value)}: must be one of {choices}")
