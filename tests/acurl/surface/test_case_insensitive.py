"""CaseInsensitiveDict and CaseInsensitiveDefaultDict."""

import pytest

from acurl import CaseInsensitiveDefaultDict, CaseInsensitiveDict


def test_get_item() -> None:
    assert CaseInsensitiveDict({"Foo": "bar"})["fOO"] == "bar"


def test_get_item_that_is_missing() -> None:
    with pytest.raises(KeyError):
        CaseInsensitiveDict[str]()["foo"]


def test_get() -> None:
    headers = CaseInsensitiveDict({"Foo": "bar"})
    assert (headers.get("foo"), headers.get("baz"), headers.get("baz", "x")) == ("bar", None, "x")


def test_set_item() -> None:
    headers = CaseInsensitiveDict({"Foo": "bar"})
    headers["FOO"] = "baz"
    assert (len(headers), headers["foo"]) == (1, "baz")


def test_del_item() -> None:
    headers = CaseInsensitiveDict({"Foo": "bar"})
    del headers["foo"]
    assert not headers


def test_contains() -> None:
    headers = CaseInsensitiveDict({"Foo": "bar"})
    assert "foo" in headers
    assert "FOO" in headers
    assert "bar" not in headers


def test_pop() -> None:
    headers = CaseInsensitiveDict({"Foo": "bar"})
    assert headers.pop("foo") == "bar"
    assert headers.pop("foo", "gone") == "gone"


def test_setdefault() -> None:
    headers = CaseInsensitiveDict({"Foo": "bar"})
    assert headers.setdefault("foo", "x") == "bar"
    assert headers.setdefault("Baz", "x") == headers.setdefault("baz", "y") == "x"


def test_update() -> None:
    headers = CaseInsensitiveDict({"Foo": "bar"})
    headers.update({"FOO": "baz"}, qux="1")
    assert (headers["foo"], headers["QUX"], len(headers)) == ("baz", "1", 2)


def test_is_a_dict_whose_keys_are_lower_case() -> None:
    headers = CaseInsensitiveDict([("b", 1), ("A", 2)])
    assert isinstance(headers, dict)
    assert list(headers.items()) == [("b", 1), ("a", 2)]


def test_popitem_takes_the_last() -> None:
    headers = CaseInsensitiveDict({"Foo": "bar", "Baz": "qux"})
    assert headers.popitem() == ("baz", "qux")
    assert list(headers) == ["foo"]


def test_equals_a_dict_in_any_case() -> None:
    assert CaseInsensitiveDict({"Foo": "bar"}) == {"FOO": "bar"}
    assert CaseInsensitiveDict({"Foo": "bar"}) != {"FOO": "BAR"}


def test_a_default_dict_makes_what_is_missing() -> None:
    lists: CaseInsensitiveDefaultDict[list[int]] = CaseInsensitiveDefaultDict(list)
    lists["Foo"].append(1)
    lists["foo"].append(2)
    assert lists["FOO"] == [1, 2]


def test_a_default_dict_is_a_case_insensitive_dict() -> None:
    assert issubclass(CaseInsensitiveDefaultDict, CaseInsensitiveDict)
    assert CaseInsensitiveDefaultDict(int, {"Foo": 5})["foo"] == 5
