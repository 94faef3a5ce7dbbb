import importlib
from typing import Any

import pytest

from mite import stats as mite_stats
from mite_http import stats


def message(code: int, total: float) -> dict[str, Any]:
    return {
        "type": "http_metrics",
        "test": "t",
        "journey": "j",
        "transaction": "x",
        "method": "GET",
        "response_code": code,
        "total_time": total,
        "dns_time": 0.001,
    }


def test_names_and_labels_are_upstreams() -> None:
    assert [(stat.name, tuple(stat.extractor.labels)) for stat in stats.STATS] == [
        ("mite_http_response_total", ("test", "journey", "transaction", "method", "response_code")),
        ("mite_http_response_time_seconds", ("transaction",)),
    ]
    assert [stat.name for stat in stats.DNS_STATS] == ["mite_dns_time"]


def test_failed_requests_stay_out() -> None:
    counter, histogram = stats.STATS
    for stat in stats.STATS:
        stat.dump()
    for stat in (counter, histogram):
        consumer = mite_stats.StatConsumer(stat)
        assert consumer.types == frozenset({"http_metrics"})
        consumer.add(message(200, 0.05))
        consumer.add(message(0, 9.0))
        stat.process(message(503, 0.3))
        stat.process(message(0, 9.0))
    assert counter.dump()["metrics"] == {
        ("t", "j", "x", "GET", 200): 1,
        ("t", "j", "x", "GET", 503): 1,
    }
    counted = histogram.dump()
    assert counted["total_counts"] == {("x",): 2}
    assert counted["bins"] == stats.MITE_HTTP_HISTOGRAM_BUCKETS


def test_buckets_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert stats.MITE_HTTP_HISTOGRAM_BUCKETS[0] == 0.0001
    assert stats.MITE_HTTP_HISTOGRAM_BUCKETS[-1] == 64.0
    monkeypatch.setenv("MITE_HTTP_HISTOGRAM_BUCKETS", "0.5,1")
    try:
        assert importlib.reload(stats).MITE_HTTP_HISTOGRAM_BUCKETS == [0.5, 1.0]
        monkeypatch.setenv("MITE_HTTP_HISTOGRAM_BUCKETS", "fast,slow")
        with pytest.raises(ValueError, match="MITE_HTTP_HISTOGRAM_BUCKETS=fast,slow: must be"):
            importlib.reload(stats)
    finally:
        monkeypatch.undo()
        importlib.reload(stats)


def test_registered_by_entry_point() -> None:
    names = {stat.name for stat in mite_stats.registered(include={"mite_http"})}
    assert names == {"mite_http_response_total", "mite_http_response_time_seconds"}
