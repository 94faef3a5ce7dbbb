"""Stats: what is counted of the messages of a run, under which labels.

A stat has a name (its Prometheus name), a matcher (which messages) and an extractor (which labels
and which number).  Plugins announce lists of them by entry points of the group ``mite_stats``.
Everything here is cumulative from the start of a run; ``dump`` returns it and begins anew.
"""

from __future__ import annotations

import logging
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from itertools import accumulate
from operator import itemgetter
from typing import Any

from mite.transport import Message

logger = logging.getLogger(__name__)

SERIES_LIMIT = 2_000
OTHER = "(other)"

Key = tuple[Any, ...]
Matcher = Callable[[Message], bool]
Extract = Callable[[Message], Iterable[tuple[Key, float]]]
Record = Callable[[Message], None]


@dataclass
class Extractor:
    """``extract`` yields (label values, number) pairs of a message."""

    labels: Sequence[str]
    extract: Extract


@dataclass
class _KeyExtractor(Extractor):
    """An extractor of one pair, by keys of the message: lets a stat skip the generator."""

    key: Callable[[Message], Key]
    value_key: str | None
    optional: bool


class TypeMatcher:
    """Matches messages by type, and by ``where`` if given."""

    def __init__(self, types: Collection[str], where: Matcher | None) -> None:
        self.types = frozenset(types)
        self.where = where

    def __call__(self, message: Message) -> bool:
        return message.get("type") in self.types and (self.where is None or self.where(message))


def matcher_by_type(*targets: str, where: Matcher | None = None) -> TypeMatcher:
    """A matcher of the message types ``targets``, narrowed by ``where``."""
    return TypeMatcher(targets, where)


def extractor(
    labels: Sequence[str], value_key: str | None = None, *, optional: bool = False
) -> Extractor:
    """An extractor that takes the labels, and the number, from the message's keys.

    A missing label is an empty string; without ``value_key`` the number is 1.  With ``optional``,
    messages without a number are passed over.
    """
    key = _key_getter(tuple(labels))

    def extract(message: Message) -> Iterable[tuple[Key, float]]:
        if not optional or value_key in message:
            yield key(message), 1 if value_key is None else message[value_key]

    return _KeyExtractor(
        labels=labels, extract=extract, key=key, value_key=value_key, optional=optional
    )


def controller_report_extractor(dict_key: str) -> Extractor:
    """An extractor of one number per scenario line from a ``controller_report``."""

    def extract(message: Message) -> Iterable[tuple[Key, float]]:
        for scenario_id, value in message[dict_key].items():
            yield (message.get("test", ""), scenario_id), value

    return Extractor(labels=("test", "scenario_id"), extract=extract)


def _key_getter(labels: Key) -> Callable[[Message], Key]:
    def careful(message: Message) -> Key:
        return tuple([message.get(label, "") for label in labels])

    if not labels:
        return careful
    if len(labels) == 1:
        (label,) = labels
        return lambda message: (message.get(label, ""),)
    quick: Callable[[Message], Key] = itemgetter(*labels)

    def key(message: Message) -> Key:
        try:
            return quick(message)
        except KeyError:
            return careful(message)

    return key


class Series(dict[Key, Any]):
    """Label values to number, at most SERIES_LIMIT of them; what comes later is "(other)"."""

    def __init__(self, labels: Sequence[str]) -> None:
        super().__init__()
        self._other = (OTHER,) * len(labels)
        self.overflowed = 0
        """How many records went to "(other)"."""

    def place(self, key: Key) -> Key:
        """The key under which a number for the new ``key`` is kept."""
        if len(self) < SERIES_LIMIT or key in self:
            return key
        self.overflowed += 1
        return self._other


@dataclass
class Stat:
    """The base of all stats."""

    name: str
    matcher: Matcher
    extractor: Extractor
    metrics: Series = field(init=False, repr=False)
    record: Record = field(init=False, repr=False, compare=False)
    """Count a message that is known to match."""
    help: str = field(default="", kw_only=True)
    """What it is, in a few words, for those who read its name on a page."""

    def __post_init__(self) -> None:
        self.metrics = Series(self.extractor.labels)
        self.record = self._recorder()

    def process(self, msg: Message) -> None:
        """Count ``msg`` if it matches."""
        if self.matcher(msg):
            self.record(msg)

    def snapshot(self) -> dict[str, Any]:
        """What was counted so far, in the form that travels.

        May be called in another thread than the loop's: the interpreter copies a dict or a list
        of ours in one step, between two of the loop's, and only copies are gone through.
        """
        return {
            "type": self._kind(),
            "name": self.name,
            "metrics": dict(self.metrics),
            "labels": self.extractor.labels,
        }

    def dump(self) -> dict[str, Any]:
        """What was counted since the last dump."""
        counted = self.snapshot()
        self.metrics.clear()
        return counted

    def _kind(self) -> str:
        return "Counter"

    def _add(self, key: Key, value: float) -> None:
        raise NotImplementedError

    def _recorder(self) -> Record:
        add, chosen = self._add, self.extractor
        if isinstance(chosen, _KeyExtractor):
            return _key_recorder(add, chosen)

        def record(message: Message) -> None:
            for key, value in chosen.extract(message):
                add(key, value)

        return record


