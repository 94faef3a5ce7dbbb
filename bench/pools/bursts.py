"""The same burst of users through each client's pool, as the server and the client saw it."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from bench.peers.pools.job import PoolJob
from bench.pools.clients import Client
from bench.pools.observer import Sight, Witness
from bench.pools.program import Reading, read

GRACE = 15.0
"""Seconds beyond the measured ones that a process may take."""

GENEROUS = 30.0
"""A pool timeout that no request of these bursts reaches."""


@dataclass(frozen=True, slots=True)
class Case:
    """`users` on a pool of `maximum`, `keep` of them kept idle; the server answers after `delay`.

    `needs` names the option that a client must have to take part, if any.
    """

    name: str
    users: int
    maximum: int
    keep: int
    pool_timeout: float
    delay: float
    needs: str = ""


CASES = (
    Case("50 users", 50, 10, 10, GENEROUS, 0.005),
    Case("100 users", 100, 10, 10, GENEROUS, 0.005),
    Case("timeouts", 50, 10, 10, 0.075, 0.05, "timeout"),
    Case("keeping", 50, 10, 5, GENEROUS, 0.005, "keeping"),
)


@dataclass(frozen=True, slots=True)
class Burst:
    """One client in one case in one round."""

    case: str
    client: str
    round: int
    reading: Reading
    sight: Sight

    @property
    def invalid(self) -> str:
        """Why it does not count, or nothing: an error, or the server counted other requests."""
        if self.reading.invalid:
            return self.reading.invalid
        claimed = int(self.reading.line["requests"])
        if claimed != self.sight.answered:
            return f"the server answered {self.sight.answered:,}, the client counted {claimed:,}"
        return ""

    def as_dict(self) -> dict[str, Any]:
        """For the file of results."""
        return {
            "case": self.case,
            "client": self.client,
            "round": self.round,
            "invalid": self.invalid,
            "told": self.reading.line,
            "seen": asdict(self.sight),
        }


def turns(rounds: int, clients: Sequence[Client]) -> Iterator[tuple[int, Case, Client]]:
    """Round by round and case by case; in each the clients follow each other, rotated."""
    for turn in range(rounds):
        for case in CASES:
            able = deque(c for c in clients if not case.needs or getattr(c, case.needs))
            able.rotate(-turn)
            for client in able:
                yield turn, case, client


def take(
    rounds: int,
    seconds: float,
    clients: Sequence[Client],
    cores: tuple[int, int],
    say: Callable[[str], None],
) -> Iterator[Burst]:
    """Runs all bursts, clients on the first core and the server on the second."""
    plan = list(turns(rounds, clients))
    with Witness(cores[1]) as witness:
        for done, (turn, case, client) in enumerate(plan, 1):
            burst = _one(turn, case, client, witness, seconds, cores[0])
            rate = (burst.reading.number("requests") or 0) / seconds
            said = burst.invalid or f"{rate:,.0f} requests/s, opened {burst.sight.accepted:,}"
            say(f"bursts {done}/{len(plan)}  {case.name:<10} {client.name:<9} {said}")
            yield burst


def _one(
    turn: int, case: Case, client: Client, witness: Witness, seconds: float, core: int
) -> Burst:
    witness.begin(case.delay)
    job = PoolJob(
        witness.url, case.users, seconds, case.maximum, case.keep, pool_timeout=case.pool_timeout
    )
    reading = read(client.environment, client.module, [job.as_text()], core, seconds + GRACE)
    return Burst(case.name, client.name, turn, reading, witness.look())
