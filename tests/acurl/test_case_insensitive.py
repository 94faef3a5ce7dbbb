"""Keys are found in any case, and keep the case in which they were set."""

import pytest

from acurl import CaseInsensitiveDefaultDict, CaseInsensitiveDict


def test_any_case_finds_a_key() -> None:
    headers = CaseInsensitiveDict({"Content-Type": "text/plain"})
    assert headers["CONTENT-TYPE"] == headers["content-type"] == "text/plain"
    assert "cOnTeNt-TyPe" in headers
    assert headers.get("accept") is None
    with pytest.raises(KeyError):
        headers["accept"]


def test_setting_again_replaces_value_and_case() -> None:
    headers = CaseInsensitiveDict({"A": 1})
    headers["a"] = 2
    assert (dict(headers), len(headers)) == ({"a": 2}, 1)
    del headers["A"]
    assert not headers
    with pytest.raises(KeyError):
        del headers["A"]


def test_is_made_from_what_a_dict_is_made_from() -> None:
    assert dict(CaseInsensitiveDict([("A", 1), ("b", 2)], c=3)) == {"A": 1, "b": 2, "c": 3}
    assert dict(CaseInsensitiveDict()) == {}


def test_equality_ignores_case_of_keys_alone() -> None:
    headers = CaseInsensitiveDict({"A": "x"})
    assert headers == {"a": "x"}
    assert headers == CaseInsensitiveDict({"a": "x"})
    assert headers != {"a": "X"}
    assert headers != "A"
    with pytest.raises(TypeError):
        hash(headers)


def test_copies_are_independent() -> None:
    first = CaseInsensitiveDict({"A": 1})
    second = first.copy()
    second["a"] = 2
    assert (dict(first), dict(second)) == ({"A": 1}, {"a": 2})


def test_repr_shows_the_items() -> None:
    assert repr(CaseInsensitiveDict({"A": 1})) == "CaseInsensitiveDict({'A': 1})"


def test_missing_values_are_made_once() -> None:
    lists: CaseInsensitiveDefaultDict[list[int]] = CaseInsensitiveDefaultDict(list, {"Old": [0]})
    lists["A"].append(1)
    lists["a"].append(2)
    lists["OLD"].append(3)
    assert dict(lists) == {"A": [1, 2], "Old": [0, 3]}