def _key_recorder(add: Callable[[Key, float], None], chosen: _KeyExtractor) -> Record:
    key, value_key = chosen.key, chosen.value_key
    if value_key is None:
        return lambda message: add(key(message), 1)
    if not chosen.optional:
        return lambda message: add(key(message), message[value_key])

    def record(message: Message) -> None:
        # Done for every request: what is nearly always there costs nothing to look for.
        try:
            value = message[value_key]
        except KeyError:
            return
        add(key(message), value)

    return record


@dataclass
class Accumulator(Stat):
    """Adds up the numbers."""

    def _add(self, key: Key, value: float) -> None:
        metrics = self.metrics
        if key not in metrics:
            key = metrics.place(key)
        metrics[key] = metrics.get(key, 0) + value


@dataclass
class Counter(Accumulator):
    """Counts the messages, whatever their numbers."""

    def _add(self, key: Key, value: float) -> None:
        metrics = self.metrics
        try:
            metrics[key] += 1
        except KeyError:
            key = metrics.place(key)
            metrics[key] = metrics.get(key, 0) + 1


@dataclass
class Gauge(Stat):
    """Keeps the latest number."""

    def _kind(self) -> str:
        return "Gauge"

    def _add(self, key: Key, value: float) -> None:
        self.metrics[self.metrics.place(key)] = value


@dataclass
class Histogram(Stat):
    """Counts numbers into fixed ``bins`` (upper bounds), as Prometheus does."""

    bins: Sequence[float]

    def __post_init__(self) -> None:
        self.bins = sorted(self.bins)
        super().__post_init__()

    def snapshot(self) -> dict[str, Any]:
        """What was counted so far: per series the cumulative bins, the sum and the total."""
        held: Mapping[Key, list[float]] = {
            # Taken between the two steps of a record, the sum is ahead by that one number.
            key: list(bins)
            for key, bins in dict(self.metrics).items()
        }
        return {
            "type": "Histogram",
            "name": self.name,
            "bin_counts": {key: list(accumulate(bins[1:-1])) for key, bins in held.items()},
            "sums": {key: bins[0] for key, bins in held.items()},
            "total_counts": {key: sum(bins[1:]) for key, bins in held.items()},
            "bins": self.bins,
            "labels": self.extractor.labels,
        }

    def _add(self, key: Key, value: float) -> None:
        """Each series is a list: the sum, then a count per bin, then the count above all bins."""
        held: list[float] | None = self.metrics.get(key)
        if held is None:
            held = self.metrics.setdefault(self.metrics.place(key), [0] * (len(self.bins) + 2))
        held[0] += value
        held[bisect_left(self.bins, value) + 1] += 1


class StatConsumer:
    """Puts one stat on a bus."""

    def __init__(self, stat: Any) -> None:
        self.stat = stat
        self.types: frozenset[str] | None = None
        self.add: Record = stat.process
        matcher = getattr(stat, "matcher", None)
        own = isinstance(stat, Stat) and type(stat).process is Stat.process
        if own and isinstance(matcher, TypeMatcher):
            # The bus has looked at the type already.
            self.types = matcher.types
            self.add = stat.record if matcher.where is None else _narrowed(stat, matcher.where)

    def describe(self) -> str:
        """The stat by its name."""
        return f"stat {getattr(self.stat, 'name', self.stat)}"

    def start(self) -> None:
        """Nothing: a stat counts from its first message."""

    def stop(self) -> None:
        """Nothing: a stat holds nothing back."""


def _narrowed(stat: Stat, where: Matcher) -> Record:
    record = stat.record

    def add(message: Message) -> None:
        if where(message):
            record(message)

    return add


_MITE_STATS = [
    Counter(
        name="mite_journey_error_total",
        help="Errors of journeys, each counted once.",
        matcher=matcher_by_type("error", "exception"),
        extractor=extractor(("test", "journey", "transaction", "location", "ex_type", "message")),
    ),
    Counter(
        name="mite_transaction_total",
        help="Transactions that have ended.",
        matcher=matcher_by_type("txn"),
        extractor=extractor(("test", "journey", "transaction", "had_error")),
    ),
    Gauge(
        name="mite_actual_count",
        help="Journeys that run now.",
        matcher=matcher_by_type("controller_report"),
        extractor=controller_report_extractor("actual"),
    ),
    Gauge(
        name="mite_required_count",
        help="Journeys that should run now.",
        matcher=matcher_by_type("controller_report"),
        extractor=controller_report_extractor("required"),
    ),
    Gauge(
        name="mite_runner_count",
        help="Runners that take part.",
        matcher=matcher_by_type("controller_report"),
        extractor=extractor(("test",), "num_runners"),
    ),
]


def registered(
    include: Collection[str] | None = None, exclude: Collection[str] | None = None
) -> list[Any]:
    """The stats of mite and of all installed plugins, narrowed by entry point name."""
    found: dict[str, Iterable[Any]] = {"mite": _MITE_STATS}
    for entry in entry_points(group="mite_stats"):
        try:
            found[entry.name] = entry.load()
        except Exception:
            logger.exception("the stats of %s cannot be loaded", entry.value)
    return [
        stat
        for name, stats in found.items()
        if (include is None or name in include) and (exclude is None or name not in exclude)
        for stat in stats
    ]
