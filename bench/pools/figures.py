"""Medians of what may be missing, and figures as text."""

from collections.abc import Iterable, Iterator, Sequence
from statistics import median

MISSING = "-"


def middle(values: Iterable[float | None]) -> float | None:
    """The median of those that are there."""
    known = [value for value in values if value is not None]
    return median(known) if known else None


def text(value: float | None, form: str = ",.0f", suffix: str = "") -> str:
    """The figure in that form, or a dash."""
    return MISSING if value is None else format(value, form) + suffix


def scaled(value: float | None, factor: float) -> float | None:
    """The figure in another unit."""
    return None if value is None else value * factor


def quotient(above: float | None, below: float | None) -> float | None:
    """One figure divided by another, where both are there."""
    return above / below if above is not None and below else None


def sheet(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Lines of a table as wide as its cells; the first column stands left, the others right.

    A row shorter than the headings ends in a remark, which may be as long as it likes.
    """
    full = [row for row in (headings, *rows) if len(row) == len(headings)]
    widths = [max(len(row[column]) for row in full) for column in range(len(headings))]
    for row in (headings, *rows):
        whole = len(row) == len(headings)
        cells = [
            cell.ljust(width)
            if column == 0 or not (whole or column < len(row) - 1)
            else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=False))
        ]
        yield f"  {'  '.join(cells)}".rstrip()
