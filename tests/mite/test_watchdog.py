import sys
import threading
from collections.abc import Callable
from types import CodeType, SimpleNamespace
from typing import Any

from mite.clock import FakeClock
from mite.watchdog import Sighting, Watchdog, sighting
from tests.servers.conditions import wait_until


def _walk(code: CodeType) -> Sighting:
    return journey()


class Crew:
    def __init__(self) -> None:
        self.line = SimpleNamespace(journey_spec="shop:browse")
        self.then: Callable[[CodeType], Sighting] = _walk

    def perform(self) -> Sighting:
        return self.then(Crew.perform.__code__)


def journey() -> Sighting:
    return deeper()


def deeper() -> Sighting:
    return sighting(sys._getframe(), Crew.perform.__code__)


def test_sighting_names_the_journey_and_its_own_line() -> None:
    seen = Crew().perform()
    assert seen.journey == "shop:browse"
    assert seen.location == f"{__file__}:{_walk.__code__.co_firstlineno + 1}:_walk"


def test_sighting_outside_of_a_journey_names_the_innermost_line() -> None:
    seen = deeper()
    assert seen.journey is None
    assert seen.location.endswith(":deeper")


def test_mites_own_work_is_no_journeys_fault() -> None:
    names: dict[str, Any] = {"__name__": "mite.histogram", "sighting": sighting, "sys": sys}
    exec("def look(code):\n    return sighting(sys._getframe(), code)", names)  # noqa: S102
    crew = Crew()
    crew.then = names["look"]
    assert crew.perform() == Sighting(None, "a place of mite's own")


def test_looks_only_when_a_beat_is_overdue() -> None:
    clock = FakeClock()
    dog = Watchdog(Crew.perform.__code__, clock)
    dog.start()
    try:
        assert dog.take() == Sighting(None, "an unknown place")
        clock.advance(0.2)
        wait_until(lambda: dog.take().location != "an unknown place", "the watchdog to look")
        assert "threading.py" not in dog.take().location
        dog.beat()
        assert dog.take() == Sighting(None, "an unknown place")
    finally:
        dog.stop()
    assert "mite-watchdog" not in {thread.name for thread in threading.enumerate()}
