"""Random inputs: Hypothesis draws them, one batch of transfers tries them."""

from typing import TypeVar

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.strategies import SearchStrategy

T = TypeVar("T")


def draw_sample(strategy: SearchStrategy[T], count: int, *, repeatable: bool) -> list[T]:
    """`count` examples; the same ones each time if `repeatable`.

    All are drawn before any is tried, since a process of curl serves hundreds in the time in
    which it serves one. Hypothesis cannot shrink what it does not see fail; the examples are
    small by themselves.
    """
    drawn: list[T] = []

    @settings(
        max_examples=count,
        derandomize=repeatable,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def collect(example: T) -> None:
        drawn.append(example)

    collect()
    assert len(drawn) == count
    return drawn
