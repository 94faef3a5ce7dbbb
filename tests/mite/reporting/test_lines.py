import dataclasses

from mite.reporting.lines import LineView, NoView, line
from mite.runner import Progress, State
from tests.mite.reporting.sample import figures


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


def test_no_view_shows_nothing() -> None:
    view = NoView()
    view.start()
    view.show(figures())
    view.note("stopping")
    view.stop()
