"""Names of things to run, ``package.module:attribute``: importing them, saying what is wrong."""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import inspect
import pkgutil
import traceback
from collections.abc import Callable, Iterable, Sequence
from types import ModuleType
from typing import Any

from mite import failure
from mite.datapools import DataPool
from mite.exceptions import ConfigurationError
from mite.failure import is_machinery
from mite.scenario import Journey


def spec_import(spec: str) -> Any:
    """What ``spec`` names; ConfigurationError when there is no such thing."""
    return _find(spec, "object")[1]


def journey(spec: str) -> Journey:
    """The journey that ``spec`` names: a coroutine function taking a context."""
    module, found = _find(spec, "journey")
    if not _is_journey(found):
        close = _names(module, _is_journey)
        raise ConfigurationError(
            f"{spec!r} is {_kind(found)}, not a journey: a journey is an 'async def' function "
            f"that takes a context{_among(close, _attribute(spec))}"
        )
    result: Journey = found
    return result


def datapool(spec: str) -> DataPool:
    """The datapool that ``spec`` names."""
    return checked_datapool(_find(spec, "datapool", _is_datapool)[1], spec)


def checked_datapool(found: object, name: str) -> DataPool:
    """``found`` itself when it can be used as a datapool."""
    if not _is_datapool(found):
        raise ConfigurationError(
            f"the datapool {name} is {_kind(found)}, which has no 'checkout' and 'checkin' "
            "coroutines: mite.datapools has classes that do."
        )
    pool: DataPool = found  # type: ignore[assignment]
    return pool


def scenario(spec: str) -> Callable[..., Any]:
    """The scenario function that ``spec`` names."""
    _, found = _find(spec, "scenario")
    if not callable(found) or inspect.iscoroutinefunction(found):
        raise ConfigurationError(
            f"{spec!r} is {_kind(found)}, not a scenario: a scenario is a plain function that "
            "returns a list of (journey, datapool, volume model)."
        )
    result: Callable[..., Any] = found
    return result


def message_processor(spec: str) -> Callable[..., Any]:
    """The class, or function that makes one, of the message processor that ``spec`` names."""
    _, found = _find(spec, "message processor")
    if not callable(found):
        raise ConfigurationError(
            f"{spec!r} is {_kind(found)}, not a message processor: that is a class which is made "
            "with the options and has a 'process_message' or a 'process_raw_message' method."
        )
    result: Callable[..., Any] = found
    return result


def _find(
    spec: str, what: str, alike: Callable[[object], bool] = callable
) -> tuple[ModuleType, Any]:
    module_name, colon, attribute = spec.partition(":")
    if not (module_name and colon and attribute):
        raise ConfigurationError(
            f"{spec!r} does not name {_article(what)} {what}: write package.module:name, "
            "such as journeys.shop:browse."
        )
    module = _module(module_name, spec)
    try:
        return module, getattr(module, attribute)
    except AttributeError:
        raise ConfigurationError(
            f"no {what} {attribute!r} in {module_name}{_among(_names(module, alike), attribute)}"
        ) from None


def _article(noun: str) -> str:
    return "an" if noun[0] in "aeiou" else "a"


def _module(name: str, spec: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name and (name == error.name or name.startswith(f"{error.name}.")):
            raise ConfigurationError(
                f"no module {error.name!r} for {spec!r} in the working directory or among the "
                f"installed packages{_near(error.name)}"
            ) from None
        raise ConfigurationError(_import_failed(name, error)) from error
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise ConfigurationError(_import_failed(name, error)) from error


def _import_failed(name: str, error: BaseException) -> str:
    if isinstance(error, SyntaxError):
        return f"{name} cannot be imported: {error.filename} line {error.lineno}: {error.msg}."
    return f"{name} cannot be imported: {described(error)}."


def described(error: BaseException) -> str:
    """An exception of the user's code in half a sentence, with the place it came from."""
    frames = traceback.walk_tb(error.__traceback__)
    own = [
        f"{frame.f_code.co_filename} line {line}"
        for frame, line in frames
        if "importlib" not in frame.f_code.co_filename and not is_machinery(frame.f_globals)
    ]
    where = f" ({own[-1]})" if own else ""
    if isinstance(error, SystemExit):
        return f"it calls sys.exit({error.code!r}){where}"
    return f"{failure.sentence(error)}{where}"


def _near(missing: str) -> str:
    """Modules beside one that does not exist, called nearly the same."""
    parent, dot, name = missing.rpartition(".")
    path = getattr(importlib.import_module(parent), "__path__", None) if parent else None
    close = suggestions(name, [module.name for module in pkgutil.iter_modules(path)])
    return _question(f"{parent}{dot}{sibling}" for sibling in close)


def _is_datapool(found: object) -> bool:
    return isinstance(found, DataPool) and not isinstance(found, type)


def _is_journey(found: object) -> bool:
    if isinstance(found, type) or not callable(found):
        return False
    candidates = (found, inspect.unwrap(found), type(found).__call__)
    return any(inspect.iscoroutinefunction(candidate) for candidate in candidates)


def _names(module: ModuleType, keep: Callable[[object], bool] = callable) -> list[str]:
    own = (name for name in dir(module) if not name.startswith("_"))
    return [name for name in own if keep(getattr(module, name, None))]


def _attribute(spec: str) -> str:
    return spec.partition(":")[2]


def _kind(found: object) -> str:
    if isinstance(found, type):
        return f"the class {found.__name__}"
    if inspect.isroutine(found):
        return "a coroutine function" if inspect.iscoroutinefunction(found) else "a plain function"
    return f"a {type(found).__name__}"


def _among(names: Iterable[str], wanted: str) -> str:
    return _question(suggestions(wanted, list(names)))


def _question(names: Iterable[str]) -> str:
    """The end of a sentence, with what may have been meant."""
    close = " or ".join(names)
    return f". Did you mean {close}?" if close else "."


def suggestions(wanted: str, names: Sequence[str]) -> list[str]:
    """Up to three of ``names`` that look like ``wanted``."""
    return difflib.get_close_matches(wanted, names, n=3, cutoff=0.6)
