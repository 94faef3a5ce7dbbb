"""Turns what a scenario function returns into checked lines, or says what is wrong with it."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable, Container, Iterable, Iterator
from typing import Any

from mite import signatures, specs
from mite.config import ConfigManager
from mite.datapools import DataPool
from mite.exceptions import ConfigurationError
from mite.scenario import Journey, Line, VolumeModel
from mite.volume import Model

_SHAPE = "(journey spec, datapool or None, volume model)"


def from_scenario(spec: str, config: ConfigManager, sender: object) -> list[Line]:
    """The lines of the scenario that ``spec`` names; ConfigurationError lists all faults."""
    function = specs.scenario(spec)
    rows = _call(spec, function, {"config": config, "sender": sender})
    if isinstance(rows, (str, bytes, dict)) or not isinstance(rows, Iterable):
        raise ConfigurationError(
            f"the scenario {spec!r} returned {type(rows).__name__}; "
            f"it must return a list of {_SHAPE}."
        )
    lines: list[Line] = []
    faults: list[str] = []
    for number, row in enumerate(_listed(rows, spec), 1):
        try:
            lines.append(_line(number, row, spec))
        except ConfigurationError as error:
            faults.extend(error.sentences)
    if faults:
        raise ConfigurationError(*faults)
    if not lines:
        raise ConfigurationError(f"the scenario {spec!r} returned an empty list: nothing to run.")
    return lines


def from_journey(spec: str, datapool: DataPool | None, volume: VolumeModel) -> list[Line]:
    """A single line for the journey that ``spec`` names."""
    journey = specs.journey(spec)
    if datapool is None:
        _check_needs_no_data(spec, journey)
    return [Line(1, spec, journey, datapool, volume)]


def planned_duration(lines: Iterable[Line]) -> float | None:
    """Seconds until the last line ends; None when a line's model does not say."""
    longest = 0.0
    for line in lines:
        if not isinstance(line.volume, Model):
            return None
        longest = max(longest, line.volume.duration)
    return longest


def _call(spec: str, function: Callable[..., Any], offered: dict[str, object]) -> Any:
    wanted, unknown = _parameters(spec, function, offered)
    if unknown:
        raise ConfigurationError(
            f"the scenario {spec!r} asks for {', '.join(map(repr, unknown))}: "
            "a scenario function may only have the parameters 'config' and 'sender'."
        )
    with _named(spec):
        return function(**{name: offered[name] for name in wanted})


def _parameters(
    spec: str, function: Callable[..., Any], offered: Container[str]
) -> tuple[list[str], list[str]]:
    """Which of what is offered the function takes, and what else it cannot do without."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        raise ConfigurationError(
            f"{spec!r} does not say which parameters it takes: a scenario is a plain function, "
            "written in Python."
        ) from None
    open_ended = {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD}
    needed = [p.name for p in parameters if p.default is p.empty and p.kind not in open_ended]
    return (
        [p.name for p in parameters if p.name in offered and p.kind not in open_ended],
        [name for name in needed if name not in offered],
    )


def _listed(rows: Iterable[Any], spec: str) -> list[Any]:
    with _named(spec):
        return list(rows)


@contextlib.contextmanager
def _named(spec: str) -> Iterator[None]:
    """Says which scenario it was that failed."""
    try:
        yield
    except (ConfigurationError, KeyboardInterrupt):
        raise
    except BaseException as error:
        raise ConfigurationError(
            f"the scenario {spec!r} failed: {specs.described(error)}."
        ) from error


def _line(number: int, row: Any, spec: str) -> Line:
    where = f"line {number} of the scenario {spec!r}"
    if isinstance(row, (str, bytes, dict)) or not isinstance(row, Iterable):
        raise ConfigurationError(f"{where} is {row!r}; it must be {_SHAPE}.")
    cells = tuple(row)
    if len(cells) != 3:
        raise ConfigurationError(f"{where} has {len(cells)} parts; it must be {_SHAPE}.")
    journey_spec, pool, volume = cells
    if not isinstance(journey_spec, str):
        raise ConfigurationError(
            f"{where} begins with {journey_spec!r}; a journey is named by a string, "
            "'package.module:function'."
        )
    journey, datapool = specs.journey(journey_spec), _datapool(pool, where)
    if datapool is None:
        _check_needs_no_data(journey_spec, journey)
    return Line(number, journey_spec, journey, datapool, _volume(volume, where))


def _check_needs_no_data(spec: str, journey: Journey) -> None:
    missing = signatures.missing(journey)
    if missing:
        raise ConfigurationError(
            f"the journey {spec!r} has {', '.join(map(repr, missing))} after its context, and no "
            "datapool that gives a value: name one, such as package.module:pool."
        )


def _datapool(pool: object, where: str) -> DataPool | None:
    if pool is None:
        return None
    if isinstance(pool, str):
        return specs.datapool(pool)
    return specs.checked_datapool(pool, f"in {where}")


def _volume(volume: Any, where: str) -> VolumeModel:
    if isinstance(volume, Model):
        try:
            volume.check()
        except Exception as error:
            why = error if isinstance(error, ValueError) else specs.described(error)
            raise ConfigurationError(f"{where} has an impossible volume model: {why}.") from error
    elif not callable(volume) or isinstance(volume, type):
        raise ConfigurationError(
            f"{where} has the volume model {volume!r}; it must be one of mite.volume_model "
            "or a function of (start, end) that returns a number."
        )
    _check_starts(volume, where)
    model: VolumeModel = volume
    return model


def _check_starts(volume: Any, where: str) -> None:
    try:
        starts = getattr(volume, "starts", None)
    except Exception as error:
        raise ConfigurationError(
            f"{where} has a volume model whose 'starts' failed: {specs.described(error)}."
        ) from error
    if starts is not None and (not isinstance(starts, int) or starts < 1):
        raise ConfigurationError(
            f"{where} has a volume model with starts={starts!r}; it must be how many journeys "
            "it starts in all, a whole number from 1 on, or None."
        )
