"""What a Timeout is made of, and what it refuses."""

import dataclasses
import math
from typing import Any

import pytest

import acurl
from acurl.timeouts import DEFAULT_TIMEOUT, as_timeout


def limits(timeout: acurl.Timeout) -> dict[str, float | None]:
    return dataclasses.asdict(timeout)


def test_defaults() -> None:
    assert limits(acurl.Timeout()) == {
        "connect": 10,
        "read": None,
        "write": None,
        "pool": 5,
        "total": 60,
    }
    assert acurl.Timeout() == DEFAULT_TIMEOUT


def test_the_positional_value_sets_all_but_total() -> None:
    assert limits(acurl.Timeout(3)) == {"connect": 3, "read": 3, "write": 3, "pool": 3, "total": 60}
    assert limits(acurl.Timeout(None)) == {
        "connect": None,
        "read": None,
        "write": None,
        "pool": None,
        "total": 60,
    }


def test_a_named_limit_wins_over_the_positional_value() -> None:
    assert limits(acurl.Timeout(3, read=0.5, connect=None, total=9)) == {
        "connect": None,
        "read": 0.5,
        "write": 3,
        "pool": 3,
        "total": 9,
    }


def test_what_users_give() -> None:
    assert as_timeout(2) == acurl.Timeout(2)
    assert as_timeout(None) == acurl.Timeout(None, total=None)
    assert as_timeout(DEFAULT_TIMEOUT) is DEFAULT_TIMEOUT


def test_is_a_value() -> None:
    assert hash(acurl.Timeout(1)) == hash(acurl.Timeout(1.0))
    with pytest.raises(dataclasses.FrozenInstanceError):
        acurl.Timeout(1).total = 3  # type: ignore[misc]


@pytest.mark.parametrize("name", ["connect", "read", "write", "total"])
@pytest.mark.parametrize("value", [0, -1, math.inf, math.nan, True, "5", [1]])
def test_a_bad_limit_is_named(name: str, value: Any) -> None:
    with pytest.raises(acurl.RequestError) as caught:
        acurl.Timeout(**{name: value})
    assert str(caught.value).startswith(f"timeout {name}={value!r}: must be ")
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize("value", [0, "soon", ()])
def test_a_bad_timeout_is_refused(value: Any) -> None:
    with pytest.raises(acurl.RequestError, match="must be"):
        as_timeout(value)
