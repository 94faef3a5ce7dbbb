import pytest

from mite.reporting.figures import counted, number, seconds
from mite.runner import Progress, State
from mite.volume import Constant
from tests.mite.pools import PoolMessages
from tests.mite.reporting.sample import summary
from tests.mite.running import Rig, line


def test_rows_carry_names_counts_and_times() -> None:
    root, inner = summary().transaction_rows(10.0)
    assert (root.name, inner.name) == ("shop:browse", "  list")
    assert (inner.count, inner.errors, inner.rate) == (100, 10, 10.0)
    assert inner.p50 == pytest.approx(0.015, rel=0.01)
    assert inner.p99 == pytest.approx(0.0198, rel=0.01)
    assert inner.max == pytest.approx(0.0199)


def test_request_rows() -> None:
    assert [(row.name, row.count, row.errors) for row in summary().request_rows(0.0)] == [
        ("200", 90, 0),
        ("ConnectError", 10, 10),
    ]


def test_pools_that_were_used_are_shown() -> None:
    made = summary()
    for started in range(5):
        made.pools.add(PoolMessages(f"http#{started}")(started=started))
    names = [pool.name for pool in made.pool_rows(3)]
    assert names == ["http#2", "http#3", "http#4", "all 4"]


def test_figures_are_taken_together() -> None:
    async def journey(ctx: object) -> None:
        pass

    made = summary()
    for second, finished in enumerate((0, 30, 90)):
        made.step(Progress(State.LOADING, float(second), 1, 1, finished))
    figures = made.figures(Rig(line(journey, Constant(10, 1))).runner)
    assert (figures.test, figures.planned) == ("shop:evening", 10.0)
    assert (figures.requests, figures.errors, figures.journeys_rate) == (100, 10, 60.0)
    assert figures.progress.state is State.WAITING
    assert len(figures.transactions) == 2


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0 us"),
        (0.0000004, "0 us"),
        (0.000123, "123 us"),
        (0.00123, "1.23 ms"),
        (0.0123, "12.3 ms"),
        (0.123, "123 ms"),
        (1.234, "1.23 s"),
        (123.4, "123 s"),
    ],
)
def test_seconds_have_their_unit(value: float, text: str) -> None:
    assert seconds(value) == text


def test_numbers() -> None:
    assert [number(value) for value in (0.04, 99.94, 1234.5)] == ["0.0", "99.9", "1,234"]
    assert [counted(n, "journey") for n in (0, 1, 2000)] == [
        "0 journeys",
        "1 journey",
        "2,000 journeys",
    ]
