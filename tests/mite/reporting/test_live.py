import io
import threading

from rich.console import Console

from mite.reporting.live import LiveView, picture
from tests.mite.reporting.sample import figures, pool


def shown(height: int = 40, **what: float | None) -> str:
    out = io.StringIO()
    moment = figures(**what)  # type: ignore[arg-type]
    Console(file=out, width=100).print(picture(moment, 100, height))
    return out.getvalue()


def test_the_picture_has_progress_totals_transactions_and_generator() -> None:
    text = shown()
    for words in (
        "shop:evening",
        "4 of 10 s",
        "19/20 in flight",
        "120 journeys/s",
        "121 requests/s",
        "3 errors",
        "t1",
        "generator: CPU 30%, loop lag p99 1.1 ms",
    ):
        assert words in text


def test_a_run_without_end_has_no_bar() -> None:
    text = shown(planned=None)
    assert "4 s" in text
    assert "of 10 s" not in text


def test_many_transactions_are_cut() -> None:
    text = shown(rows=25)
    assert "... and 5 more transactions" in text
    assert "t20" not in text
    low = shown(rows=25, height=24)
    assert "... and 9 more transactions" in low
    assert "generator: CPU" in low
    assert len(low.splitlines()) < 24


def test_pools_take_lines_from_the_transactions() -> None:
    out = io.StringIO()
    moment = figures(rows=25, pools=[pool(name) for name in ("a", "b", "c", "all 4")])
    Console(file=out, width=60).print(picture(moment, 60, 24))
    text = out.getvalue()
    assert "\npool all 4: 1 in use, 18 idle, 0 queued, 19 opened, 96.0%\nreused\n" in text
    assert "generator: CPU" in text
    assert len(text.splitlines()) < 24


def test_the_view_draws_in_a_thread_of_its_own_and_leaves_nothing() -> None:
    out = io.StringIO()
    view = LiveView(Console(file=out, width=100, force_terminal=True))
    view.start()
    for second in range(5):
        view.show(figures(elapsed=float(second)))
    view.note("stopping: 2 journeys still run")
    view.stop()
    assert "stopping: 2 journeys still run\n" in out.getvalue()
    assert "0 of 10 s" in out.getvalue()
    assert out.getvalue().rindex("\x1b[?25h") > out.getvalue().rindex("\x1b[?25l")
    assert not [t for t in threading.enumerate() if t.name.startswith("mite-live")]
