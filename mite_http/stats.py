"""The stats that mite_http registers: answered requests by status, and their times."""

from __future__ import annotations

import os

from mite.stats import Counter, Histogram, extractor, matcher_by_type
from mite.transport import Message

_DEFAULT_BUCKETS = "0.0001,0.001,0.01,0.05,0.1,0.2,0.4,0.8,1,2,4,8,16,32,64"


def _buckets(variable: str) -> list[float]:
    text = os.environ.get(variable, _DEFAULT_BUCKETS)
    try:
        return [float(bound) for bound in text.split(",")]
    except ValueError:
        raise ValueError(
            f"{variable}={text}: must be bucket bounds in seconds with commas between them, "
            "such as 0.01,0.1,1"
        ) from None


def _answered(message: Message) -> bool:
    """Failed requests have their own place in the report; upstream's counters never had them."""
    return bool(message["response_code"])


MITE_HTTP_HISTOGRAM_BUCKETS = _buckets("MITE_HTTP_HISTOGRAM_BUCKETS")

_requests = matcher_by_type("http_metrics", where=_answered)

STATS = (
    Counter(
        name="mite_http_response_total",
        matcher=_requests,
        extractor=extractor(("test", "journey", "transaction", "method", "response_code")),
    ),
    Histogram(
        name="mite_http_response_time_seconds",
        matcher=_requests,
        extractor=extractor(("transaction",), "total_time"),
        bins=MITE_HTTP_HISTOGRAM_BUCKETS,
    ),
)

DNS_STATS = (
    Histogram(
        name="mite_dns_time",
        matcher=_requests,
        extractor=extractor(("transaction",), "dns_time"),
        bins=_buckets("MITE_DNS_HISTOGRAM_BUCKETS"),
    ),
)
