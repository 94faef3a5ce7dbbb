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
    count = len(headings)
    every = [headings, *rows]
    cells = [row if len(row) == count else row[:-1] for row in every]
    widths = [
        max(len(row[column]) for row in cells if column < len(row)) for column in range(count)
    ]
    for row, aligned in zip(every, cells, strict=True):
        fields = [
            cell.rjust(width) if column else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(aligned, widths, strict=False))
        ]
        yield f"  {'  '.join([*fields, *row[len(aligned) :]])}".rstrip()
