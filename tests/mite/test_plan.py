import re
import sys
from collections.abc import Callable
from typing import Any

import pytest

from mite import plan, specs
from mite.config import ConfigManager
from mite.datapools import IterableDataPool
from mite.exceptions import ConfigurationError
from mite.volume import Constant, Ramp

JOURNEY = f"{__name__}:browse"
POOL = IterableDataPool([])
VOLUME = Constant(5, 1)

Make = Callable[[Any], list[str]]


async def browse(ctx: object) -> None: ...


async def buy(ctx: object, item: int) -> None: ...


@pytest.fixture
def faults(monkeypatch: pytest.MonkeyPatch) -> Make:
    """The sentences about what a scenario function returned."""

    def make(rows: Any) -> list[str]:
        monkeypatch.setattr(specs, "scenario", lambda spec: lambda: rows)
        with pytest.raises(ConfigurationError) as raised:
            plan.from_scenario("m:s", ConfigManager(), None)
        return list(raised.value.sentences)

    return make


def test_lines_are_numbered_and_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    def scenario(config: ConfigManager, sender: object) -> list[Any]:
        assert (config.get("x"), sender) == (3, "the sender")
        return [[JOURNEY, POOL, VOLUME], (JOURNEY, "mite.example:datapool", lambda s, e: 1)]

    monkeypatch.setattr(specs, "scenario", lambda spec: scenario)
    config = ConfigManager()
    config.set("x", 3)
    first, second = plan.from_scenario("m:s", config, "the sender")
    assert (first.id, first.journey_spec, first.datapool, first.volume) == (
        1,
        JOURNEY,
        POOL,
        VOLUME,
    )
    assert second.id == 2
    assert second.datapool is specs.datapool("mite.example:datapool")


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (None, "returned NoneType; it must return a list"),
        ("text", "returned str"),
        ([], "returned an empty list"),
        ([7], "line 1 of the scenario 'm:s' is 7; it must be"),
        ([(JOURNEY, None)], "line 1 of the scenario 'm:s' has 2 parts"),
        ([(specs, None, VOLUME)], "a journey is named by a string"),
        ([(JOURNEY, 5, VOLUME)], "the datapool in line 1 .* is a int"),
        ([(JOURNEY, None, 5)], "has the volume model 5; it must be"),
        ([(JOURNEY, None, Ramp(5))], "has an impossible volume model: .* needs 'frm'"),
    ],
)
def test_a_wrong_shape_is_one_sentence(faults: Make, rows: Any, words: str) -> None:
    (sentence,) = faults(rows)
    assert re.search(words, sentence), sentence


def test_all_faults_are_told_at_once(faults: Make) -> None:
    assert (
        len(faults([7, (JOURNEY, None, VOLUME), (JOURNEY, None), ("no:such", None, VOLUME)])) == 3
    )


def test_other_parameters_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(specs, "scenario", lambda spec: lambda config, weather: [])
    with pytest.raises(ConfigurationError, match="asks for 'weather'"):
        plan.from_scenario("m:s", ConfigManager(), None)


def test_a_scenario_that_fails_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(specs, "scenario", lambda spec: lambda: 1 / 0)
    with pytest.raises(ConfigurationError, match=r"failed: ZeroDivisionError: .*test_plan.py line"):
        plan.from_scenario("m:s", ConfigManager(), None)


def test_what_has_a_default_need_not_be_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    def scenario(config: object, n: int = 3, *rest: object, **more: object) -> list[Any]:
        assert not more
        return [(JOURNEY, None, Constant(1, n))]

    monkeypatch.setattr(specs, "scenario", lambda spec: scenario)
    (line,) = plan.from_scenario("m:s", ConfigManager(), None)
    assert line.volume == Constant(1, 3)


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (dict, "'m:s' does not say which parameters it takes"),
        (lambda: (row for row in [1 / 0]), "the scenario 'm:s' failed: ZeroDivisionError"),
        (lambda: sys.exit(0), r"the scenario 'm:s' failed: it calls sys.exit\(0\)"),
        (lambda: [(JOURNEY, None, Restless())], "whose 'starts' failed: RuntimeError"),
    ],
)
def test_a_scenario_of_any_make_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, function: Callable[..., Any], words: str
) -> None:
    monkeypatch.setattr(specs, "scenario", lambda spec: function)
    with pytest.raises(ConfigurationError, match=words):
        plan.from_scenario("m:s", ConfigManager(), None)


class Restless:
    @property
    def starts(self) -> int:
        raise RuntimeError

    def __call__(self, start: float, end: float) -> int:
        return 1


def test_a_journey_that_needs_data_is_refused_without_a_datapool(faults: Make) -> None:
    spec = f"{__name__}:buy"
    words = f"the journey '{spec}' has 'item' after its context, and no datapool"
    (sentence,) = faults([(spec, None, VOLUME)])
    assert sentence.startswith(words)
    with pytest.raises(ConfigurationError, match=re.escape(words)):
        plan.from_journey(spec, None, VOLUME)
    assert plan.from_journey(spec, POOL, VOLUME)[0].datapool is POOL


def test_planned_duration() -> None:
    def lines(*volumes: Any) -> list[Any]:
        return [plan.from_journey(JOURNEY, None, volume)[0] for volume in volumes]

    assert plan.planned_duration(lines(Constant(5, 1), Constant(7, 1) + Constant(2, 2))) == 9
    assert plan.planned_duration(lines(Constant(5, 1), lambda s, e: 1)) is None
