"""Classes of the user's choice that see every message of a run: ``--message-processors``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mite import specs
from mite.codec import pack_msg
from mite.exceptions import ConfigurationError
from mite.transport import Message

_VERBS = "a 'process_message' or a 'process_raw_message' method"


class ProcessorConsumer:
    """Puts a processor on a bus.

    It gets a copy of each message, or the packed message if that is what it takes: upstream's
    processors may take messages apart, which other consumers see too.
    """

    def __init__(self, processor: Any, name: str = "", types: frozenset[str] | None = None) -> None:
        self.types = types
        self._name = name or type(processor).__name__
        self.add = _adder(processor, self._name)

    def describe(self) -> str:
        """The processor, by the spec it was asked for with."""
        return f"message processor {self._name}"

    def start(self) -> None:
        """Nothing: a processor began when it was made."""

    def stop(self) -> None:
        """Nothing: a processor is not told of the end."""


def load(names: str, opts: Mapping[str, Any]) -> list[ProcessorConsumer]:
    """The processors of a comma-separated list of specs, each made with ``opts``.

    Raises ConfigurationError with a sentence for each that cannot be made.
    """
    loaded = []
    faults: list[str] = []
    for spec in filter(None, (name.strip() for name in names.split(","))):
        try:
            loaded.append(ProcessorConsumer(_make(spec, opts), spec))
        except ConfigurationError as error:
            faults.extend(error.sentences)
    if faults:
        raise ConfigurationError(*faults)
    return loaded


def _make(spec: str, opts: Mapping[str, Any]) -> Any:
    made = specs.message_processor(spec)
    try:
        return made(opts)
    except ConfigurationError:
        raise
    except Exception as error:
        raise ConfigurationError(
            f"the message processor {spec!r} could not be made: {specs.described(error)}."
        ) from error


def _adder(processor: Any, name: str) -> Callable[[Message], None]:
    take = getattr(processor, "process_message", None)
    if callable(take):
        return lambda message: take(dict(message))
    take_raw = getattr(processor, "process_raw_message", None)
    if callable(take_raw):
        return lambda message: take_raw(pack_msg(message))
    raise ConfigurationError(f"the message processor {name!r} has not got {_VERBS}.")
