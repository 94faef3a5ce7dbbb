"""How messages travel from runners to whoever counts, keeps or shows them.

Every transport is a bus with the same four acts (``attach``, ``start``, ``send``, ``stop``), and
serves consumers that have the same four verbs; ``mite.transport.local`` is the one for a single
process.
"""

from __future__ import annotations

from typing import Any, Protocol

Message = dict[str, Any]


class Consumer(Protocol):
    """Takes messages off a bus.

    ``add`` is called in the runner's loop: it never blocks, and never changes the message, which
    other consumers see too.
    """

    @property
    def types(self) -> frozenset[str] | None:
        """The message types it wants; None for all."""

    def describe(self) -> str:
        """What it is, for logs."""

    def start(self) -> None:
        """Called once, before the first message."""

    def add(self, message: Message) -> None:
        """Take one message."""

    def stop(self) -> None:
        """Called once, after the last message; whatever was held back is written."""


class Bus(Protocol):
    """Carries messages to consumers."""

    def attach(self, consumer: Consumer) -> None:
        """Serve ``consumer`` from the start on; only before ``start``."""

    def start(self) -> None:
        """Begin: messages may now be sent."""

    def send(self, message: Message) -> None:
        """Hand over one message; never blocks and never raises for a consumer's fault."""

    def stop(self) -> None:
        """End: consumers flush."""
