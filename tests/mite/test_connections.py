import pytest

from mite.connections import Pool, PoolHistory, shortlist, together
from tests.mite.pools import PoolMessages


def busy(name: str, started: int) -> Pool:
    return Pool(name, totals={"started": started})


def test_the_latest_message_counts() -> None:
    say = PoolMessages("api")
    history = PoolHistory(say(started=5, finished=4, opened=2, reused=2, in_use=2))
    history.add(say(started=6, finished=6, reused=6, idle=2, wait_p99=0.5, closed={"expired": 1}))
    pool = history.pool()
    assert (pool.name, pool.in_use, pool.idle, pool.wait_p99) == ("api", 0, 2, 0.5)
    assert (pool["started"], pool["opened"], pool["reused"]) == (11, 2, 8)
    assert pool.share_reused == 0.8
    assert pool.closed["expired"] == 1


def test_what_an_earlier_run_counted_is_taken_off() -> None:
    say = PoolMessages()
    say(started=100, opened=10, closed={"client": 10})
    history = PoolHistory(say(started=3, opened=1))
    history.add(say(started=4, closed={"client": 1}))
    pool = history.pool()
    assert (pool["started"], pool["opened"], pool.closed["client"]) == (7, 1, 1)


def test_an_unused_pool_has_reused_nothing() -> None:
    assert Pool("http").share_reused == 0.0
    assert Pool("http")["opened"] == 0


def test_pools_add_up_but_for_their_waits() -> None:
    first = Pool("a", 1, 2, 3, {"opened": 4}, {"client": 1}, 0.1, 0.2)
    second = Pool("b", 10, 20, 30, {"opened": 40, "reused": 1}, {"error": 2}, 0.05, 0.9)
    both = together("both", [first, second])
    assert (both.in_use, both.idle, both.queued) == (11, 22, 33)
    assert both.totals == {"opened": 44, "reused": 1}
    assert both.closed == {"client": 1, "error": 2}
    assert (both.wait_p50, both.wait_p99) == (0.1, 0.9)


@pytest.mark.parametrize(
    ("most", "names"), [(3, ["a", "b", "c"]), (2, ["a", "c", "all 3"]), (1, ["c", "all 3"])]
)
def test_a_shortlist_has_the_busiest_and_the_sum(most: int, names: list[str]) -> None:
    pools = [busy("c", 9), busy("b", 1), busy("a", 5)]
    shown = shortlist(pools, most)
    assert [pool.name for pool in shown] == names
    if most < 3:
        assert shown[-1]["started"] == 15
