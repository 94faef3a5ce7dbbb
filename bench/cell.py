"""A cell: one combination of protocol, concurrency and body size that every client is run in."""

from dataclasses import dataclass
from fnmatch import fnmatchcase

SMALL = 34
"""Bytes of the small body."""

MEGABYTE = 1 << 20

SIZE_NAMES = {SMALL: "34", 1 << 10: "1k", 1 << 14: "16k", 100 << 10: "100k", MEGABYTE: "1m"}
"""Body sizes in bytes, and how a cell's name spells them."""


@dataclass(frozen=True, slots=True)
class Cell:
    """`concurrency` users in a closed loop, bodies of `size` bytes, over "h1" or "h2"."""

    protocol: str
    concurrency: int
    size: int = SMALL

    @property
    def name(self) -> str:
        """As CELLS spells it: `h1-100` for small bodies, `h2-10-1m` for others."""
        plain = f"{self.protocol}-{self.concurrency}"
        return plain if self.size == SMALL else f"{plain}-{SIZE_NAMES[self.size]}"

    @property
    def title(self) -> str:
        """The heading of the cell's table."""
        protocol = "HTTP/1.1" if self.protocol == "h1" else "HTTP/2 over TLS"
        bodies = (
            f"{SMALL}-byte bodies"
            if self.size == SMALL
            else f"{SIZE_NAMES[self.size].upper()}B bodies"
        )
        return f"{self.name}: {protocol}, {self.concurrency:,} concurrent, {bodies}"

    def matches(self, patterns: tuple[str, ...]) -> bool:
        """Whether any of the patterns (as in file names) is the cell's name."""
        return any(fnmatchcase(self.name, pattern) for pattern in patterns)


def grid(full: bool) -> tuple[Cell, ...]:
    """The cells of a run, in the order of the table."""
    small = (1, 10, 100, 1000, 3000) if full else (1, 10, 100, 1000)
    sizes = (1 << 10, 1 << 14, 100 << 10) if full else ()
    cells: list[Cell] = []
    for protocol in ("h1", "h2"):
        cells += [Cell(protocol, users) for users in small]
        cells += [Cell(protocol, users, size) for size in sizes for users in (10, 100)]
        cells += [Cell(protocol, users, MEGABYTE) for users in (10, 100)]
    return tuple(cells)
