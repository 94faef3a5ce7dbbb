import dataclasses
from typing import Any

import pytest

from mite import stats
from mite.stats import (
    Accumulator,
    Counter,
    Extractor,
    Gauge,
    Histogram,
    StatConsumer,
    controller_report_extractor,
    extractor,
    matcher_by_type,
)

Message = dict[str, Any]


def hit(**fields: Any) -> Message:
    return {"type": "hit", **fields}


def test_matcher_by_type() -> None:
    matcher = matcher_by_type("hit", "miss")
    assert [matcher(m) for m in (hit(), {"type": "miss"}, {"type": "x"}, {})] == [
        True,
        True,
        False,
        False,
    ]
    assert not matcher_by_type("hit", where=lambda m: m["ok"])(hit(ok=False))


@pytest.mark.parametrize(
    ("labels", "expected"),
    [((), ()), (("a",), (1,)), (("a", "b"), (1, "")), (["b", "a"], ("", 1))],
)
def test_extractor_takes_labels_and_leaves_missing_ones_empty(
    labels: Any, expected: tuple[Any, ...]
) -> None:
    assert list(extractor(labels).extract(hit(a=1))) == [(expected, 1)]
    assert list(extractor(labels, "v").extract(hit(a=1, v=2.5))) == [(expected, 2.5)]


def test_counter_counts_matching_messages() -> None:
    counter = Counter("c", matcher_by_type("hit"), extractor(("who", "how")))
    for message in [hit(who="x", how=1), hit(who="x", how=1), hit(who="y"), {"type": "miss"}]:
        counter.process(message)
    assert counter.dump() == {
        "type": "Counter",
        "name": "c",
        "metrics": {("x", 1): 2, ("y", ""): 1},
        "labels": ("who", "how"),
    }
    assert counter.dump()["metrics"] == {}


def test_counter_ignores_the_number_but_accumulator_adds_it() -> None:
    def extract(message: Message) -> Any:
        yield ("k",), message["v"]
        yield ("k",), message["v"]

    for kind, expected in ((Counter, 4), (Accumulator, 12.0)):
        stat = kind("s", matcher_by_type("hit"), Extractor(labels=("l",), extract=extract))
        stat.process(hit(v=2.5))
        stat.process(hit(v=3.5))
        assert stat.snapshot()["metrics"] == {("k",): expected}


def test_messages_without_an_optional_number_are_passed_over() -> None:
    chosen = extractor(("who",), "v", optional=True)
    stat = Accumulator("a", matcher_by_type("hit"), chosen)
    for message in (hit(who="a", v=2), hit(who="a"), hit(who="a", v=3)):
        stat.process(message)
    assert stat.snapshot()["metrics"] == {("a",): 5}
    assert list(chosen.extract(hit(who="b"))) == []
    strict = Accumulator("a", matcher_by_type("hit"), extractor(("who",), "v"))
    with pytest.raises(KeyError):
        strict.process(hit(who="a"))


def test_gauge_keeps_the_latest() -> None:
    gauge = Gauge("g", matcher_by_type("controller_report"), controller_report_extractor("actual"))
    gauge.process({"type": "controller_report", "test": "t", "actual": {1: 5, 2: 6}})
    gauge.process({"type": "controller_report", "test": "t", "actual": {1: 7}})
    assert gauge.dump()["metrics"] == {("t", 1): 7, ("t", 2): 6}


def test_histogram_bins_are_cumulative() -> None:
    histogram = Histogram(
        name="h", matcher=matcher_by_type("hit"), extractor=extractor(["who"], "v"), bins=[2, 1, 4]
    )
    for value in (0.5, 1.0, 1.5, 4.0, 9.0):
        histogram.process(hit(who="x", v=value))
    assert histogram.dump() == {
        "type": "Histogram",
        "name": "h",
        "bin_counts": {("x",): [2, 3, 4]},
        "sums": {("x",): 16.0},
        "total_counts": {("x",): 5},
        "bins": [1, 2, 4],
        "labels": ["who"],
    }
    assert histogram.dump()["bin_counts"] == {}


def many(stat: Any) -> Any:
    for number in range(2_300):
        stat.process(hit(who=number, v=1))
    return stat


@pytest.mark.parametrize("kind", [Counter, Accumulator])
def test_series_beyond_the_limit_are_counted_as_other(kind: Any) -> None:
    stat = many(kind("s", matcher_by_type("hit"), extractor(("who",), "v")))
    metrics = stat.snapshot()["metrics"]
    assert len(metrics) == 2_001
    assert metrics["(other)",] == 300 == stat.metrics.overflowed
    assert sum(metrics.values()) == 2_300


def test_histogram_series_are_limited_too() -> None:
    stat = many(Histogram("h", matcher_by_type("hit"), extractor(("who",), "v"), bins=[1]))
    totals = stat.snapshot()["total_counts"]
    assert len(totals) == 2_001
    assert totals["(other)",] == 300


@dataclasses.dataclass
class Doubling(Counter):
    """A stat of a user who overrides process."""

    def process(self, msg: Message) -> None:
        super().process(msg)
        super().process(msg)


def test_consumer_takes_only_what_the_stat_can_match() -> None:
    plain = StatConsumer(Counter("c", matcher_by_type("hit"), extractor(())))
    assert plain.types == frozenset({"hit"})
    assert plain.describe() == "stat c"
    own = StatConsumer(Counter("c", lambda m: True, extractor(())))
    assert own.types is None
    doubling = StatConsumer(Doubling("d", matcher_by_type("hit"), extractor(())))
    assert doubling.types is None
    doubling.add(hit())
    assert doubling.stat.snapshot()["metrics"] == {(): 2}


def test_consumer_honours_where() -> None:
    matcher = matcher_by_type("hit", where=lambda m: bool(m["ok"]))
    consumer = StatConsumer(Counter("c", matcher, extractor(("ok",))))
    consumer.add(hit(ok=True))
    consumer.add(hit(ok=False))
    assert consumer.stat.snapshot()["metrics"] == {(True,): 1}


def test_registered_names_are_upstreams() -> None:
    names = [stat.name for stat in stats.registered(include={"mite"})]
    assert names == [
        "mite_journey_error_total",
        "mite_transaction_total",
        "mite_actual_count",
        "mite_required_count",
        "mite_runner_count",
    ]
    assert stats.registered(exclude={"mite", "mite_http"}) == []
