"""What a run is asked to do, read from the environment."""

from collections.abc import Mapping
from dataclasses import dataclass

from bench.cell import Cell, grid


class SettingError(ValueError):
    """A variable has an unusable value; the message names both and what is allowed."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The variables of a run.

    `rounds` passes over all `cells`, `seconds` measured in each; `peers` by name (empty: all).
    """

    rounds: int
    seconds: float
    peers: tuple[str, ...]
    cells: tuple[Cell, ...]


def number(
    environ: Mapping[str, str], name: str, default: float, least: float, most: float
) -> float:
    """The number that a variable holds, or the default; raises SettingError."""
    text = environ.get(name, "") or str(default)
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not least <= value <= most:
        raise SettingError(f"{name} is {text!r}: it must be a number from {least:g} to {most:g}")
    return value


def words(environ: Mapping[str, str], name: str, known: tuple[str, ...] = ()) -> tuple[str, ...]:
    """The words of a variable, each of which must be known if anything is; raises SettingError."""
    found = tuple(environ.get(name, "").replace(",", " ").split())
    unknown = [word for word in found if known and word not in known]
    if unknown:
        raise SettingError(f"{name} names {unknown[0]!r}: it must be among {' '.join(known)}")
    return found


def _cells(environ: Mapping[str, str]) -> tuple[Cell, ...]:
    which = environ.get("GRID", "") or "usual"
    if which not in ("usual", "full"):
        raise SettingError(f"GRID is {which!r}: it must be usual or full")
    patterns = words(environ, "CELLS")
    every = grid(full=bool(patterns) or which == "full")
    chosen = tuple(cell for cell in every if not patterns or cell.matches(patterns))
    if not chosen:
        names = " ".join(cell.name for cell in every)
        raise SettingError(
            f"CELLS is {' '.join(patterns)!r} and matches no cell; the cells are {names}"
        )
    return chosen


def read(environ: Mapping[str, str], known_peers: tuple[str, ...]) -> Settings:
    """Settings from ROUNDS, SECONDS, PEERS, CELLS and GRID; raises SettingError."""
    peers = words(environ, "PEERS", known_peers)
    return Settings(
        rounds=int(number(environ, "ROUNDS", 5, 1, 100)),
        seconds=number(environ, "SECONDS", 2, 0.1, 60),
        peers=peers,
        cells=_cells(environ),
    )
