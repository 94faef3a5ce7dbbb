"""A thread that sees what the loop's thread is doing while the loop stands still.

The loop beats regularly.  When a beat is overdue, the thread looks at the loop thread's stack
once, and keeps which journey was running and where; the loop takes that when it comes back.
"""

from __future__ import annotations

import sys
import threading
from dataclasses import dataclass
from types import CodeType, FrameType

from mite.clock import Clock, monotonic
from mite.failure import is_machinery

_INTERVAL = 0.05
_OVERDUE = 0.15


@dataclass(frozen=True, slots=True)
class Sighting:
    """What was running while a beat was overdue."""

    journey: str | None
    location: str


class Watchdog:
    """Watches the thread that makes it; ``journey_code`` is the code that runs every journey."""

    def __init__(self, journey_code: CodeType, clock: Clock = monotonic) -> None:
        self._journey_code = journey_code
        self._clock = clock
        self._watched = threading.get_ident()
        # Written by the loop's thread, read by the watching one; each a single assignment.
        self._beat = clock()
        self._sighting: Sighting | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="mite-watchdog", daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        self.beat()
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stop.set()
        self._thread.join()

    def beat(self) -> None:
        """The loop is alive."""
        self._sighting = None
        self._beat = self._clock()

    def take(self) -> Sighting:
        """What was seen since the last beat."""
        return self._sighting or Sighting(None, "an unknown place")

    def _watch(self) -> None:
        while not self._stop.wait(_INTERVAL):
            if self._sighting is None and self._clock() - self._beat >= _OVERDUE:
                self._sighting = self._look()

    def _look(self) -> Sighting | None:
        frame = sys._current_frames().get(self._watched)  # noqa: SLF001 - its documented use
        return None if frame is None else sighting(frame, self._journey_code)


def sighting(frame: FrameType, journey_code: CodeType) -> Sighting:
    """Who is at work in the stack that ends at ``frame``: the user's outermost line of it."""
    place = None
    walked: FrameType | None = frame
    while walked is not None and walked.f_code is not journey_code:
        if not is_machinery(walked.f_globals):
            place = walked
        walked = walked.f_back
    if walked is None:
        place = None if is_machinery(frame.f_globals) else frame
    if place is None:
        # Mite's own work between two journeys is no journey's fault.
        return Sighting(None, "a place of mite's own")
    journey = None if walked is None else walked.f_locals["self"].line.journey_spec
    code = place.f_code
    return Sighting(journey, f"{code.co_filename}:{place.f_lineno}:{code.co_name}")
