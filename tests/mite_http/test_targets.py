from typing import Any

import pytest

import acurl
from mite_http.targets import checked_targets, target_url


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("example.com", "https://example.com/"),
        ("example.com:8443", "https://example.com:8443/"),
        ("[::1]:8443", "https://[::1]:8443/"),
        ("http://example.com/a?b", "http://example.com/a?b"),
        ("HTTPS://example.com", "HTTPS://example.com"),
    ],
)
def test_hosts_are_urls(given: str, url: str) -> None:
    assert target_url(given) == url


@pytest.mark.parametrize(
    "given", ["", "a b", "ftp://example.com", "http://", "example.com:x", "http://h:0", 3, None]
)
def test_what_is_neither_is_refused(given: Any) -> None:
    with pytest.raises(acurl.RequestError, match="must be a host"):
        target_url(given)


@pytest.mark.parametrize(
    ("given", "pairs"),
    [
        (None, ()),
        ([], ()),
        ("a.example", (("https://a.example/", 2),)),
        (["a.example", "http://b"], (("https://a.example/", 2), ("http://b", 2))),
        ({"a.example": 7, "b.example": 1}, (("https://a.example/", 7), ("https://b.example/", 1))),
        (["a.example", "https://a.example/"], (("https://a.example/", 2),)),
        ((("https://a.example/", 3),), (("https://a.example/", 3),)),
    ],
)
def test_pairs_of_url_and_connections(given: Any, pairs: object) -> None:
    assert checked_targets(given, 2) == pairs


@pytest.mark.parametrize(
    "given", [3, {"a.example": 0}, {"a.example": "x"}, {"a.example": 10_001}, [None], {"a b": 1}]
)
def test_bad_ones_are_named(given: Any) -> None:
    with pytest.raises(acurl.RequestError, match="prewarm"):
        checked_targets(given)
