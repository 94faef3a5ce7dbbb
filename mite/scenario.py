"""What a scenario function returns: lines of (journey spec, datapool, volume model)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol

from mite.datapools import DataPool


class VolumeModel(Protocol):
    """Any callable of (start, end), seconds since the run began, is a volume model."""

    def __call__(self, start: float, end: float, /) -> float:
        """How many journeys run at once in that period; StopVolumeModel when none ever will."""


Journey = Callable[..., Awaitable[Any]]


class StopVolumeModel(Exception):
    """Raised by a volume model whose time is over; its scenario line ends."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a scenario, checked and with its journey imported."""

    id: int
    journey_spec: str
    journey: Journey
    datapool: DataPool | None
    volume: VolumeModel
