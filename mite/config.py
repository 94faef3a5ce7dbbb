"""The configuration of a run: keys and values that journeys and scenarios read."""

from __future__ import annotations

import ast
import inspect
import logging
import os
from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import entry_points
from typing import Any

from mite import specs
from mite.exceptions import ConfigurationError

logger = logging.getLogger(__name__)

_PLAIN = "MITE_CONF_"
_LITERAL = "MITE_EVAL_CONF_"


class ConfigManager:
    """Holds the configuration, and knows which part of it each runner has not seen yet."""

    def __init__(self) -> None:
        self._version = 0
        # key -> (value, the version it was set in)
        self._config: dict[str, tuple[Any, int]] = {}
        self._seen: dict[Any, int] = {}

    def __repr__(self) -> str:
        pairs = ", ".join(f"{key}={value!r}" for key, (value, _) in self._config.items())
        return f"ConfigManager(version={self._version}, {pairs})"

    def set(self, name: str, value: Any) -> None:
        """Set ``name`` for all runners."""
        self._version += 1
        self._config[name] = (value, self._version)

    def get(self, name: str, default: Any = None) -> Any:
        """The value of ``name``, or ``default``."""
        return self._config.get(name, (default, 0))[0]

    def names(self) -> list[str]:
        """What is set, in the order of its first setting."""
        return list(self._config)

    def get_changes_for_runner(self, runner_id: Any) -> list[tuple[str, Any]]:
        """What was set since this runner last asked."""
        seen = self._seen.get(runner_id, 0)
        self._seen[runner_id] = self._version
        return [(key, value) for key, (value, since) in self._config.items() if since > seen]


def default_config_loader() -> dict[str, Any]:
    """``MITE_CONF_name=text`` and ``MITE_EVAL_CONF_name=literal`` from the environment.

    A literal is a Python number, string, bytes, tuple, list, dict, set, boolean or None.
    """
    result: dict[str, Any] = {}
    for variable, text in os.environ.items():
        if variable.startswith(_PLAIN):
            result[variable.removeprefix(_PLAIN)] = text
        elif variable.startswith(_LITERAL):
            result[variable.removeprefix(_LITERAL)] = _literal(variable, text)
    logger.debug("configuration from the environment: %s", ", ".join(sorted(result)) or "none")
    return result


def load(loader: Callable[[], dict[str, Any]], additions: Iterable[str]) -> ConfigManager:
    """What ``loader`` returns, then each ``key:value`` of ``additions`` over it."""
    manager = ConfigManager()
    for key, value in _loaded(loader).items():
        manager.set(key, value)
    for addition in additions:
        key, colon, value = addition.partition(":")
        if not (key and colon):
            # What stands behind the colon may be a secret.
            shown = f"{key}{colon}..." if colon else key
            raise ConfigurationError(
                f"--add-to-config={shown} has no key: write --add-to-config=key:value."
            )
        manager.set(key, value)
    return manager


def check(manager: ConfigManager) -> None:
    """Have plugins look at the configuration before any journey does.

    A plugin announces a function by an entry point of the group ``mite_config_check``.  It gets
    the values by name, and raises ValueError, with one sentence, for one of its own that is wrong.
    Raises ConfigurationError.
    """
    values = {name: manager.get(name) for name in manager.names()}
    for entry in sorted(entry_points(group="mite_config_check")):
        try:
            entry.load()(values)
        except ValueError as error:
            sentence = str(error)
            end = "" if sentence.endswith((".", "?")) else "."
            raise ConfigurationError(f"{sentence}{end}") from error


def _loaded(loader: Any) -> Mapping[Any, Any]:
    if not callable(loader):
        raise ConfigurationError(
            f"--config names {type(loader).__name__} {loader!r}; it must be a function that "
            "returns a dict."
        )
    try:
        found = loader()
    except (ConfigurationError, KeyboardInterrupt):
        raise
    except BaseException as error:
        raise ConfigurationError(
            f"the function that --config names failed: {specs.described(error)}."
        ) from error
    if inspect.iscoroutine(found):
        found.close()
    if not isinstance(found, Mapping):
        raise ConfigurationError(
            f"the function that --config names returned {type(found).__name__}; it must be a plain "
            "function that returns a dict."
        )
    return found


def _literal(variable: str, text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        raise ConfigurationError(
            f"the value of {variable} is not a Python literal: write a number, a quoted string, "
            f"a list, a tuple, a dict, True, False or None, or use {_PLAIN} for plain text."
        ) from None
