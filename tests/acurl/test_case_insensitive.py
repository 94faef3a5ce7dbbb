"""Keys are found in any case, and shown in lower case."""

import json

import pytest

from acurl import CaseInsensitiveDefaultDict, CaseInsensitiveDict


def test_any_case_finds_a_key() -> None:
    headers = CaseInsensitiveDict({"Content-Type": "text/plain"})
    assert headers["CONTENT-TYPE"] == headers["content-type"] == "text/plain"
    assert "cOnTeNt-TyPe" in headers
    assert headers.get("accept") is None
    with pytest.raises(KeyError):
        headers["accept"]


def test_setting_again_replaces_the_value() -> None:
    headers = CaseInsensitiveDict({"A": 1})
    headers["a"] = 2
    assert (dict(headers), len(headers)) == ({"a": 2}, 1)
    del headers["A"]
    assert not headers
    with pytest.raises(KeyError):
        del headers["A"]


def test_is_made_from_what_a_dict_is_made_from() -> None:
    assert dict(CaseInsensitiveDict([("A", 1), ("b", 2)], c=3)) == {"a": 1, "b": 2, "c": 3}
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
    assert (dict(first), dict(second)) == ({"a": 1}, {"a": 2})


def test_repr_shows_the_items() -> None:
    assert repr(CaseInsensitiveDict({"A": 1})) == "CaseInsensitiveDict({'a': 1})"


def test_missing_values_are_made_once() -> None:
    lists: CaseInsensitiveDefaultDict[list[int]] = CaseInsensitiveDefaultDict(list, {"Old": [0]})
    lists["A"].append(1)
    lists["a"].append(2)
    lists["OLD"].append(3)
    assert dict(lists) == {"a": [1, 2], "old": [0, 3]}


def test_is_a_dict_in_all_its_ways() -> None:
    headers = CaseInsensitiveDict({"A": "x"})
    assert isinstance(headers, dict)
    assert json.dumps(headers) == '{"a": "x"}'
    assert (headers.pop("A"), headers.pop("A", "none")) == ("x", "none")
    assert (headers.setdefault("B", "y"), headers.setdefault("b", "z")) == ("y", "y")
    assert headers | {"C": "1"} == {"b": "y", "c": "1"}
    headers |= {"B": "2"}
    assert (headers.get("b"), headers.get("d", "none"), "B" in headers) == ("2", "none", True)
