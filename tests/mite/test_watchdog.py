import sys
import threading
from types import SimpleNamespace

from mite.clock import FakeClock
from mite.watchdog import Sighting, Watchdog, sighting
from tests.servers.conditions import wait_until


class Crew:
    def __init__(self) -> None:
        self.line = SimpleNamespace(journey_spec="shop:browse")

    def perform(self) -> Sighting:
        return journey()


def journey() -> Sighting:
    return deeper()


def deeper() -> Sighting:
    return sighting(sys._getframe(), Crew.perform.__code__)


def test_sighting_names_the_journey_and_its_own_line() -> None:
    seen = Crew().perform()
    assert seen.journey == "shop:browse"
    assert seen.location == f"{__file__}:{journey.__code__.co_firstlineno + 1}:journey"


def test_sighting_outside_of_a_journey_names_the_innermost_line() -> None:
    seen = deeper()
    assert seen.journey is None
    assert seen.location.endswith(":deeper")


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
