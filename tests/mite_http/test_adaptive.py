from dataclasses import replace
from typing import Any

import pytest

from mite_http.adaptive import decide
from mite_http.snapshot import PoolStats

NOW = PoolStats("p", max_connects=20)
MISSES: dict[str, Any] = {"evicted": 10, "opened": 10, "finished": 100}


@pytest.mark.parametrize(
    ("figures", "rss", "limit", "expected"),
    [
        ({}, 0, None, None),
        (MISSES, 0, None, 30),
        ({**MISSES, "max_connects": 1}, 0, None, 2),
        ({**MISSES, "max_connects": 90}, 0, None, 100),
        ({**MISSES, "max_connects": 100}, 0, None, None),
        ({"evicted": 1, "opened": 1, "finished": 100}, 0, None, None),
        ({"evicted": 10, "opened": 0, "finished": 100}, 0, None, None),
        ({"evicted": 0, "opened": 10, "finished": 100}, 0, None, None),
        ({}, 91, 100, 10),
        ({}, 90, 100, None),
        (MISSES, 91, 100, 10),
        ({"max_connects": 7}, 99, 100, 5),
        ({"max_connects": 5}, 99, 100, None),
    ],
)
def test_moves(figures: dict[str, Any], rss: int, limit: int | None, expected: int | None) -> None:
    step = decide((5, 100), NOW, replace(NOW, **figures), rss, limit)
    assert (None if step is None else step.max_connects) == expected


def test_only_the_window_counts() -> None:
    before = replace(NOW, **MISSES)
    assert decide((5, 100), before, before, 0, None) is None


def test_a_move_is_a_sentence() -> None:
    step = decide((5, 100), NOW, replace(NOW, **MISSES), 0, None)
    assert step is not None
    assert step.sentence(20) == ("max_connects 20 -> 30: 10 evicted and 10 opened for 100 requests")
    pressed = decide((5, 100), NOW, NOW, 95 << 20, 100 << 20)
    assert pressed is not None
    assert pressed.sentence(20) == (
        "max_connects 20 -> 10: 95 MiB of memory in use, of 100 MiB allowed"
    )
