"""The stats that mite_http registers: requests by status, their times, pools of connections."""

from __future__ import annotations

from collections.abc import Iterable

from mite.stats import (
    Accumulator,
    Counter,
    Extractor,
    Gauge,
    Histogram,
    Key,
    extractor,
    matcher_by_type,
)
from mite.transport import Message
from mite_http.buckets import buckets_of


def _answered(message: Message) -> bool:
    """Failed requests have their own place in the report; upstream's counters never had them."""
    return bool(message["response_code"])


MITE_HTTP_HISTOGRAM_BUCKETS = buckets_of("MITE_HTTP_HISTOGRAM_BUCKETS")

_requests = matcher_by_type("http_metrics", where=_answered)

_POOL_WAIT_BUCKETS = (0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0)

_pools = matcher_by_type("http_pool")


def _connections(message: Message) -> Iterable[tuple[Key, float]]:
    test, pool = message.get("test", ""), message["pool"]
    for state in ("in_use", "idle"):
        yield (test, pool, state), message[state]


def _closed(message: Message) -> Iterable[tuple[Key, float]]:
    test, pool = message.get("test", ""), message["pool"]
    for reason, count in message["closed_changes"].items():
        yield (test, pool, reason), count


def _gauge(name: str, key: str, describes: str, *labels: str) -> Gauge:
    return Gauge(name=name, matcher=_pools, extractor=extractor(labels, key), help=describes)


def _total(key: str, describes: str) -> Accumulator:
    """What a pool counted, added up from what each of its messages says is new."""

    def extract(message: Message) -> Iterable[tuple[Key, float]]:
        yield (message.get("test", ""), message["pool"]), message["changes"][key]

    return Accumulator(
        name=f"mite_http_pool_{key}_total",
        matcher=_pools,
        extractor=Extractor(labels=("test", "pool"), extract=extract),
        help=describes,
    )


POOL_STATS = (
    Histogram(
        name="mite_http_pool_wait_seconds",
        matcher=matcher_by_type("http_metrics"),
        extractor=extractor(("test", "journey"), "pool_wait", optional=True),
        bins=_POOL_WAIT_BUCKETS,
        help="What requests, failed ones too, waited for a connection.",
    ),
    Gauge(
        name="mite_http_pool_connections",
        matcher=_pools,
        extractor=Extractor(labels=("test", "pool", "state"), extract=_connections),
        help="Connections that stand now, in use or idle.",
    ),
    _gauge("mite_http_pool_queued", "queued", "Requests that wait now.", "test", "pool"),
    _gauge("mite_http_pool_streams", "streams", "Requests per connection in use.", "test", "pool"),
    _total("opened", "Connections that were opened."),
    _total("reused", "Requests on a connection that stood open already."),
    Accumulator(
        name="mite_http_pool_closed_total",
        matcher=_pools,
        extractor=Extractor(labels=("test", "pool", "reason"), extract=_closed),
        help="Connections that were closed, by reason.",
    ),
    _total("evicted", "Idle connections that a limit of the pool ended."),
    _total("timeouts", "Requests that got no connection in time."),
    _total("retries", "Requests that the client repeated."),
    _gauge(
        "mite_process_resident_memory_bytes",
        "rss",
        "Memory of the runner that is in use.",
        "test",
        "runner_id",
    ),
    _gauge(
        "mite_process_virtual_memory_bytes",
        "vms",
        "Address space of the runner.",
        "test",
        "runner_id",
    ),
)

STATS = (
    Counter(
        name="mite_http_response_total",
        help="Requests that were answered.",
        matcher=_requests,
        extractor=extractor(("test", "journey", "transaction", "method", "response_code")),
    ),
    Histogram(
        name="mite_http_response_time_seconds",
        matcher=_requests,
        extractor=extractor(("transaction",), "total_time"),
        bins=MITE_HTTP_HISTOGRAM_BUCKETS,
        help="What answered requests took, by libcurl's clock.",
    ),
    *POOL_STATS,
)

DNS_STATS = (
    Histogram(
        name="mite_dns_time",
        help="What looking up names took, in seconds.",
        matcher=_requests,
        extractor=extractor(("transaction",), "dns_time"),
        bins=buckets_of("MITE_DNS_HISTOGRAM_BUCKETS"),
    ),
)
