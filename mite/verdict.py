"""Whether a run's figures can be believed: VALID, SUSPECT or INVALID, with the reasons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from mite import health

CPU_LIMIT = 0.85
LAG_LIMIT = 0.010


class Level(IntEnum):
    """The better, the lower."""

    VALID = 0
    SUSPECT = 1
    INVALID = 2


@dataclass(frozen=True, slots=True)
class Verdict:
    """The level, and a sentence for each thing that lowered it."""

    level: Level
    reasons: tuple[str, ...]

    def __str__(self) -> str:
        return self.level.name


def judge(seen: health.Statistics, others: Sequence[tuple[Level, str]] = ()) -> Verdict:
    """The verdict on a run whose generator was seen like this; ``others`` are further findings."""
    findings = [*_blocks(seen), *_saturation(seen), *others]
    level = max((level for level, _ in findings), default=Level.VALID)
    findings.sort(key=lambda finding: -finding[0])
    return Verdict(level, tuple(reason for _, reason in findings))


def _blocks(seen: health.Statistics) -> list[tuple[Level, str]]:
    findings = []
    for block in seen.blocks:
        times = "once" if block.count == 1 else f"{block.count} times"
        stood = f"up to {block.longest * 1e3:.0f} ms, {times}"
        if block.journey is None:
            reason = f"the generator's loop stood still ({stood}) at {block.location}"
            findings.append((Level.SUSPECT, reason))
        else:
            reason = f"the journey {block.journey} blocks the loop ({stood}) at {block.location}"
            findings.append((Level.INVALID, reason))
    return findings


def _saturation(seen: health.Statistics) -> list[tuple[Level, str]]:
    findings = []
    if seen.cpu_peak > CPU_LIMIT and seen.cpu_window >= health.CPU_WINDOW:
        reason = (
            f"the generator, not the system, was the bottleneck: it used {seen.cpu_peak:.0%} "
            f"of a core over {health.CPU_WINDOW:.0f} s (limit {CPU_LIMIT:.0%})"
        )
        findings.append((Level.SUSPECT, reason))
    if seen.lag_p99 > LAG_LIMIT:
        reason = (
            f"the generator's loop was late: p99 {seen.lag_p99 * 1e3:.1f} ms "
            f"(limit {LAG_LIMIT * 1e3:.0f} ms), so times may include its own delays"
        )
        findings.append((Level.SUSPECT, reason))
    return findings
