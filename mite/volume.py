"""Volume models: how many journeys run at once, as a pure function of elapsed time.

``Nothing``, ``Constant`` and ``Ramp`` are joined in time by ``+``.  Any callable of (start, end)
is a volume model as well; see ``mite.scenario.VolumeModel``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import isinf, isnan
from typing import Any

from mite.scenario import StopVolumeModel, VolumeModel


@dataclass
class Model:
    """A stretch of ``duration`` seconds; at its very end it still has its last volume."""

    duration: float

    def __call__(self, start: float, end: float) -> int:
        """The volume for the period from ``start`` to ``end``, or StopVolumeModel when over."""
        if start > self.duration:
            raise StopVolumeModel
        return int(self.volume_at(start))

    def __add__(self, other: object) -> Compound:
        if not isinstance(other, Model):
            raise ValueError(  # noqa: TRY004 - what upstream raises
                f"a volume model can only be joined to another one, not to {other!r}"
            )
        return Compound(duration=self.duration + other.duration, parts=self._flat() + other._flat())

    def check(self) -> None:
        """Raise ValueError when the model can never run."""
        _not_below_zero(self, "duration", self.duration)

    def volume_at(self, elapsed: float) -> float:
        """How many journeys run at once ``elapsed`` seconds into this stretch."""
        raise NotImplementedError

    def _flat(self) -> tuple[Model, ...]:
        return (self,)


@dataclass
class Nothing(Model):
    """No journeys for ``duration`` seconds."""

    def volume_at(self, elapsed: float) -> float:
        return 0


@dataclass
class Constant(Model):
    """``tps`` journeys at once (upstream's name; it is a number of users, not a rate)."""

    tps: float

    def check(self) -> None:
        super().check()
        _not_below_zero(self, "volume", self.tps)

    def volume_at(self, elapsed: float) -> float:
        return self.tps


@dataclass
class Ramp(Model):
    """From one volume to another in a straight line.

    Between two models both ends are theirs; the first of a chain needs ``frm``, the last ``to``.
    """

    to: float | None = None
    frm: float | None = None

    def check(self) -> None:
        super().check()
        for name, value in (("frm", self.frm), ("to", self.to)):
            if value is None:
                raise ValueError(
                    f"{self!r} needs {name!r}: no neighbour in its chain says where it "
                    f"{'begins' if name == 'frm' else 'ends'}"
                )
            _not_below_zero(self, repr(name), value)

    def volume_at(self, elapsed: float) -> float:
        if self.frm is None or self.to is None:
            self.check()
            return 0
        passed = elapsed / self.duration if self.duration else 1.0
        return self.frm + (self.to - self.frm) * passed

    def between(self, before: Model | None, after: Model | None) -> Ramp:
        """This ramp with both ends known, taken from its neighbours where not given."""
        return Ramp(
            self.duration,
            frm=_agree(self, "frm", self.frm, None if before is None else _last(before)),
            to=_agree(self, "to", self.to, None if after is None else _first(after)),
        )


def _not_below_zero(model: Model, name: str, value: object) -> None:
    number = _number(value)
    if number is None:
        raise ValueError(f"the {name} of {model!r} is {value!r}, no number")
    if number < 0:
        raise ValueError(f"the {name} of {model!r} is below zero")
    if isnan(number) or (isinf(number) and name != "duration"):
        raise ValueError(f"the {name} of {model!r} is {value!r}, no number that can be run")


def _number(value: Any) -> float | None:
    try:
        return None if isinstance(value, (str, bytes, bytearray)) else float(value)
    except (TypeError, ValueError, OverflowError):
        return None


def _first(model: Model) -> float | None:
    return model.frm if isinstance(model, Ramp) else model.volume_at(0)


def _last(model: Model) -> float:
    return model.volume_at(model.duration)


def _agree(ramp: Ramp, name: str, given: float | None, found: float | None) -> float | None:
    if given is not None and found is not None and given != found:
        raise ValueError(f"{ramp!r} has {name}={given:g}, but its neighbour stands at {found:g}")
    return found if given is None else given


@dataclass
class Compound(Model):
    """Models one after another; made by ``+``."""

    parts: tuple[Model, ...]
    _timed: list[tuple[float, Model]] = field(default_factory=list, init=False, repr=False)

    def check(self) -> None:
        for part in self.parts:
            if not isinstance(part, Ramp):
                part.check()
        for _, part in self._resolved():
            part.check()

    def volume_at(self, elapsed: float) -> float:
        begin, part = next(
            (begin, part) for begin, part in reversed(self._resolved()) if begin <= max(elapsed, 0)
        )
        return part.volume_at(elapsed - begin)

    def _resolved(self) -> list[tuple[float, Model]]:
        """Each part with the second it begins at, its ramps' ends filled in."""
        if not self._timed:
            timed: list[tuple[float, Model]] = []
            begin = 0.0
            before: Model | None = None
            for part, after in zip(self.parts, (*self.parts[1:], None), strict=True):
                before = part.between(before, after) if isinstance(part, Ramp) else part
                before.check()
                timed.append((begin, before))
                begin += part.duration
            self._timed = timed
        return self._timed

    def _flat(self) -> tuple[Model, ...]:
        return self.parts


class OneShot:
    """Starts exactly one journey, in the first period that begins after ``when`` seconds."""

    tps = 1
    starts = 1
    """How many journeys the runner starts in all."""

    def __init__(self, when: float, *, stop_scenario: bool) -> None:
        self.duration = when
        self._stop_scenario = stop_scenario
        self._has_run = False

    def __repr__(self) -> str:
        return f"oneshot_vm(when={self.duration:g})"

    def __call__(self, start: float, end: float) -> int:
        """1 once, then StopVolumeModel."""
        if start > self.duration and not self._has_run:
            self._has_run = True
            return 1
        if self._stop_scenario or self._has_run:
            raise StopVolumeModel
        return 0


def oneshot_vm(
    when: float = -1,
    stop_scenario: bool = False,
) -> VolumeModel:
    """A volume model that starts exactly one journey, ``when`` seconds into the run."""
    return OneShot(when, stop_scenario=stop_scenario)
