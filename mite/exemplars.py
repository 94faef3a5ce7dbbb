"""Limits how many failures of one kind are described in full; all of them are counted."""

from __future__ import annotations

from collections.abc import Hashable

PER_SECOND = 10
_KINDS = 2_000


class ExemplarLimit:
    """Allows ``per_second`` exemplars of each kind and second.

    A target that refuses everything would otherwise cost the generator a stack trace per request.
    """

    __slots__ = ("_per_second", "_seen")

    def __init__(self, per_second: int = PER_SECOND) -> None:
        self._per_second = per_second
        # kind -> (the second it was last seen in, how many were allowed in that second)
        self._seen: dict[Hashable, tuple[int, int]] = {}

    def allow(self, kind: Hashable, now: float) -> bool:
        """Whether this failure, at ``now`` seconds, may carry its full description."""
        second = int(now)
        last, allowed = self._seen.get(kind, (second, 0))
        if last != second:
            allowed = 0
        if allowed >= self._per_second:
            return False
        if len(self._seen) >= _KINDS and kind not in self._seen:
            return False
        self._seen[kind] = (second, allowed + 1)
        return True
