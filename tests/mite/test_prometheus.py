import logging
import re
import socket
import subprocess
import threading
from collections.abc import Sequence
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families

from mite import prometheus
from mite.exceptions import ConfigurationError
from mite.stats import (
    Accumulator,
    Counter,
    Gauge,
    Histogram,
    Stat,
    extractor,
    matcher_by_type,
    registered,
)
from tests.mite.pools import PoolMessages

HITS = matcher_by_type("hit")


def hit(**fields: Any) -> dict[str, Any]:
    return {"type": "hit", **fields}


def filled(stat: Stat, *messages: dict[str, Any]) -> Stat:
    for message in messages:
        stat.process(message)
    return stat


def counter(name: str = "hits_total", labels: Sequence[str] = ("who",), **words: str) -> Counter:
    return Counter(name, HITS, extractor(labels), **words)


def page(*stats: Any) -> list[str]:
    return prometheus.render(stats).decode().splitlines()


def samples(*stats: Any) -> dict[tuple[str, ...], float]:
    """Values by the sample's name and the values of its labels."""
    text = prometheus.render(stats).decode()
    return {
        (sample.name, *sample.labels.values()): sample.value
        for metric in text_string_to_metric_families(text)
        for sample in metric.samples
    }


def test_counters_and_gauges() -> None:
    hits = filled(counter(help="Hits."), hit(who="ann"), hit(who="bob"), hit(who="ann"))
    level = filled(Gauge("level", HITS, extractor(("who",), "v")), hit(who="ann", v=2.5))
    assert page(hits, level) == [
        "# HELP hits_total Hits.",
        "# TYPE hits_total counter",
        'hits_total{who="ann"} 2.0',
        'hits_total{who="bob"} 1.0',
        "# HELP level Counted by mite, of the messages of a run.",
        "# TYPE level gauge",
        'level{who="ann"} 2.5',
    ]


def test_histograms() -> None:
    times = Histogram("t_seconds", HITS, extractor(("who",), "v"), bins=[0.1, 1])
    filled(times, *(hit(who="ann", v=value) for value in (0.05, 0.5, 0.5, 7)))
    assert page(times)[1:] == [
        "# TYPE t_seconds histogram",
        't_seconds_bucket{le="0.1",who="ann"} 1.0',
        't_seconds_bucket{le="1.0",who="ann"} 3.0',
        't_seconds_bucket{le="+Inf",who="ann"} 4.0',
        't_seconds_count{who="ann"} 4.0',
        't_seconds_sum{who="ann"} 8.05',
    ]


def test_a_counter_keeps_a_name_that_does_not_end_in_total() -> None:
    added = filled(Accumulator("bytes_sent", HITS, extractor((), "v")), hit(v=3), hit(v=4))
    assert page(added)[1:] == ["# TYPE bytes_sent untyped", "bytes_sent 7.0"]


def test_label_values_are_text_that_prometheus_takes() -> None:
    odd = ('say "hi"\n\\', None, True, 200, "\udcff", "\u00fc")
    found = samples(filled(counter(), *(hit(who=value) for value in odd)))
    assert {key[1] for key in found} == {
        'say "hi"\n\\',
        "",
        "True",
        "200",
        "\\udcff",
        "\u00fc",
    }


def test_series_whose_labels_read_alike_are_one() -> None:
    twins = (hit(who="1", v=2), hit(who=1, v=3))
    labels = extractor(("who",), "v")
    assert samples(filled(counter(), *twins)) == {("hits_total", "1"): 2.0}
    assert samples(filled(Gauge("g", HITS, labels), *twins)) == {("g", "1"): 3.0}
    both = samples(filled(Histogram("h", HITS, labels, bins=[2]), *twins))
    assert (both["h_bucket", "2.0", "1"], both["h_count", "1"], both["h_sum", "1"]) == (1, 2, 5)


def test_a_stat_that_prometheus_cannot_take_is_left_out(caplog: pytest.LogCaptureFixture) -> None:
    class Foreign:
        name = "foreign"

    torn = counter("torn_total")
    torn.metrics["a", "b"] = 1
    bad = (
        Foreign(),
        counter("labels_total", ("not-a-label",)),
        counter("twice_total", ("who", "who")),
        counter("reserved_total", ("__name__",)),
        torn,
        filled(Gauge("words", HITS, extractor((), "v")), hit(v="many")),
    )
    good = filled(counter(), hit(who="ann"))
    collector = prometheus.StatsCollector([*bad, good, counter()])
    for _page in range(2):
        assert [metric.name for metric in collector.collect()] == ["hits"]
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 7
    assert said[0].startswith("the stat foreign is not shown to Prometheus: ")
    assert said[-1] == "the stat hits_total is not shown to Prometheus: another stat has its name"


def test_upstreams_names_are_on_the_page_as_they_are() -> None:
    named = {line.split()[2] for line in page(*registered()) if line.startswith("# TYPE")}
    assert named == {stat.name for stat in registered()}


