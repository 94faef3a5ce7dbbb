import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mite.histogram import LONGEST, SHORTEST, Histogram

durations = st.floats(min_value=SHORTEST, max_value=LONGEST)


def of(*values: float) -> Histogram:
    histogram = Histogram()
    for value in values:
        histogram.record(value)
    return histogram


@given(durations)
def test_relative_error_is_at_most_half_a_percent(value: float) -> None:
    histogram = of(value / 2 if value > 2 * SHORTEST else value, value, LONGEST)
    assert histogram.percentile(50) == pytest.approx(value, rel=0.005)


@given(st.lists(durations, min_size=1, max_size=200), st.floats(min_value=0.1, max_value=100))
def test_percentiles_are_those_of_the_sorted_list(values: list[float], percent: float) -> None:
    exact = sorted(values)[max(1, math.ceil(len(values) * percent / 100)) - 1]
    assert of(*values).percentile(percent) == pytest.approx(exact, rel=0.005)


@given(st.lists(durations, max_size=50), st.lists(durations, max_size=50))
def test_merging_is_recording_both(left: list[float], right: list[float]) -> None:
    merged, both = of(*left), of(*left, *right)
    merged.merge(of(*right))
    assert merged.count == both.count
    assert (merged.min, merged.max) == (both.min, both.max)
    assert merged.sum == pytest.approx(both.sum)
    assert [merged.percentile(p) for p in (1, 50, 99)] == [both.percentile(p) for p in (1, 50, 99)]


@given(st.lists(durations, max_size=50))
def test_export_restores_the_same(values: list[float]) -> None:
    histogram = of(*values)
    assert Histogram.restore(histogram.export()).export() == histogram.export()


def test_empty() -> None:
    empty = Histogram()
    assert (empty.count, empty.mean, empty.deviation, empty.percentile(99)) == (0, 0.0, 0.0, 0.0)


@pytest.mark.parametrize("value", [0.0, -1.0, 1e-12, 3601.0, 1e9])
def test_values_out_of_range_count_in_the_outermost_buckets(value: float) -> None:
    histogram = of(value)
    assert histogram.count == 1
    assert histogram.percentile(50) == histogram.max == max(value, 0.0)


def test_mean_is_exact_and_deviation_nearly() -> None:
    values = [random.Random(1).gauss(0.1, 0.01) for _ in range(1000)]
    histogram = of(*values)
    mean = sum(values) / 1000
    assert histogram.mean == pytest.approx(mean)
    exact = math.sqrt(sum((value - mean) ** 2 for value in values) / 999)
    assert histogram.deviation == pytest.approx(exact, abs=0.0005)


def test_memory_is_bounded() -> None:
    histogram = Histogram()
    chooser = random.Random(2)
    for _ in range(50_000):
        histogram.record(10 ** chooser.uniform(-8, 5))
    assert len(histogram.export()["buckets"]) <= 4_070


def test_repr_is_a_dashboard_line() -> None:
    assert repr(of(0.5)) == "Histogram(1 samples, p50 0.500000 s, max 0.500000 s)"
