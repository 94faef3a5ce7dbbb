import importlib
from typing import Any

import pytest

from mite import stats as mite_stats
from mite_http import stats
from tests.mite.pools import PoolMessages


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
    assert [(stat.name, tuple(stat.extractor.labels)) for stat in stats.STATS[:2]] == [
        ("mite_http_response_total", ("test", "journey", "transaction", "method", "response_code")),
        ("mite_http_response_time_seconds", ("transaction",)),
    ]
    assert [stat.name for stat in stats.DNS_STATS] == ["mite_dns_time"]


def test_failed_requests_stay_out() -> None:
    counter, histogram, *_ = stats.STATS
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
        with pytest.raises(ValueError, match="MITE_HTTP_HISTOGRAM_BUCKETS='fast,slow': must be"):
            importlib.reload(stats)
    finally:
        monkeypatch.undo()
        importlib.reload(stats)


def test_registered_by_entry_point() -> None:
    registered = mite_stats.registered(include={"mite_http"})
    assert [stat.name for stat in registered] == [
        "mite_http_response_total",
        "mite_http_response_time_seconds",
        *(stat.name for stat in stats.POOL_STATS),
    ]
    assert all(stat.help for stat in registered)


def counted(*messages: dict[str, Any]) -> dict[str, Any]:
    """What the stats of pools made of some messages, by name."""
    for stat in stats.POOL_STATS:
        stat.dump()
        consumer = mite_stats.StatConsumer(stat)
        assert consumer.types is not None
        for one in messages:
            if one["type"] in consumer.types:
                consumer.add(one)
    dumps = {stat.name: stat.dump() for stat in stats.POOL_STATS}
    return {name: dump.get("metrics", dump) for name, dump in dumps.items()}


def test_counters_of_pools_grow_by_their_changes_and_gauges_are_the_latest() -> None:
    here, there = PoolMessages(), PoolMessages("api", runner_id=2)
    here(opened=100)  # in a run before this one
    found = counted(
        here(opened=3, reused=5, evicted=1, in_use=3, queued=9, closed={"expired": 1}, rss=10),
        there(opened=1, idle=1, rss=30, vms=40),
        here(opened=1, reused=1, timeouts=2, retries=4, in_use=1, idle=3, streams=1.5, rss=20),
        here(closed={"expired": 1, "client": 2}, idle=1, rss=20, vms=25),
    )
    http, api = ("t", "http"), ("t", "api")
    assert found["mite_http_pool_opened_total"] == {http: 4, api: 1}
    assert found["mite_http_pool_reused_total"] == {http: 6, api: 0}
    assert found["mite_http_pool_evicted_total"][http] == 1
    assert found["mite_http_pool_timeouts_total"][http] == 2
    assert found["mite_http_pool_retries_total"][http] == 4
    closed = found["mite_http_pool_closed_total"]
    assert (closed[*http, "expired"], closed[*http, "client"], closed[*api, "error"]) == (2, 2, 0)
    assert found["mite_http_pool_connections"] == {
        (*http, "in_use"): 0,
        (*http, "idle"): 1,
        (*api, "in_use"): 0,
        (*api, "idle"): 1,
    }
    assert found["mite_http_pool_queued"] == {http: 0, api: 0}
    assert found["mite_http_pool_streams"] == {http: 0.0, api: 0.0}
    assert found["mite_process_resident_memory_bytes"] == {("t", 1): 20, ("t", 2): 30}
    assert found["mite_process_virtual_memory_bytes"] == {("t", 1): 25, ("t", 2): 40}


def test_failed_requests_have_waited_too() -> None:
    waits = counted(
        {**message(200, 0.05), "pool_wait": 0.00002},
        {**message(0, 9.0), "pool_wait": 5.0},
        message(200, 0.1),  # of a plugin that knows no pools
    )["mite_http_pool_wait_seconds"]
    assert waits["labels"] == ("test", "journey")
    assert waits["total_counts"] == {("t", "j"): 2}
    assert waits["bin_counts"] == {("t", "j"): [1] * 9 + [2, 2]}
    assert (waits["bins"][0], waits["bins"][-1]) == (0.0001, 10.0)
