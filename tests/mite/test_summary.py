from typing import Any

from mite.summary import Errors, Pools, Requests, Transactions
from tests.mite.pools import PoolMessages


def txn(name: str, duration: float, *, had_error: bool = False) -> dict[str, Any]:
    return {
        "type": "txn",
        "journey": "j:a",
        "transaction": name,
        "duration": duration,
        "had_error": had_error,
    }


def request(status: int, **fields: Any) -> dict[str, Any]:
    return {"type": "http_metrics", "response_code": status, "total_time": 0.01, **fields}


def error(ex_type: str, location: str = "a.py:1:f", **fields: Any) -> dict[str, Any]:
    return {"type": "exception", "ex_type": ex_type, "location": location, **fields}


def test_transactions_by_journey_and_name() -> None:
    transactions = Transactions()
    transactions.add(txn("b", 0.5))
    transactions.add(txn("a", 1.0))
    transactions.add(txn("b", 1.5, had_error=True))
    transactions.add({**txn("c", 9.0, had_error=True), "cancelled": True})
    rows = {name: timed for _, name, timed in transactions}
    assert list(rows) == ["a", "b"]
    assert (rows["b"].count, rows["b"].errors, rows["b"].times.max) == (2, 1, 1.5)


def test_transaction_names_without_end_take_no_more_memory() -> None:
    transactions = Transactions()
    for number in range(2_500):
        transactions.add(txn(f"item {number}", 0.1))
    rows = list(transactions)
    assert len(rows) == 2_001
    assert transactions.overflowed == 500
    assert sum(timed.count for _, _, timed in rows) == 2_500


def test_requests_by_status_and_failure() -> None:
    requests = Requests()
    for message in [
        request(200, reused=True),
        request(503, retries=2),
        request(0, error="ConnectError", total_time=9.0),
        request(200, total_time=0.03),
    ]:
        requests.add(message)
    rows = {status: (timed.count, timed.errors) for status, timed in requests}
    assert list(rows.items()) == [(200, (2, 0)), (503, (1, 0)), ("ConnectError", (1, 1))]
    assert (requests.count, requests.reused, requests.retries) == (4, 1, 2)
    assert requests.wire_times().count == 3
    assert requests.wire_times().max == 0.03


def test_errors_by_kind() -> None:
    errors = Errors()
    errors.add(error("KeyError", message="first", journey="j:a"))
    errors.add(error("ValueError", message="x", journey="j:b"))
    errors.add(error("KeyError", message="second", journey="j:b"))
    errors.add(error("KeyError", "b.py:9:g"))
    kinds = list(errors)
    assert errors.total == 4
    assert (kinds[0].ex_type, kinds[0].count) == ("KeyError", 2)
    assert kinds[0].texts == {"first": 1, "second": 1}
    assert errors.by_journey() == {"j:a": 1, "j:b": 2, "": 1}


def test_error_kinds_without_end_take_no_more_memory() -> None:
    errors = Errors()
    for number in range(2_100):
        errors.add(error("E", f"a.py:{number}:f"))
    assert len(list(errors)) == 2_001
    assert sum(kind.count for kind in errors) == errors.total == 2_100


def test_error_texts_without_end_are_only_counted() -> None:
    errors = Errors()
    for number in range(100):
        errors.add(error("E", message=f"no item {number % 50}"))
    (kind,) = errors
    assert list(kind.texts) == [f"no item {number}" for number in range(5)]
    assert (kind.count, kind.other) == (100, 90)


def test_pools_by_name_over_all_runners() -> None:
    pools = Pools()
    assert (list(pools), pools.started) == ([], 0)
    here, there, other = PoolMessages(), PoolMessages(runner_id=2), PoolMessages("api")
    for message in [
        here(started=3, in_use=3),
        there(started=5, in_use=1),
        other(started=1),
        here(started=4, in_use=2),
    ]:
        pools.add(message)
    seen = [(pool.name, pool["started"], pool.in_use) for pool in pools]
    assert seen == [("api", 1, 0), ("http", 12, 3)]
    assert pools.started == 13


def test_pools_without_end_take_no_more_memory() -> None:
    pools = Pools()
    for number in range(2_010):
        say = PoolMessages(f"http#{number}")
        pools.add(say(started=2, closed={"client": 1}))
        pools.add(say(started=1))
    assert len(list(pools)) == 2_001
    assert pools.started == 3 * 2_010
    (other,) = [pool for pool in pools if pool.name == "(other)"]
    assert (other["started"], other.closed["client"]) == (30, 10)


def test_consumers_describe_themselves() -> None:
    assert [c.describe() for c in (Transactions(), Requests(), Errors(), Pools())] == [
        "summary of transactions",
        "summary of requests",
        "summary of errors",
        "summary of pools",
    ]
