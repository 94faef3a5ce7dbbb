"""A run that has happened, as the views and the report are given it."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from mite.connections import Pool
from mite.health import Statistics
from mite.reporting.figures import Figures, Row, Summary
from mite.runner import Outcome, Progress, State
from mite.transport import Message

OUTCOME = Outcome(elapsed=10.0, finished=1200, cancelled=0, stuck=0, interrupted=False, fault=None)


def messages() -> list[Message]:
    """Of two journeys, one of which fails now and then."""
    found: list[Message] = []
    for number in range(100):
        bad = number % 10 == 0
        txn = {"type": "txn", "journey": "shop:browse", "had_error": bad}
        found.append({**txn, "transaction": "__root__ :: list", "duration": 0.010 + number / 1e4})
        found.append({**txn, "transaction": "__root__", "duration": 0.5})
        status = {"response_code": 0, "error": "ConnectError"} if bad else {"response_code": 200}
        found.append({"type": "http_metrics", "total_time": 0.004, "reused": not bad, **status})
        if bad:
            fault = {"type": "exception", "journey": "shop:browse", "location": "shop.py:3:browse"}
            found.append({**fault, "ex_type": "ConnectError", "message": "code 7: no\nsecond line"})
    return found


def summary(*, empty: bool = False) -> Summary:
    """What was added up of it."""
    made = Summary("shop:evening", planned=10.0)
    consumers = (made.transactions, made.requests, made.errors)
    for message in [] if empty else messages():
        for consumer in consumers:
            if message["type"] in consumer.types:
                consumer.add(message)
    return made


def pool(name: str = "http", **changes: Any) -> Pool:
    """A pool in the middle of it."""
    totals = {"started": 481, "finished": 480, "opened": 19, "reused": 461}
    return replace(Pool(name, in_use=1, idle=18, totals=totals, wait_p99=0.00003), **changes)


def figures(
    *, rows: int = 2, planned: float | None = 10.0, elapsed: float = 4.0, pools: Sequence[Pool] = ()
) -> Figures:
    """One moment of it."""
    return Figures(
        test="shop:evening",
        planned=planned,
        progress=Progress(State.LOADING, elapsed, in_flight=19, target=20, finished=480),
        journeys_rate=120.4,
        requests=481,
        requests_rate=121.0,
        errors=3,
        transactions=tuple(
            Row(f"t{n}", 100, n, 25.0, 0.001 * n, 0.002 * n, 0.003, 0.2) for n in range(rows)
        ),
        pools=tuple(pools),
        health=Statistics(lag_p99=0.0011, lag_max=0.004, cpu_now=0.3, cpu_peak=0.4, cpu_window=4.0),
    )
