from collections.abc import Mapping
from typing import Any

import pytest

from mite import processors
from mite.codec import unpack_msg
from mite.exceptions import ConfigurationError
from mite.transport import Message
from mite.transport.local import LocalBus

HERE = __name__


class Taker:
    """Takes messages apart, as upstream's own do."""

    def __init__(self, opts: Mapping[str, Any]) -> None:
        self.opts = opts

    def process_message(self, msg: Message) -> None:
        self.opts["seen"].append(msg.pop("type"))


class Raw:
    def __init__(self, opts: Mapping[str, Any]) -> None:
        self.opts = opts

    def process_raw_message(self, raw: bytes) -> None:
        self.opts["seen"].append(unpack_msg(raw))


class Both(Taker):
    def process_raw_message(self, raw: bytes) -> None:
        raise AssertionError


class Fussy(Taker):
    def process_message(self, msg: Message) -> None:
        super().process_message(msg)
        raise ValueError("not that one")


class Neither:
    def __init__(self, opts: Mapping[str, Any]) -> None:
        pass


class Unmade:
    def __init__(self) -> None:
        pass


neither_class = 7


def served(names: str, *messages: Message) -> tuple[list[Any], LocalBus]:
    seen: list[Any] = []
    bus = LocalBus()
    for processor in processors.load(names, {"seen": seen}):
        bus.attach(processor)
    bus.start()
    for message in messages:
        bus.send(message)
    bus.stop()
    return seen, bus


def test_each_gets_every_message_and_none_can_change_it_for_others() -> None:
    message = {"type": "a", "x": 1}
    seen, _ = served(f"{HERE}:Taker,,{HERE}:Raw, {HERE}:Both", message, {"type": "b"})
    assert seen == ["a", {"type": "a", "x": 1}, "a", "b", {"type": "b"}, "b"]
    assert message == {"type": "a", "x": 1}


def test_none_is_none() -> None:
    assert served("", {"type": "a"})[0] == []


def test_one_that_raises_is_counted_and_told_of_once(caplog: pytest.LogCaptureFixture) -> None:
    seen, bus = served(f"{HERE}:Fussy,{HERE}:Taker", {"type": "a"}, {"type": "a"}, {"type": "a"})
    assert seen == ["a"] * 6
    assert bus.failures == {f"message processor {HERE}:Fussy": 3}
    (record,) = caplog.records
    said = record.getMessage()
    assert f"{HERE}:Fussy failed on a 'a' message: ValueError: not that one (" in said
    assert record.exc_info is None


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Takr", "no message processor 'Takr'"),
        ("Neither", "has not got a 'process_message' or a 'process_raw_message' method."),
        ("Unmade", "could not be made: TypeError: "),
        ("neither_class", "is a int, not a message processor"),
    ],
)
def test_a_wrong_one_is_one_sentence(name: str, words: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        processors.load(f"{HERE}:Taker,{HERE}:{name}", {})
    (sentence,) = raised.value.sentences
    assert words in sentence
    assert name in sentence


def test_all_wrong_ones_are_told_at_once() -> None:
    with pytest.raises(ConfigurationError) as raised:
        processors.load(f"{HERE}:Takr,{HERE}:Neither,nonsense", {})
    assert len(raised.value.sentences) == 3
