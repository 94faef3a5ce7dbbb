"""All samples of a run, and the medians and ratios drawn from them."""

from collections.abc import Callable, Iterable
from statistics import median

from bench.cell import Cell
from bench.sample import Sample

FLOORS = ("floor-parked", "floor-textbook")
PHYSICAL = {"h1": "wrk", "h2": "h2load"}
"""The physical floor of each protocol."""

Measure = Callable[[Sample], float | None]


def rate(sample: Sample) -> float | None:
    """Requests per second, of a sample that had any."""
    return sample.rate or None


def cpu(sample: Sample) -> float | None:
    """CPU microseconds per request."""
    return sample.cpu_us


class Scores:
    """Samples by cell, client and round; only valid samples enter a median or a ratio."""

    def __init__(self) -> None:
        self._samples: dict[tuple[str, str], dict[int, Sample]] = {}

    def __repr__(self) -> str:
        count = sum(map(len, self._samples.values()))
        return f"<Scores {count} samples of {len(self._samples)} clients in cells>"

    def add(self, cell: Cell, peer: str, turn: int, sample: Sample) -> None:
        """Keeps a sample of the round `turn`."""
        self._samples.setdefault((cell.name, peer), {})[turn] = sample

    def samples(self, cell: Cell, peer: str) -> list[Sample]:
        """What the client did in the cell, round by round."""
        return list(self._samples.get((cell.name, peer), {}).values())

    def valid(self, cell: Cell, peer: str) -> list[Sample]:
        """The samples that count."""
        return [sample for sample in self.samples(cell, peer) if not sample.invalid]

    def median(self, cell: Cell, peer: str, measure: Measure) -> float | None:
        """The median over the rounds, or None when no round counts."""
        return _median(measure(sample) for sample in self.valid(cell, peer))

    def ratio(self, cell: Cell, one: str, other: str, measure: Measure) -> float | None:
        """The median over the rounds of `one` divided by `other` in the same round."""
        ones = self._samples.get((cell.name, one), {})
        others = self._samples.get((cell.name, other), {})
        return _median(
            _quotient(ones[turn], others[turn], measure) for turn in ones.keys() & others.keys()
        )

    def spread(self, cell: Cell, peer: str, measure: Measure) -> float | None:
        """Largest minus smallest over the rounds, as a share of the median."""
        values = [
            value for sample in self.valid(cell, peer) if (value := measure(sample)) is not None
        ]
        return (max(values) - min(values)) / median(values) if len(values) > 1 else None

    def floor(self, cell: Cell) -> str | None:
        """The floor's mode with less CPU per request in the cell."""
        costs = {name: self.median(cell, name, cpu) for name in FLOORS}
        known = {name: cost for name, cost in costs.items() if cost is not None}
        return min(known, key=lambda name: known[name]) if known else None

    def fastest_floor(self, cell: Cell) -> str | None:
        """The floor's mode with more requests per second in the cell."""
        rates = {name: self.median(cell, name, rate) for name in FLOORS}
        known = {name: value for name, value in rates.items() if value is not None}
        return max(known, key=lambda name: known[name]) if known else None


def _quotient(one: Sample, other: Sample, measure: Measure) -> float | None:
    if one.invalid or other.invalid:
        return None
    above, below = measure(one), measure(other)
    return above / below if above is not None and below else None


def _median(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if known else None
