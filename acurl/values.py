"""Values that users give for options, checked."""

from __future__ import annotations

from collections.abc import Sequence

from acurl.errors import RequestError

MOST_COUNTED = 2**53
"""Beyond any machine, and within the engine's 64 bits."""


def count(name: str, value: object, least: int) -> int:
    """A whole number as it was given. Raises RequestError that names it."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise RequestError(f"{name}={value!r}: must be a whole number, {least} or more")
    return min(value, MOST_COUNTED)


def check_choice(name: str, value: object, allowed: Sequence[object]) -> None:
    """Raise RequestError for what is none of `allowed`; 1 is not True."""
    if not any(value == one and type(value) is type(one) for one in allowed):
        choices = ", ".join(map(repr, allowed))
        raise RequestError(f"{name}={value!r}: must be one of {choices}")
