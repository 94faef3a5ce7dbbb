from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mite import volume_model
from mite.scenario import StopVolumeModel
from mite.volume import Constant, Model, Nothing, Ramp, oneshot_vm


def test_public_names_are_upstreams() -> None:
    assert set(volume_model.__all__) >= {"Constant", "Nothing", "Ramp", "oneshot_vm"}
    assert volume_model.Constant is Constant


def test_constant_until_its_end() -> None:
    model = Constant(tps=3, duration=10)
    assert [model(0, 1), model(9, 10), model(10, 11)] == [3, 3, 3]
    with pytest.raises(StopVolumeModel):
        model(10.5, 11)


def test_nothing() -> None:
    assert Nothing(5)(2, 3) == 0


def test_chain_with_ramps_between() -> None:
    model = Constant(10, 1) + Ramp(10) + Constant(20, 101) + Ramp(10, to=0)
    assert model.duration == 50
    assert [model(t, t + 1) for t in (0, 9, 10, 15, 20, 39, 40, 45, 49)] == [
        1,
        1,
        1,
        51,
        101,
        101,
        101,
        50,
        10,
    ]
    with pytest.raises(StopVolumeModel):
        model(51, 52)


def test_ramp_alone_needs_both_ends() -> None:
    assert Ramp(10, frm=0, to=10)(4, 5) == 4
    with pytest.raises(ValueError, match="needs 'to'"):
        Ramp(10, frm=0)(4, 5)


def odd(value: object) -> Any:
    """A value that the signature does not allow."""
    return value


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (Ramp(10) + Constant(10, 1), "needs 'frm'"),
        (Constant(10, 1) + Ramp(10), "needs 'to'"),
        (Constant(10, 1) + Ramp(10, frm=2) + Constant(10, 5), "neighbour stands at 1"),
        (Constant(10, 1) + Ramp(10, to=4) + Constant(10, 5), "neighbour stands at 5"),
        (Constant(10, 1) + Ramp(10) + Ramp(10, to=0), "needs 'to'"),
        (Constant(10, -1), "below zero"),
        (Nothing(-1), "below zero"),
        (Constant(float("nan"), 1), "the duration of .* is nan"),
        (Constant(odd("1"), 1), "the duration of .* is '1', no number"),
        (Constant(odd(None), 1), "the duration of .* is None, no number"),
        (Constant(1, float("inf")), "the volume of .* is inf"),
        (Constant(1, odd("3")), "the volume of .* is '3', no number"),
        (Ramp(1, frm=odd("a"), to=3), "the 'frm' of .* is 'a', no number"),
        (Constant(1, odd("3")) + Ramp(1, to=3), "the volume of .* is '3', no number"),
        (Ramp(5, frm=0, to=-3), "below zero"),
    ],
)
def test_impossible_models_say_why(model: Model, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        model.check()


def test_ramp_after_ramp_with_a_known_middle() -> None:
    model = Ramp(10, frm=0, to=10) + Ramp(10, to=0)
    model.check()
    assert [model(5, 6), model(10, 11), model(15, 16)] == [5, 10, 5]


def test_only_models_can_be_added() -> None:
    with pytest.raises(ValueError, match="can only be joined"):
        Constant(10, 1) + 3


@given(st.lists(st.tuples(st.integers(1, 50), st.integers(0, 100)), min_size=1, max_size=6))
def test_addition_is_associative_and_keeps_each_part(parts: list[tuple[int, int]]) -> None:
    models = [Constant(duration, tps) for duration, tps in parts]
    left: Model = models[0]
    for model in models[1:]:
        left = left + model
    right: Model = models[-1]
    for model in reversed(models[:-1]):
        right = model + right
    begin = 0
    for duration, tps in parts:
        assert left(begin, begin + 1) == right(begin, begin + 1) == tps
        begin += duration
    assert left.duration == right.duration == begin


def test_oneshot_fires_once() -> None:
    model = oneshot_vm(when=2)
    assert [model(0, 1), model(1, 2), model(2, 3), model(3, 4)] == [0, 0, 0, 1]
    with pytest.raises(StopVolumeModel):
        model(4, 5)


def test_oneshot_may_stop_before_its_time() -> None:
    with pytest.raises(StopVolumeModel):
        oneshot_vm(when=5, stop_scenario=True)(0, 1)
