"""The order of a run, and how much of it is left."""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bench.cell import Cell
from bench.peer import Peer


@dataclass(frozen=True, slots=True)
class Turn:
    """One process to be run: a client in a cell, in a round."""

    round: int
    cell: Cell
    peer: Peer


class Schedule:
    """All turns: round by round, cell by cell.

    In a cell the clients follow each other directly, and each round begins with another, so that
    what else the machine does falls on all of them alike.
    """

    def __init__(
        self, rounds: int, cells: Sequence[Cell], peers: Sequence[Peer], seconds: float
    ) -> None:
        self.turns = list(_turns(rounds, cells, peers))
        self._guess = seconds + 1.5
        self._taken: dict[tuple[str, str], float] = {}
        self._done = 0

    def __repr__(self) -> str:
        return f"<Schedule {self._done}/{len(self.turns)} done, {self.seconds_left():.0f} s left>"

    def finish(self, turn: Turn, seconds: float) -> None:
        """Notes how long the turn took."""
        self._taken[turn.cell.name, turn.peer.name] = seconds
        self._done += 1

    def seconds_left(self) -> float:
        """An estimate: a turn takes as long as it last did, or as planned when it is the first."""
        return sum(
            self._taken.get((turn.cell.name, turn.peer.name), self._guess)
            for turn in self.turns[self._done :]
        )


def _turns(rounds: int, cells: Sequence[Cell], peers: Sequence[Peer]) -> Iterator[Turn]:
    for number in range(rounds):
        for cell in cells:
            able = deque(peer for peer in peers if cell.protocol in peer.protocols)
            able.rotate(-number)
            for peer in able:
                yield Turn(number, cell, peer)
