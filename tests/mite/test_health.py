import pytest

from mite.health import Block, Health


def test_lag() -> None:
    health = Health()
    for lag in [0.001] * 98 + [0.05, 0.3]:
        health.tick(lag)
    health.tick(-0.5)
    seen = health.statistics()
    assert seen.lag_p99 == pytest.approx(0.05, rel=0.005)
    assert seen.lag_max == 0.3
    assert repr(health) == "Health(lag p99 49.9 ms, CPU 0%)"


def test_cpu_is_taken_over_five_seconds() -> None:
    health = Health()
    used = 0.0
    for second in range(21):
        health.cpu(100.0 + second, used)
        used += 0.9 if 8 <= second < 13 else 0.1
    seen = health.statistics()
    assert seen.cpu_peak == pytest.approx(0.9)
    assert seen.cpu_now == pytest.approx(0.1)
    assert seen.cpu_window == 5.0


def test_a_burst_shorter_than_the_window_is_averaged() -> None:
    health = Health()
    for second, used in enumerate([0, 0, 1, 2, 2, 2, 2]):
        health.cpu(second, used)
    assert health.statistics().cpu_peak == pytest.approx(0.4)


def test_a_short_run_says_over_how_long() -> None:
    health = Health()
    assert health.statistics().cpu_window == 0.0
    health.cpu(1.0, 0.5)
    health.cpu(3.0, 1.5)
    seen = health.statistics()
    assert (seen.cpu_peak, seen.cpu_window) == (0.5, 2.0)


def test_blocks_are_kept_by_culprit_the_worst_first() -> None:
    health = Health()
    health.blocked(0.3, "j:a", "a.py:1:f")
    health.blocked(0.2, "j:a", "a.py:1:f")
    health.blocked(0.9, None, "somewhere")
    assert health.statistics().blocks == (
        Block(None, "somewhere", 1, 0.9),
        Block("j:a", "a.py:1:f", 2, 0.3),
    )


def test_culprits_without_end_take_no_more_memory() -> None:
    health = Health()
    for number in range(1000):
        health.blocked(0.3, "j:a", f"a.py:{number}:f")
    blocks = health.statistics().blocks
    assert len(blocks) == 101
    assert sum(block.count for block in blocks) == 1000
