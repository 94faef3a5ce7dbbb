import pytest
from hypothesis import given
from hypothesis import strategies as st

from mite.assignments import Assignments
from mite.exceptions import ConfigurationError
from mite.scenario import StopVolumeModel, VolumeModel
from mite.volume import Constant, Nothing, Ramp, oneshot_vm


def fast(models: dict[int, VolumeModel], **options: float) -> Assignments:
    return Assignments(models, spawn_rate=1e9, **options)  # type: ignore[arg-type]


def test_targets_follow_the_models() -> None:
    assignments = fast({1: Constant(10, 5), 2: Nothing(3) + Constant(7, 2)})
    assert assignments.advance(0.0).targets == {1: 1, 2: 0}
    assert assignments.advance(0.05).targets == {1: 5, 2: 0}
    assert assignments.advance(3.0).targets == {1: 5, 2: 2}


def test_a_model_ends_when_its_duration_has_passed() -> None:
    assignments = fast({1: Constant(2.5, 5)})
    assert not assignments.advance(2.49).over
    decision = assignments.advance(2.5)
    assert decision.over
    assert decision.targets == decision.planned == {1: 0}


def test_models_are_asked_once_a_period() -> None:
    asked: list[tuple[float, float]] = []

    def model(start: float, end: float) -> int:
        asked.append((start, end))
        return 1

    assignments = fast({1: model}, period=0.5)
    for tick in range(30):
        assignments.advance(tick / 20)
    assert asked == [(0.0, 0.5), (0.5, 1.0), (1.0, 1.5)]


def test_periods_that_were_missed_are_not_made_up() -> None:
    asked: list[float] = []

    def model(start: float, end: float) -> int:
        asked.append(start)
        return 1

    assignments = fast({1: model})
    assignments.advance(0.0)
    assignments.advance(7.3)
    assert asked == [0.0, 7.0]


def test_stop_volume_model_ends_a_line() -> None:
    def model(start: float, end: float) -> int:
        if start >= 2:
            raise StopVolumeModel
        return 4

    assignments = fast({1: model})
    assert not assignments.advance(1.9).over
    assert assignments.advance(2.0).ended == {1}


def test_a_line_can_be_ended_from_outside() -> None:
    assignments = fast({1: Constant(10, 5), 2: Constant(10, 5)})
    assignments.end(1)
    decision = assignments.advance(1.0)
    assert decision.targets == {1: 0, 2: 5}
    assert decision.ended == {1}
    assert not decision.over


def test_growth_keeps_to_the_spawn_rate() -> None:
    assignments = Assignments({1: Constant(100, 1000)}, spawn_rate=100)
    started = [assignments.advance(tick / 20).targets[1] for tick in range(41)]
    assert started[0] == 1
    assert started[20] == pytest.approx(100, abs=2)
    assert started[40] == pytest.approx(200, abs=2)


def test_a_stall_does_not_save_up_growth() -> None:
    assignments = Assignments({1: Constant(100, 1000)}, spawn_rate=100)
    assignments.advance(0.0)
    assert assignments.advance(5.0).targets[1] <= 11


def test_slow_growth_is_slow() -> None:
    assignments = Assignments({1: Constant(100, 10)}, spawn_rate=0.5)
    counts = [assignments.advance(tick / 20).targets[1] for tick in range(201)]
    assert counts[-1] == pytest.approx(6, abs=1)


def test_shrinking_is_at_once() -> None:
    assignments = fast({1: Constant(1, 50) + Constant(9, 3)})
    assignments.advance(0.9)
    assert assignments.advance(1.0).targets == {1: 3}


def test_ceiling_cuts_in_proportion_and_exactly() -> None:
    assignments = fast({1: Constant(10, 60), 2: Constant(10, 30), 3: Constant(10, 10)}, ceiling=7)
    targets = assignments.advance(0.5).targets
    assert sum(targets.values()) == 7
    assert targets == {1: 4, 2: 2, 3: 1}


@pytest.mark.parametrize("volume", [None, "many", -1, float("nan"), float("inf")])
def test_a_volume_that_is_no_number_is_refused(volume: object) -> None:
    assignments = fast({4: lambda start, end: volume})  # type: ignore[dict-item]
    with pytest.raises(ConfigurationError, match="scenario line 4 returned"):
        assignments.advance(0.0)


def test_oneshots_wait_for_the_spawn_rate() -> None:
    assignments = Assignments(
        {number: oneshot_vm() for number in (1, 2, 3)}, period=0.05, spawn_rate=2
    )
    started: set[int] = set()
    over = False
    for tick in range(60):
        decision = assignments.advance(tick / 20)
        over = decision.over
        for line, target in decision.targets.items():
            if target:
                started.add(line)
                assignments.end(line)
        assert len(started) <= 1 + tick // 10
    assert started == {1, 2, 3}
    assert over


def test_a_model_that_exits_is_a_fault() -> None:
    def model(start: float, end: float) -> int:
        raise SystemExit(0)

    with pytest.raises(ConfigurationError, match=r"line 1 failed .*it calls sys.exit\(0\)"):
        fast({1: model}).advance(0.0)


def test_a_model_that_fails_is_named() -> None:
    assignments = fast({1: lambda start, end: 1 / 0})
    with pytest.raises(ConfigurationError, match="line 1 failed for 0 to 1 s: ZeroDivisionError"):
        assignments.advance(0.0)


@given(
    st.lists(st.tuples(st.integers(1, 20), st.integers(0, 50)), min_size=1, max_size=4),
    st.lists(st.floats(0.001, 3), min_size=1, max_size=60),
    st.floats(0.1, 1000),
    st.one_of(st.none(), st.integers(1, 60)),
)
def test_targets_never_exceed_plan_rate_or_ceiling(
    shapes: list[tuple[int, int]], steps: list[float], rate: float, ceiling: int | None
) -> None:
    models: dict[int, VolumeModel] = {
        n: Ramp(duration, frm=0, to=volume) + Constant(5, volume)
        for n, (duration, volume) in enumerate(shapes)
    }
    assignments = Assignments(models, spawn_rate=rate, ceiling=ceiling)
    elapsed, before = 0.0, 0
    for step in [0.0, *steps]:
        elapsed += step
        decision = assignments.advance(elapsed)
        total = sum(decision.targets.values())
        assert all(decision.targets[n] <= decision.planned[n] for n in models)
        assert ceiling is None or total <= ceiling
        assert total - before <= max(1.0, rate * 0.1) + 1e-9
        before = total


def test_repr_is_a_dashboard_line() -> None:
    assignments = fast({1: Constant(10, 5)})
    assignments.advance(1.0)
    assert repr(assignments) == "Assignments(1 s, planned {1: 5}, targets {1: 5})"
