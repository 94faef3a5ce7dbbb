"""mite: load tests written as async Python functions.

A user meets ``Context`` (what a journey is given), ``MiteError`` and the separations here;
``mite.volume_model``, ``mite.datapools``, ``mite.scenario`` and ``mite.stats`` hold the rest of
what journeys, scenarios and plugins are made of.  Everything that runs them is beside it:
``assignments`` decides, ``runner`` does, ``transport`` carries messages, ``summary`` and
``stats`` count, ``reporting`` shows, ``cli`` wires it together.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from mite.context import Context
from mite.exceptions import MiteError
from mite.separation import (
    ensure_average_separation,
    ensure_fixed_separation,
    ensure_separation_from_callable,
)

try:
    __version__ = version("mite-http")
except PackageNotFoundError:
    __version__ = "not installed"

__all__ = [
    "Context",
    "MiteError",
    "ensure_average_separation",
    "ensure_fixed_separation",
    "ensure_separation_from_callable",
    "test_context",
]


def test_context(extensions: Sequence[str] = ("http",), **config: Any) -> Context:  # noqa: ARG001, PT028 - upstream's
    """A context to try a journey with by hand: prints its messages, ``config`` is its config."""
    return Context(print, config)


test_context.__test__ = False  # type: ignore[attr-defined]  # pytest would collect it by its name
