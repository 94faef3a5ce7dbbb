from typing import Any

import pytest

from mite import config
from mite.config import ConfigManager, check, default_config_loader, load
from mite.exceptions import ConfigurationError


def test_each_runner_is_told_what_changed() -> None:
    manager = ConfigManager()
    manager.set("a", 1)
    assert manager.get_changes_for_runner("r1") == [("a", 1)]
    assert manager.get_changes_for_runner("r1") == []
    manager.set("b", 2)
    assert manager.get_changes_for_runner("r1") == [("b", 2)]
    assert manager.get_changes_for_runner("r2") == [("a", 1), ("b", 2)]


def test_get() -> None:
    manager = ConfigManager()
    manager.set("a", None)
    assert manager.get("a", 5) is None
    assert (manager.get("b"), manager.get("b", 5)) == (None, 5)
    assert repr(manager) == "ConfigManager(version=1, a=None)"


def test_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MITE_CONF_base_url", "http://x:1/")
    monkeypatch.setenv("MITE_EVAL_CONF_sizes", "[1, 2.5, ('a', None)]")
    assert default_config_loader() == {"base_url": "http://x:1/", "sizes": [1, 2.5, ("a", None)]}


@pytest.mark.parametrize("text", ["__import__('os').getpid()", "1 +", "name", ""])
def test_only_literals_are_evaluated(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("MITE_EVAL_CONF_x", text)
    with pytest.raises(ConfigurationError, match=r"of MITE_EVAL_CONF_x is not a Python literal"):
        default_config_loader()


def test_no_refusal_shows_a_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MITE_EVAL_CONF_password", "hunter2")
    for wrong in (default_config_loader, lambda: load(dict, [":hunter2"])):
        with pytest.raises(ConfigurationError) as raised:
            wrong()
        assert "hunter2" not in str(raised.value)


async def _later() -> dict[str, int]:
    return {}


@pytest.mark.parametrize(
    ("loader", "words"),
    [
        (5, "--config names int 5"),
        (lambda: None, "returned NoneType"),
        (lambda: [1], "returned list"),
        (lambda: 1 / 0, "--config names failed: ZeroDivisionError"),
        (_later, "returned coroutine"),
    ],
)
def test_a_loader_that_gives_no_dict_is_a_sentence(loader: Any, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        load(loader, [])


def test_additions_win_and_may_hold_colons() -> None:
    manager = load(lambda: {"a": 1, "b": 2}, ["b:http://x:8080", "c:"])
    assert [manager.get(name) for name in "abc"] == [1, "http://x:8080", ""]


@pytest.mark.parametrize("addition", ["plain", ":value", ""])
def test_an_addition_needs_a_key(addition: str) -> None:
    with pytest.raises(ConfigurationError, match="has no key: write --add-to-config=key:value"):
        load(dict, [addition])


class Entry:
    """An entry point of a plugin that knows one key."""

    def __lt__(self, other: "Entry") -> bool:
        return False

    def load(self) -> Any:
        return self.look

    def look(self, values: Any) -> None:
        if values.get("size") != 3:
            raise ValueError(f"size={values.get('size')}: {values.get('words', 'must be 3')}")


@pytest.mark.parametrize("words", ["must be 3", "did you mean 3?", "must be 3."])
def test_plugins_look_at_it_first(monkeypatch: pytest.MonkeyPatch, words: str) -> None:
    asked: list[str] = []

    def entry_points(group: str) -> list[Entry]:
        asked.append(group)
        return [Entry()]

    monkeypatch.setattr(config, "entry_points", entry_points)
    manager = ConfigManager()
    manager.set("size", 3)
    check(manager)
    manager.set("size", 4)
    manager.set("words", words)
    with pytest.raises(ConfigurationError) as raised:
        check(manager)
    end = "" if words.endswith(("?", ".")) else "."
    assert raised.value.sentences == (f"size=4: {words}{end}",)
    assert asked == ["mite_config_check"] * 2
