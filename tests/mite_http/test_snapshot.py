from acurl.counters import Counters
from mite_http.snapshot import REASONS, PoolStats, Totals, ended, streams, totals_of


def counters(**numbers: int) -> Counters:
    return Counters(**{**dict.fromkeys(Counters._fields, 0), **numbers})


def test_totals_are_the_engines_counters() -> None:
    totals = totals_of(
        counters(started=9, finished=8, opened=7, reused=6, closed_pool_limit=5, pool_timeouts=4)
    )
    assert totals.numbers() == {
        "started": 9,
        "finished": 8,
        "opened": 7,
        "reused": 6,
        "evicted": 5,
        "retries": 0,
        "timeouts": 4,
    }
    assert totals.reasons() == {**dict.fromkeys(REASONS, 0), "pool_limit": 5}


def test_a_request_that_failed_before_it_left_was_started() -> None:
    assert totals_of(counters(started=1, finished=3)).started == 3


def test_sums_and_changes() -> None:
    one, other = Totals(started=5, closed_error=2), Totals(started=3, closed_error=1)
    assert one.plus(other) == Totals(started=8, closed_error=3)
    assert one.minus(other) == Totals(started=2, closed_error=1)
    assert one.at_least(Totals(started=7)) == Totals(started=7, closed_error=2)


def test_what_is_open_at_the_end_we_close() -> None:
    closed = ended(counters(opened=5, closed=1, in_use=1, idle=3, closed_client=1))
    assert (closed.opened, sum(closed.reasons().values())) == (5, 5)


def test_streams_are_running_requests_per_connection() -> None:
    assert streams(counters(in_flight=12, queued=2, in_use=2)) == 5.0
    assert streams(counters(in_flight=3, queued=3)) == 0.0


def test_a_line_of_a_dashboard() -> None:
    assert str(PoolStats("api")) == "api: 0 in use, 0 of 100 idle; 0 requests, 0 opened"
    busy = PoolStats(
        "api", in_use=10, idle=2, queued=3, finished=200, reused=150, opened=50, evicted=4,
        wait_p99=0.12, wait_max=0.5, max_connects=50, max_connections=10,
    )  # fmt: skip
    assert str(busy) == (
        "api: 10 of 10 in use, 2 of 50 idle, 3 queued; "
        "200 requests (75% reused), 50 opened, 4 evicted, wait p99 120 ms"
    )
    assert busy.as_dict()["queued"] == 3
