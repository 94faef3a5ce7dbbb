import pytest

from mite.health import Block, Statistics
from mite.verdict import Level, judge


@pytest.mark.parametrize(
    ("seen", "level", "words"),
    [
        (Statistics(), Level.VALID, []),
        (Statistics(lag_p99=0.0099, cpu_peak=0.85, cpu_window=5.0), Level.VALID, []),
        (Statistics(cpu_peak=0.99, cpu_window=2.0), Level.VALID, []),
        (Statistics(cpu_peak=0.86, cpu_window=5.0), Level.SUSPECT, ["not the system", "86%"]),
        (Statistics(lag_p99=0.0101), Level.SUSPECT, ["10.1 ms"]),
        (
            Statistics(blocks=(Block("j:slow", "j.py:3:slow", 2, 0.25),)),
            Level.INVALID,
            ["the journey j:slow blocks the loop (up to 250 ms, 2 times) at j.py:3:slow"],
        ),
        (Statistics(blocks=(Block(None, "x", 1, 3.0),)), Level.SUSPECT, ["stood still", "once"]),
    ],
)
def test_levels_and_reasons(seen: Statistics, level: Level, words: list[str]) -> None:
    verdict = judge(seen)
    assert (verdict.level, str(verdict)) == (level, level.name)
    assert len(verdict.reasons) == bool(words)
    for word in words:
        assert word in verdict.reasons[0]


def test_the_worst_finding_decides_and_comes_first() -> None:
    verdict = judge(Statistics(lag_p99=1.0), [(Level.INVALID, "worse"), (Level.SUSPECT, "other")])
    assert verdict.level is Level.INVALID
    assert verdict.reasons[0] == "worse"
    assert len(verdict.reasons) == 3
