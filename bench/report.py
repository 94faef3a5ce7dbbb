"""All that a run has to tell."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from bench.cell import Cell
from bench.machine import Machine
from bench.peer import Peer
from bench.sample import Sample
from bench.scores import Scores


@dataclass(frozen=True, slots=True)
class Report:
    """Scores of `peers` in `cells` on a machine; `left_out` names absent peers and the reason."""

    scores: Scores
    machine: Machine
    cells: Sequence[Cell]
    peers: Sequence[Peer]
    left_out: Mapping[str, str]

    def pairs(self) -> Iterator[tuple[Cell, Peer]]:
        """The cells and the peers that were run in them, in the order of the table."""
        for cell in self.cells:
            for peer in self.peers:
                if self.scores.samples(cell, peer.name):
                    yield cell, peer

    def samples(self) -> Iterator[tuple[Peer, Sample]]:
        """Every sample, and whose it is."""
        for cell, peer in self.pairs():
            for sample in self.scores.samples(cell, peer.name):
                yield peer, sample
