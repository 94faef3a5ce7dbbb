"""A measuring program run as a process, and the JSON line that it printed last."""

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.environment import Environment
from bench.process import Outcome, run


@dataclass(frozen=True, slots=True)
class Reading:
    """What a program printed; `invalid` says why it does not count, or nothing."""

    line: dict[str, Any]
    invalid: str = ""

    def number(self, name: str) -> float | None:
        """A figure of the line, or None where there is none."""
        value = self.line.get(name)
        return None if value is None or self.invalid else float(value)


def read(
    environment: Environment, module: str, arguments: list[str], core: int, limit: float
) -> Reading:
    """Runs `bench.peers.pools.MODULE` on one core, for `limit` seconds at most."""
    command = [str(environment.python), "-P", "-m", f"bench.peers.pools.{module}", *arguments]
    outcome = run(command, core, limit, Path(tempfile.gettempdir()))
    for text in reversed(outcome.output.splitlines()):
        if text.startswith("{"):
            return _judged(json.loads(text))
    return Reading({}, _last_words(outcome, limit))


def _judged(line: dict[str, Any]) -> Reading:
    errors = line.get("errors", 0)
    return Reading(line, f"{errors:,} errors: {line['first_error']}"[:160] if errors else "")


def _last_words(outcome: Outcome, limit: float) -> str:
    if outcome.killed:
        return f"not done after {limit:g} s"
    lines = outcome.complaint.strip().splitlines()
    return f"exit {outcome.code}: {lines[-1][:120] if lines else 'without a word'}"
