import pytest

from mite_http.waits import Waits


def waited(seconds: float, host: str = "a", total: float = 0.1) -> dict[str, object]:
    return {"pool_wait": seconds, "host": host, "total_time": total}


@pytest.mark.parametrize(
    ("percent", "requests", "expected"),
    [(50, 100, 0.0), (90, 100, 0.0), (95, 100, 0.1), (99, 100, 0.1), (50, 10, 0.1), (50, 3, 0.1)],
)
def test_requests_without_a_wait_count_as_a_number(
    percent: float, requests: int, expected: float
) -> None:
    waits = Waits()
    for _ in range(10):
        waits.add(waited(0.1))
    assert waits.percentile(percent, requests) == pytest.approx(expected, rel=0.01)
    assert (waits.count, waits.max) == (10, 0.1)


def test_without_any() -> None:
    assert (Waits().percentile(99, 0), Waits().percentile(99, 10), Waits().max) == (0.0, 0.0, 0.0)
    assert Waits().hog() is None


def test_the_origin_that_takes_the_connections() -> None:
    waits = Waits()
    waits.add(waited(0.1, "slow", 3.0))
    assert waits.hog() is None
    waits.add(waited(0.1, "fast", 1.0))
    assert waits.hog() == ("slow", 0.75)


def test_origins_without_end_take_no_more_memory() -> None:
    waits = Waits()
    for number in range(500):
        waits.add(waited(0.1, f"h{number}"))
    assert len(waits.slots) == 101
    assert sum(waits.slots.values()) == pytest.approx(50)
