import pytest

from mite.histogram import Histogram
from mite.rates import Rates
from mite.thresholds import UpstreamThresholds


@pytest.fixture
def times() -> Histogram:
    histogram = Histogram()
    for milliseconds in range(1, 101):
        histogram.record(milliseconds / 1000)
    return histogram


@pytest.fixture
def rates() -> Rates:
    rates = Rates()
    for second, total in enumerate([0, 100, 300]):
        rates.add(second, total)
    return rates


@pytest.mark.parametrize(
    ("thresholds", "errors", "words"),
    [
        (UpstreamThresholds(), 0, None),
        (UpstreamThresholds(), 1, "number of errors, 1, is over --max-errors-threshold=0"),
        (UpstreamThresholds(max_errors=5), 5, None),
        (UpstreamThresholds(max_response_time=100), 0, None),
        (UpstreamThresholds(max_response_time=99), 0, "slowest response, 100.0 ms"),
        (UpstreamThresholds(mean_response_time=51), 0, None),
        (UpstreamThresholds(mean_response_time=50), 0, "mean response, 50.5 ms"),
        (UpstreamThresholds(deviation_response_time=30), 0, None),
        (UpstreamThresholds(deviation_response_time=28), 0, "deviation of the response times, 29"),
        (UpstreamThresholds(deviation_rate=71), 0, None),
        (UpstreamThresholds(deviation_rate=70), 0, "requests per second, 70.7"),
        (UpstreamThresholds(percentiles=((50, 60), (99, 0))), 0, None),
        (UpstreamThresholds(percentiles=((50, 60), (90, 80))), 0, "--benchmark-percentiles=90:80"),
    ],
)
def test_each_limit(
    times: Histogram, rates: Rates, thresholds: UpstreamThresholds, errors: int, words: str | None
) -> None:
    broken = thresholds.exceeded(errors, times, rates)
    if words is None:
        assert broken == []
    else:
        (sentence,) = broken
        assert words in sentence
