"""The errors that mite raises or that a journey raises at mite."""

from __future__ import annotations

from typing import Any


class MiteError(Exception):
    """Raise it in a journey to report a failure that is no bug of the journey.

    It is counted as an ``error`` message, without a stack trace; every field travels with the
    message.  Any other exception is counted as an ``exception``.
    """

    def __init__(self, message: object, **fields: Any) -> None:
        super().__init__(message)
        self.fields: dict[str, Any] = fields


class ConfigurationError(Exception):
    """What the user asked for cannot be run; every sentence names the thing and what is allowed.

    Raised before any load is made, or when a scenario turns out to be impossible while it runs.
    Not raised for faults of the system under test.
    """

    def __init__(self, *sentences: str) -> None:
        super().__init__("\n".join(sentences))
        self.sentences: tuple[str, ...] = sentences
