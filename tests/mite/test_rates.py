import statistics

import pytest

from mite.rates import Rates


def test_steps_become_rates() -> None:
    totals = [0, 10, 30, 30, 70]
    rates = Rates()
    for second, total in enumerate(totals):
        rates.add(second, total)
    steps = [10, 20, 0, 40]
    assert (rates.latest, rates.least, rates.most) == (40, 0, 40)
    assert rates.mean == pytest.approx(statistics.fmean(steps))
    assert rates.deviation == pytest.approx(statistics.stdev(steps))


def test_uneven_steps_and_none_at_all() -> None:
    rates = Rates()
    assert (rates.latest, rates.deviation) == (0.0, 0.0)
    rates.add(1.0, 5)
    rates.add(1.0, 9)
    rates.add(1.5, 10)
    assert rates.latest == 2
    assert repr(rates) == "Rates(1 steps, mean 2.0/s, latest 2.0/s)"
