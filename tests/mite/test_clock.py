from mite.clock import FakeClock, monotonic


def test_fake_clock_moves_only_when_told() -> None:
    clock = FakeClock(5.0)
    assert (clock(), clock()) == (5.0, 5.0)
    assert clock.advance(0.25) == clock() == 5.25
    assert repr(clock) == "FakeClock(5.25)"


def test_monotonic_never_goes_back() -> None:
    times = [monotonic() for _ in range(100)]
    assert times == sorted(times)
