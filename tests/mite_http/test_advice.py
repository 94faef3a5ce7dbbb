import re
from dataclasses import replace
from typing import Any

import pytest

from mite_http.advice import (
    SIGNS,
    Adviser,
    Facts,
    Sign,
    high_wait,
    poor_reuse,
    throttling,
    too_many_idle,
    unchosen_timeout,
)
from mite_http.snapshot import PoolStats

CALM = PoolStats("p")
HOG = Facts(hog=("slow:80", 0.9))
SHARED = Facts(hog=("a:80", 0.5))
DEFAULT = Facts(default_timeout=True)
IDLE = Facts(idle_for=30.0)
WAITING = {"finished": 100, "wait_p99": 0.2, "max_connections": 5}
PER_HOST = {"max_connections": None, "max_host_connections": 2}


@pytest.mark.parametrize(
    ("sign", "figures", "facts", "words"),
    [
        (high_wait, WAITING, Facts(), r"wait 200 ms .*raise max_connections \(now 5\)"),
        (high_wait, WAITING, SHARED, r"raise max_connections \(now 5\)"),
        (high_wait, WAITING, HOG, "slow:80 .*90%.*max_host_connections isolates"),
        (high_wait, {**WAITING, "max_host_connections": 2}, HOG, "raise max_connections"),
        (high_wait, {**WAITING, **PER_HOST}, HOG, r"raise max_host_connections \(now 2\)"),
        (high_wait, {**WAITING, "max_connections": None}, Facts(), None),
        (high_wait, {**WAITING, "finished": 99}, Facts(), None),
        (high_wait, {**WAITING, "wait_p99": 0.1}, Facts(), None),
        (
            poor_reuse,
            {"finished": 200, "reused": 190, "evicted": 3, "opened": 10},
            Facts(),
            r"poor reuse: 10 .* 3 evicted for 200 .*\(95% reused\): max_connects=100 is below",
        ),
        (poor_reuse, {"finished": 200, "reused": 190, "evicted": 2}, Facts(), None),
        (poor_reuse, {"finished": 200, "reused": 99, "evicted": 1}, Facts(), "50% reused"),
        (poor_reuse, {"finished": 200, "reused": 99, "evicted": 0}, Facts(), None),
        (poor_reuse, {"finished": 199, "reused": 9, "evicted": 99}, Facts(), None),
        (
            unchosen_timeout,
            {"timeouts": 1},
            DEFAULT,
            "1 requests .* default, 5 s: raise max_streams",
        ),
        (unchosen_timeout, {"timeouts": 1}, Facts(), None),
        (unchosen_timeout, {"timeouts": 0}, DEFAULT, None),
        (too_many_idle, {"idle": 15, "in_use": 6}, IDLE, "15 of 21 .* 30 s: lower max_connects"),
        (too_many_idle, {"idle": 15, "in_use": 5}, IDLE, None),
        (too_many_idle, {"idle": 20, "in_use": 20}, IDLE, None),
        (too_many_idle, {"idle": 50}, Facts(idle_for=29.9), None),
        (throttling, {"throttled": 10, "finished": 199}, Facts(), "10 of 199 .* 429 or 503"),
        (throttling, {"throttled": 10, "finished": 200}, Facts(), None),
        (throttling, {"throttled": 9, "finished": 20}, Facts(), None),
    ],
)
def test_signs(sign: Sign, figures: dict[str, Any], facts: Facts, words: str | None) -> None:
    said = sign(CALM, replace(CALM, **figures), facts)
    if words is None:
        assert said is None
    else:
        assert re.search(words, said or "")


def test_throttling_is_of_the_last_second() -> None:
    before = replace(CALM, throttled=50, finished=100)
    assert throttling(before, replace(CALM, throttled=59, finished=120), Facts()) is None
    assert throttling(before, replace(CALM, throttled=60, finished=120), Facts()) is not None


def test_each_is_said_once() -> None:
    adviser = Adviser()
    waiting = replace(CALM, finished=100, wait_p99=1.0, max_connections=5)
    assert len(list(adviser.advise(CALM, waiting, 1.0))) == 1
    assert list(adviser.advise(CALM, waiting, 2.0)) == []
    late = replace(waiting, timeouts=3)
    assert len(list(adviser.advise(CALM, late, 3.0, default_timeout=True))) == 1
    assert repr(adviser) == "Adviser(high_wait, unchosen_timeout)"
    assert repr(Adviser()) == "Adviser(no advice)"


def test_idle_connections_are_spoken_of_when_they_stay_idle() -> None:
    adviser = Adviser()
    idle = replace(CALM, idle=30)
    assert list(adviser.advise(CALM, idle, 100.0)) == []
    assert list(adviser.advise(CALM, CALM, 120.0)) == []
    assert list(adviser.advise(CALM, idle, 131.0)) == []
    assert list(adviser.advise(CALM, idle, 160.9)) == []
    assert len(list(adviser.advise(CALM, idle, 161.0))) == 1


def test_a_calm_pool_needs_no_advice() -> None:
    assert [sign for sign in SIGNS if sign(CALM, CALM, Facts())] == []
