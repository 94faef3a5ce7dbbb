import dataclasses

from mite.reporting.lines import LineView, NoView, line, pool_line
from mite.runner import Progress, State
from tests.mite.reporting.sample import figures, pool


def test_a_line_says_it_all() -> None:
    assert line(figures()) == (
        "4/10 s  19/20 in flight  120 journeys/s  121 requests/s  3 errors  "
        "t1 p50 1 ms p95 2 ms p99 3 ms  [generator: CPU 30%, lag p99 1.1 ms]"
    )


def test_a_line_without_plan_or_transactions() -> None:
    assert line(figures(rows=0, planned=None)).startswith("4 s  19/20 in flight")


def test_a_line_of_a_run_that_only_waits() -> None:
    progress = Progress(State.DRAINING, 18.0, in_flight=2, target=0, finished=480)
    moment = dataclasses.replace(figures(), progress=progress)
    assert line(moment).startswith("18/10 s  draining: 2 in flight  120 journeys/s")


def test_a_line_after_a_second_and_then_every_two() -> None:
    written: list[str] = []
    view = LineView(written.append)
    view.start()
    for second in (0.99, 1.98, 3.01, 3.99, 5.02, 6.0):
        view.show(figures(elapsed=second))
    view.note("stopping")
    view.stop()
    assert written.pop() == "stopping"
    assert [text.split("/")[0] for text in written] == ["1", "3", "5"]


def test_a_pools_line_says_what_is_out_of_the_ordinary_only_if_it_was() -> None:
    assert pool_line(pool()) == ("pool http: 1 in use, 18 idle, 0 queued, 19 opened, 96.0% reused")
    troubled = {**pool().totals, "timeouts": 1, "retries": 1_200}
    line_of_trouble = pool_line(pool("api\n", totals=troubled, queued=7, wait_p99=0.25))
    assert line_of_trouble == (
        "pool api\\n: 1 in use, 18 idle, 7 queued, 19 opened, "
        "96.2% reused, 1 pool timeout, wait p99 250 ms, 1,200 repeated"
    )


def test_pools_follow_the_line() -> None:
    written: list[str] = []
    LineView(written.append).show(figures(elapsed=1.0, pools=[pool("a"), pool("b")]))
    assert [text[:10] for text in written[0].splitlines()[1:]] == [
        "  pool a: ",
        "  pool b: ",
    ]


def test_no_view_shows_nothing() -> None:
    view = NoView()
    view.start()
    view.show(figures())
    view.note("stopping")
    view.stop()
