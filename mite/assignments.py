"""Decides how many journeys of each scenario line run at once.  Pure: no clock, no tasks.

The volume models give the plan, once per period.  The targets follow it: down at once, up no
faster than the spawn rate.  A target never exceeds its plan, and time that was missed (a loop
that stood still) is not made up for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mite import specs
from mite.exceptions import ConfigurationError
from mite.scenario import StopVolumeModel, VolumeModel
from mite.volume import Model

_BURST_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Decision:
    """How many journeys of each line the models ask for, and how many may run now."""

    planned: Mapping[int, int]
    targets: Mapping[int, int]
    ended: frozenset[int]

    @property
    def over(self) -> bool:
        """Whether every line has ended."""
        return len(self.ended) == len(self.targets)


class Assignments:
    """The plan and the targets of one run, as of the last ``advance``."""

    def __init__(
        self,
        models: Mapping[int, VolumeModel],
        *,
        period: float = 1.0,
        spawn_rate: float = 1000.0,
        ceiling: int | None = None,
    ) -> None:
        self._models = dict(models)
        self._period = period
        self._spawn_rate = spawn_rate
        self._ceiling = ceiling
        # Changed by advance and end only.
        self._planned = dict.fromkeys(models, 0)
        self._targets = dict.fromkeys(models, 0)
        self._ended: set[int] = set()
        self._asked = -1
        self._elapsed = 0.0
        self._budget = 1.0

    def __repr__(self) -> str:
        return f"Assignments({self._elapsed:g} s, planned {self._planned}, targets {self._targets})"

    def end(self, line: int) -> None:
        """The line can run nothing any more, whatever its model says."""
        self._ended.add(line)
        self._planned[line] = self._targets[line] = 0

    def advance(self, elapsed: float) -> Decision:
        """Decide for ``elapsed`` seconds since the run began; never called with an earlier time."""
        self._end_finished_models(elapsed)
        period = int(elapsed / self._period)
        if period != self._asked:
            self._asked = period
            self._ask(period * self._period)
        passed = elapsed - self._elapsed
        self._elapsed = elapsed
        most = max(1.0, self._spawn_rate * _BURST_SECONDS)
        self._budget = min(self._budget + passed * self._spawn_rate, most)
        self._follow(self._within_ceiling())
        return Decision(dict(self._planned), dict(self._targets), frozenset(self._ended))

    def _end_finished_models(self, elapsed: float) -> None:
        for line, model in self._models.items():
            if isinstance(model, Model) and elapsed >= model.duration:
                self.end(line)

    def _ask(self, start: float) -> None:
        for line, model in self._models.items():
            if line in self._ended:
                continue
            end = start + self._period
            try:
                volume = model(start, min(end, model.duration) if isinstance(model, Model) else end)
            except StopVolumeModel:
                # One that starts so many and no more is over when these have started.
                if not getattr(model, "starts", 0) or self._targets[line] >= self._planned[line]:
                    self.end(line)
            except KeyboardInterrupt:
                raise
            except BaseException as error:
                raise ConfigurationError(
                    f"the volume model of scenario line {line} failed for {start:g} to {end:g} s: "
                    f"{specs.described(error)}."
                ) from error
            else:
                self._planned[line] = _journeys(volume, line)

    def _within_ceiling(self) -> dict[int, int]:
        """The plan, cut down in proportion where it exceeds the ceiling."""
        total = sum(self._planned.values())
        if self._ceiling is None or total <= self._ceiling:
            return dict(self._planned)
        exact = {line: n * self._ceiling / total for line, n in self._planned.items()}
        shares = {line: int(share) for line, share in exact.items()}
        by_remainder = sorted(exact, key=lambda line: shares[line] - exact[line])
        for line in by_remainder[: self._ceiling - sum(shares.values())]:
            shares[line] += 1
        return shares

    def _follow(self, wanted: Mapping[int, int]) -> None:
        growing = []
        for line, target in self._targets.items():
            if wanted[line] > target:
                growing.append(line)
            else:
                self._targets[line] = wanted[line]
        for position, line in enumerate(growing):
            fair = -(-int(self._budget) // (len(growing) - position))
            more = min(wanted[line] - self._targets[line], fair)
            self._targets[line] += more
            self._budget -= more


def _journeys(volume: object, line: int) -> int:
    try:
        number = int(volume)  # type: ignore[call-overload]
    except (TypeError, ValueError, OverflowError):
        number = -1
    if number < 0:
        raise ConfigurationError(
            f"the volume model of scenario line {line} returned {volume!r}; "
            "it must return how many journeys run at once, a number not below zero."
        )
    return int(number)
