"""What a journey wants to be called with, as far as that can be known without calling it."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from mite.failure import is_machinery

_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def missing(journey: Callable[..., Any]) -> list[str]:
    """Parameters that get no value when ``journey`` is called with a context alone.

    Decorators of mite's plugins hand on what they are given, so what they decorate is looked at.
    Another decorator may itself give the value: it is judged by its own parameters only.
    """
    called: Any = journey
    while is_machinery(getattr(called, "__globals__", {})) and hasattr(called, "__wrapped__"):
        called = called.__wrapped__
    try:
        signature = inspect.signature(called, follow_wrapped=False)
    except (TypeError, ValueError):
        return []
    after_context = list(signature.parameters.values())
    if after_context and after_context[0].kind in _POSITIONAL:
        del after_context[0]
    return [
        parameter.name
        for parameter in after_context
        if parameter.default is inspect.Parameter.empty
        and parameter.kind not in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    ]