def test_promtool_finds_no_fault_but_upstreams_names() -> None:
    pooled = PoolMessages()(started=1, opened=1, in_use=1)
    request = {"type": "http_metrics", "response_code": 200, "total_time": 0.1, "pool_wait": 0.1}
    report = {"type": "controller_report", "actual": {1: 1}, "required": {1: 2}, "num_runners": 1}
    ended = {"type": "txn", "test": "t", "journey": "j", "transaction": "x", "had_error": False}
    failed = {"type": "error", "message": 'a "b" \\ \n \udcff', "ex_type": "E"}
    stats = registered()
    for stat in stats:
        stat.dump()
        filled(stat, pooled, request, report, ended, failed)
    text = prometheus.render(stats)
    assert all(stat.dump() for stat in stats)
    checked = subprocess.run(
        ["promtool", "check", "metrics"], input=text, capture_output=True, check=False
    )
    ours, *upstreams = sorted(checked.stderr.decode().splitlines()) or [""]
    assert [line.split()[0] for line in [ours, *upstreams]] == [
        "mite_actual_count",
        "mite_required_count",
        "mite_runner_count",
    ], checked
    assert all('"_count" suffix' in line for line in [ours, *upstreams])


def fetched(url: str, **headers: str) -> tuple[str, str]:
    with urlopen(Request(url, headers=headers), timeout=5) as answer:  # noqa: S310 - our own
        return answer.headers["Content-Type"], answer.read().decode()


def test_served_while_the_block_runs() -> None:
    stat = counter()
    with prometheus.served("127.0.0.1", 0, [stat]) as url:
        assert url.startswith("http://127.0.0.1:")
        for hits in (1.0, 2.0):
            stat.process(hit(who="ann"))
            kind, text = fetched(url)
            assert kind.startswith("text/plain; version=")
            assert f'hits_total{{who="ann"}} {hits}\n' in text
        with pytest.raises(HTTPError, match="405"):
            urlopen(url, data=b"", timeout=5)  # noqa: S310 - our own
    with pytest.raises(OSError, match="refused"):
        fetched(url)
    assert not [thread for thread in threading.enumerate() if thread.name == "mite-prometheus"]


def test_served_as_openmetrics_to_those_who_ask() -> None:
    added = filled(Accumulator("bytes_sent", HITS, extractor((), "v")), hit(v=3))
    with prometheus.served("127.0.0.1", 0, [filled(counter(), hit(who="x")), added]) as url:
        kind, text = fetched(url, Accept="application/openmetrics-text; version=1.0.0")
    assert kind.startswith("application/openmetrics-text")
    metrics: list[Any] = list(openmetrics.text_string_to_metric_families(text))  # type: ignore[no-untyped-call]
    assert [metric.name for metric in metrics] == ["hits", "bytes_sent"]


def test_served_over_ipv6() -> None:
    with prometheus.served("::1", 0, [counter()]) as url:
        assert url.startswith("http://[::1]:")
        assert "# TYPE hits_total counter" in fetched(url)[1]


def test_a_client_that_goes_away_is_no_event(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG, "mite.prometheus")
    with prometheus.served("127.0.0.1", 0, [counter()]) as url:
        port = int(url.rpartition(":")[2].partition("/")[0])
        with socket.create_connection(("127.0.0.1", port)) as shy:
            shy.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        fetched(url)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("host", ["a..b", "192.0.2.1", "fe80::1%nowhere"])
def test_an_address_that_cannot_be_had_is_one_sentence(host: str) -> None:
    words = re.escape(f"--prometheus={prometheus.shown(host)}:0 cannot be listened on: ")
    refused = pytest.raises(ConfigurationError, match=words)
    with refused, prometheus.served(host, 0, []):
        pass


def test_a_port_that_is_taken_is_one_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused = pytest.raises(ConfigurationError, match="Address already in use; name an address")
        with refused, prometheus.served("127.0.0.1", port, []):
            pass


def test_pages_are_whole_while_the_counting_goes_on() -> None:
    """New series come and old ones grow in another thread, as the loop's do beside a scrape."""
    times = Histogram("t", HITS, extractor(("who",), "v"), bins=[1, 2])
    hits = counter()
    stop = threading.Event()

    def count() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            for stat in (times, hits):
                stat.process(hit(who=number % 1_500, v=1.5))

    counting = threading.Thread(target=count)
    counting.start()
    try:
        before = 0.0
        for _page in range(40):
            metrics = list(prometheus.StatsCollector([times, hits]).collect())
            assert [metric.name for metric in metrics] == ["t", "hits"]
            total = sum(sample.value for sample in metrics[1].samples)
            assert total >= before
            before = total
            _assert_whole(metrics[0])
    finally:
        stop.set()
        counting.join()
    assert before > 0


def _assert_whole(metric: Any) -> None:
    found: dict[str, dict[str, float]] = {}
    for sample in metric.samples:
        kind = sample.name + sample.labels.get("le", "")
        found.setdefault(sample.labels["who"], {})[kind] = sample.value
    for series in found.values():
        assert series["t_bucket2.0"] == series["t_bucket+Inf"] == series["t_count"]
        assert series["t_sum"] - 1.5 * series["t_count"] in {0.0, 1.5}
