import logging
import platform
from typing import Any

import pytest

from mite import environment


class Entry:
    """An entry point of a plugin."""

    def __init__(self, name: str, facts: Any) -> None:
        self.name = self.value = name
        self._facts = facts

    def __lt__(self, other: "Entry") -> bool:
        return self.name < other.name

    def load(self) -> Any:
        return lambda: self._facts if isinstance(self._facts, dict) else 1 / 0


def test_plugins_tell_their_facts(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    asked: list[str] = []

    def entry_points(group: str) -> list[Entry]:
        asked.append(group)
        return [Entry("b", {"libother": "2"}), Entry("a", {"libcurl": "8"}), Entry("c", None)]

    monkeypatch.setattr(environment, "entry_points", entry_points)
    with caplog.at_level(logging.ERROR):
        facts = environment.facts()
    assert facts == {"libcurl": "8", "libother": "2", "Python": platform.python_version()}
    assert asked == ["mite_environment"]
    assert "the environment facts of c cannot be read" in caplog.text
