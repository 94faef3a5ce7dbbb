"""Counts of what reached the target: the outside witness that a load report is compared with."""

from __future__ import annotations

from collections import Counter
from typing import Any

UNMATCHED = "(no route)"


class Traffic:
    """Requests by route, status and protocol; only the server's loop touches it.

    Bounded: the routes are known, statuses and protocols are few.
    """

    def __init__(self) -> None:
        self._received: Counter[str] = Counter()
        self._answered: dict[str, Counter[str]] = {}
        self._protocols: Counter[str] = Counter()

    def received(self, route: str, protocol: str) -> None:
        """A request arrived, whether or not it will be answered."""
        self._received[route] += 1
        self._protocols[protocol] += 1

    def answered(self, route: str, status: int) -> None:
        """The head of an answer was sent."""
        self._answered.setdefault(route, Counter())[str(status)] += 1

    def snapshot(self) -> dict[str, Any]:
        """Everything counted so far, as JSON shows it."""
        routes = {
            route: {
                "received": count,
                "answered": dict(sorted(self._answered.get(route, {}).items())),
            }
            for route, count in sorted(self._received.items())
        }
        return {
            "total": self._received.total(),
            "protocols": dict(sorted(self._protocols.items())),
            "routes": routes,
        }
