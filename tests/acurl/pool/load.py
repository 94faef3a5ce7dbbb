"""Users that ask without end, and a tally of what became of it: failures are counted."""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import acurl

Pause = Callable[[int, int], float]
"""Seconds that a user waits before a request of his; by his number and the request's."""


@dataclass
class Tally:
    """What the client says of a load."""

    answered: int = 0
    retries: int = 0
    """As the answers tell them."""
    failed: Counter[str] = field(default_factory=Counter)
    connections: set[int] = field(default_factory=set)
    """On which answers came."""

    def add(self, answer: acurl._Response) -> None:
        """One more answer, which must be right."""
        assert answer.status_code == 200, answer
        self.answered += 1
        self.retries += answer.retries
        self.connections.add(answer.connection_id)


def no_pause(_user: int, _nth: int) -> float:
    """Asks again at once."""
    return 0.0


async def load(
    wrapper: acurl.CurlWrapper,
    url: str,
    *,
    users: int,
    requests: int,
    pause: Pause = no_pause,
    **options: Any,
) -> Tally:
    """The tally of so many requests in all, each user's one after the other."""
    tally = Tally()

    async def user(number: int) -> None:
        session = wrapper.session(**options)
        for nth in range(requests // users):
            if seconds := pause(number, nth):
                await asyncio.sleep(seconds)
            try:
                tally.add(await session.get(url))
            except acurl.AcurlError as error:
                tally.failed[f"{type(error).__name__}: {error}"] += 1

    await asyncio.gather(*(user(number) for number in range(users)))
    return tally


def balanced(stats: Any) -> None:
    """What the counters of a pool at rest must say of each other.

    Some may have ended, with a reason, that libcurl closes when it next looks for a connection.
    """
    assert (stats.in_flight, stats.queued, stats.in_use, stats.faults) == (0, 0, 0, 0), stats
    leaving = stats.opened - stats.closed - stats.idle
    assert leaving >= 0, stats
    reasons = [name for name in stats._fields if name.startswith("closed_")]
    assert sum(getattr(stats, name) for name in reasons) == stats.closed + leaving, stats
