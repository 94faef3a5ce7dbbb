import json
import sys
from typing import Any

from mite import failure
from mite.separation import ensure_fixed_separation


def caught(raiser: object) -> BaseException:
    try:
        raiser()  # type: ignore[operator]
    except BaseException as error:  # noqa: BLE001
        return error
    raise AssertionError


def divide() -> None:
    _ = 1 / 0


def test_location_is_the_line_that_failed() -> None:
    place = failure.location(caught(divide).__traceback__)
    file, number, function = place.rsplit(":", 2)
    assert file == __file__
    assert number == str(divide.__code__.co_firstlineno + 1)
    assert function == "divide"


def test_location_skips_the_machinery() -> None:
    def inside() -> None:
        ensure_fixed_separation(1)._seconds(1)  # type: ignore[call-arg]

    assert failure.location(caught(inside).__traceback__).endswith(":inside")


def test_location_in_a_library_is_the_librarys() -> None:
    place = failure.location(caught(lambda: json.loads("{")).__traceback__)
    assert "json" in place


def test_location_of_a_failure_without_a_line_of_the_users() -> None:
    names: dict[str, Any] = {"__name__": "mite.crew"}
    exec("def perform():\n    raise TypeError", names)  # noqa: S102 - a frame of mite's own
    tb = caught(names["perform"]).__traceback__
    assert tb is not None
    assert failure.location(tb.tb_next) == failure.NOWHERE


def test_location_of_nothing() -> None:
    assert failure.location(None) == "unknown:0:none"


def test_sentence_is_the_last_line_of_a_traceback() -> None:
    assert failure.sentence(ValueError("bad")) == "ValueError: bad"
    assert failure.sentence(KeyboardInterrupt()) == "KeyboardInterrupt"
    decoding = json.JSONDecodeError("no value", "{", 1)
    assert failure.sentence(decoding).startswith("json.decoder.JSONDecodeError: no value: line 1")


def test_stacktrace_names_the_frames() -> None:
    error = caught(divide)
    assert "in divide" in failure.stacktrace(error.__traceback__)
    assert failure.stacktrace(None) == ""
    assert sys.exc_info() == (None, None, None)
