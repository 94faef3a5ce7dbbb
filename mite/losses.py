"""What could not be kept: counted always, told of once."""

from __future__ import annotations

import logging

logger = logging.getLogger(__name__)


class Losses:
    """Counts what ``keeper`` lost."""

    def __init__(self, keeper: str) -> None:
        self.keeper = keeper
        self.count = 0

    def __repr__(self) -> str:
        return f"Losses({self.keeper}: {self.count})"

    def add(self, count: int, why: str) -> None:
        """``count`` messages more were lost; the first reason is logged."""
        if not self.count:
            logger.error("%s: %s; further losses are only counted", self.keeper, why)
        self.count += count

    def describe(self) -> str:
        """What was lost, for the report."""
        messages = "1 message" if self.count == 1 else f"{self.count} messages"
        return f"{self.keeper} lost {messages}"
