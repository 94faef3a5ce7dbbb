import pytest

from mite.config import ConfigManager, default_config_loader, load
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
    with pytest.raises(ConfigurationError, match=r"MITE_EVAL_CONF_x=.* is not a Python literal"):
        default_config_loader()


def test_additions_win_and_may_hold_colons() -> None:
    manager = load(lambda: {"a": 1, "b": 2}, ["b:http://x:8080", "c:"])
    assert [manager.get(name) for name in "abc"] == [1, "http://x:8080", ""]


@pytest.mark.parametrize("addition", ["plain", ":value", ""])
def test_an_addition_needs_a_key(addition: str) -> None:
    with pytest.raises(ConfigurationError, match="has no key: write --add-to-config=key:value"):
        load(dict, [addition])
