"""Contexts whose messages are kept, for journeys that make requests."""

import asyncio
from collections.abc import Callable
from typing import Any

from mite.context import Context
from mite.run import Run


class Told:
    """A context and what was told to it."""

    def __init__(self, **config: Any) -> None:
        self.messages: list[dict[str, Any]] = []
        self.run = Run()
        self.config = config
        self.ctx = self.another()

    def another(self) -> Context:
        """The context of one more user in the same run."""
        identity = {"test": "t", "runner_id": 1, "journey": "j:a"}
        return Context(self.messages.append, self.config, identity, run=self.run)

    @property
    def requests(self) -> list[dict[str, Any]]:
        """The http_metrics messages."""
        return [message for message in self.messages if message["type"] == "http_metrics"]

    @property
    def pools(self) -> list[dict[str, Any]]:
        """The http_pool messages."""
        return [message for message in self.messages if message["type"] == "http_pool"]


async def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition, for ten seconds at most."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0.005)
