import logging

import pytest

from mite.transport import Message
from mite.transport.local import LocalBus


class Recorder:
    """A consumer that writes down what happens to it."""

    def __init__(self, name: str, types: frozenset[str] | None, log: list[str]) -> None:
        self.name = name
        self.types = types
        self.log = log

    def describe(self) -> str:
        return self.name

    def start(self) -> None:
        self.log.append(f"{self.name} starts")

    def add(self, message: Message) -> None:
        self.log.append(f"{self.name} {message['type']}")

    def stop(self) -> None:
        self.log.append(f"{self.name} stops")


class Broken(Recorder):
    def add(self, message: Message) -> None:
        raise ValueError("cannot count that")

    def stop(self) -> None:
        raise ValueError("cannot flush")


def test_messages_reach_the_consumers_of_their_type() -> None:
    log: list[str] = []
    bus = LocalBus()
    bus.attach(Recorder("all", None, log))
    bus.attach(Recorder("some", frozenset({"txn"}), log))
    bus.start()
    for message_type in ("txn", "other", "txn"):
        bus.send({"type": message_type})
    bus.stop()
    assert log == [
        "all starts",
        "some starts",
        "all txn",
        "some txn",
        "all other",
        "all txn",
        "some txn",
        "all stops",
        "some stops",
    ]


def test_a_consumer_that_fails_stops_no_other_and_is_counted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    log: list[str] = []
    bus = LocalBus()
    bus.attach(Broken("bad", None, log))
    bus.attach(Recorder("good", None, log))
    with caplog.at_level(logging.ERROR):
        bus.send({"type": "a"})
        bus.send({"type": "a"})
        bus.stop()
    assert log == ["good a", "good a", "good stops"]
    assert bus.failures == {"bad": 2}
    assert caplog.text.count("bad failed on a 'a' message") == 1
    assert "stopping bad failed" in caplog.text
    assert repr(bus) == "LocalBus(2 consumers, 2 failures)"


def test_types_without_end_take_no_more_memory() -> None:
    bus = LocalBus()
    log: list[str] = []
    bus.attach(Recorder("all", None, log))
    for number in range(1_500):
        bus.send({"type": f"type {number}"})
    assert len(log) == 1_500
    assert len(bus._routes) == 1_000
