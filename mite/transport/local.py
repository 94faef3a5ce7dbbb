"""The bus of a single process: a message reaches its consumers before ``send`` returns."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable

from mite.specs import described
from mite.transport import Consumer, Message

logger = logging.getLogger(__name__)


class LocalBus:
    """Calls the consumers of a message's type, one after the other."""

    def __init__(self) -> None:
        self._consumers: list[Consumer] = []
        # Message type -> the consumers' add, filled at the first message of each type.
        self._routes: dict[str, tuple[Callable[[Message], None], ...]] = {}
        self.failures: Counter[str] = Counter()
        """How often each consumer failed on a message, by its description."""

    def __repr__(self) -> str:
        return f"LocalBus({len(self._consumers)} consumers, {sum(self.failures.values())} failures)"

    def attach(self, consumer: Consumer) -> None:
        """Serve ``consumer`` from now on."""
        self._consumers.append(consumer)
        self._routes.clear()

    def start(self) -> None:
        """Start the consumers."""
        for consumer in self._consumers:
            consumer.start()

    def send(self, message: Message) -> None:
        """Give ``message`` to all consumers of its type; a consumer that fails stops no other."""
        adds = self._routes.get(message["type"])
        if adds is None:
            adds = self._route(message["type"])
        for add in adds:
            try:
                add(message)
            except Exception as error:  # noqa: BLE001 - reported in _failed
                self._failed(add, message, error)

    def stop(self) -> None:
        """Stop the consumers, in the order of their attachment."""
        for consumer in self._consumers:
            try:
                consumer.stop()
            except Exception:
                logger.exception("stopping %s failed", consumer.describe())

    def _route(self, message_type: str) -> tuple[Callable[[Message], None], ...]:
        wanting = (c for c in self._consumers if c.types is None or message_type in c.types)
        adds = tuple(consumer.add for consumer in wanting)
        if len(self._routes) < 1_000:
            self._routes[message_type] = adds
        return adds

    def _failed(self, add: Callable[[Message], None], message: Message, error: Exception) -> None:
        consumer = next((c for c in self._consumers if c.add == add), None)
        name = consumer.describe() if consumer else repr(add)
        self.failures[name] += 1
        if self.failures[name] == 1:
            logger.error(
                "%s failed on a %r message: %s; the run goes on, further failures are only counted",
                name,
                message["type"],
                described(error),
                exc_info=error if logger.isEnabledFor(logging.DEBUG) else None,
            )
