"""What acurl has promised to reach, and whether the floor of a run can be trusted."""

from dataclasses import dataclass

from bench.cell import MEGABYTE, Cell
from bench.scores import FLOORS, PHYSICAL, Scores, cpu, rate

OURS = "acurl"
FLOOR = "floor"
"""The floor's cheaper mode, or its faster one where requests per second are compared."""

TRUST = {"h1": 1.9, "h2": 2.2}
"""Most that the floor may cost, in CPU per request at 100 concurrent, times the physical floor."""


@dataclass(frozen=True, slots=True)
class Bound:
    """acurl against another client: at most `limit` times its "cpu", or at least of its "rate"."""

    cell: Cell
    against: str
    kind: str
    limit: float

    @property
    def text(self) -> str:
        """The promise in words."""
        if self.kind == "cpu":
            return (
                f"{self.cell.name}: at most {self.limit:g} x the CPU per request of {self.against}"
            )
        return f"{self.cell.name}: at least {self.limit:g} x the requests/s of {self.against}"

    def measured(self, scores: Scores) -> float | None:
        """The ratio that the promise is about, or None where a side is missing."""
        other: str | None = self.against
        if self.against == FLOOR:
            other = (
                scores.floor(self.cell) if self.kind == "cpu" else scores.fastest_floor(self.cell)
            )
        return (
            scores.ratio(self.cell, OURS, other, cpu if self.kind == "cpu" else rate)
            if other
            else None
        )

    def holds(self, ratio: float) -> bool:
        """Whether the ratio keeps the promise."""
        return ratio <= self.limit if self.kind == "cpu" else ratio >= self.limit


BOUNDS = (
    Bound(Cell("h1", 100), FLOOR, "cpu", 1.45),
    Bound(Cell("h2", 100), FLOOR, "cpu", 1.40),
    Bound(Cell("h1", 100), "acurl-1.2.1", "rate", 2.0),
    Bound(Cell("h2", 100), "acurl-1.2.1", "rate", 2.0),
    Bound(Cell("h1", 100), "pycurl", "rate", 1.4),
    Bound(Cell("h2", 100), "pycurl", "rate", 0.85),
    Bound(Cell("h2", 1000), FLOOR, "cpu", 1.45),
    Bound(Cell("h1", 1), FLOOR, "cpu", 1.6),
    Bound(Cell("h2", 1), FLOOR, "cpu", 1.6),
    Bound(Cell("h1", 1), "acurl-1.2.1", "rate", 1.0),
    Bound(Cell("h2", 1), "acurl-1.2.1", "rate", 1.0),
    *(
        Bound(Cell(p, users, MEGABYTE), FLOOR, "rate", 0.9)
        for p in ("h1", "h2")
        for users in (10, 100)
    ),
)

RSS_CELL = Cell("h2", 1000)
RSS_LIMIT_MB = 60.0
"""Most megabytes that acurl may have resident in RSS_CELL."""


def doubts(scores: Scores) -> list[str]:
    """Why the run is not valid: a floor too far above the physical floor, or no way to tell."""
    found: list[str] = []
    for protocol, limit in TRUST.items():
        cell, physical = Cell(protocol, 100), PHYSICAL[protocol]
        floor = scores.floor(cell)
        if not any(scores.samples(cell, name) for name in (*FLOORS, physical)):
            continue
        ratio = scores.ratio(cell, floor, physical, cpu) if floor else None
        if ratio is None:
            found.append(f"{cell.name}: the floor and {physical} are not both there to be compared")
        elif ratio > limit:
            found.append(
                f"{cell.name}: the floor costs {ratio:.2f} x the CPU of {physical};"
                f" {limit:g} is the most"
            )
    return found
