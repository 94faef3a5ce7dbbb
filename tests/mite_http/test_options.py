from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

import acurl
from acurl.options import ConnectionOptions
from mite_http.options import NAMES, RESIZABLE, PoolOptions

PASSWORD = "http://me:secret@127.0.0.1:3128"


def test_equal_options_are_equal() -> None:
    assert PoolOptions() == PoolOptions(max_connects=100, http_version="auto", name="http")
    assert len({PoolOptions(), PoolOptions(), PoolOptions(max_connects=50)}) == 2


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"max_keepalive_connections": 7}, {"max_connects": 7}),
        ({"timeout": 5}, {"timeout": acurl.Timeout(5)}),
        ({"timeout": None}, {"timeout": acurl.Timeout(None, total=None)}),
        (
            {"resolve": {"a:1": "127.0.0.1", "b:2": ["::1"]}},
            {"resolve": {"b:2": "::1", "a:1": ("127.0.0.1",)}},
        ),
        (
            {"connect_to": {"a:1": "b:2", "c:3": "d:4"}},
            {"connect_to": {"c:3": "d:4", "a:1": "b:2"}},
        ),
        ({"prewarm": ["example.com"]}, {"prewarm": {"https://example.com/": 1}}),
        ({"adaptive": [5, 50]}, {"adaptive": (5, 50), "max_connects": 50}),
        ({"resolve": None, "connect_to": {}}, {}),
    ],
)
def test_what_means_the_same_is_equal(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert PoolOptions(**one) == PoolOptions(**other)
    assert hash(PoolOptions(**one)) == hash(PoolOptions(**other))


def test_all_of_a_sessions_options_are_a_pools() -> None:
    assert ConnectionOptions.__annotations__.keys() <= set(NAMES)


def test_all_reach_the_engine(tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    file.touch()
    given: dict[str, Any] = {
        "max_connects": 9, "max_connections": 8, "max_host_connections": 7,
        "max_host_keepalive": 6, "min_connects": 5, "max_streams": 4, "keepalive_expiry": 3.0,
        "max_lifetime": 2, "max_retries": 1, "max_response_size": 99, "trust_env": False,
        "timeout": acurl.Timeout(2), "connections": "lanes:2", "http_version": "1.1",
        "verify": str(file), "cert": (str(file), str(file)), "tls_min": "1.2", "tls_max": "1.3",
        "ciphers": "HIGH", "tls_resumption": False, "early_data": True, "low_memory": True,
        "dns_ttl": 1, "resolve": {"a:1": ("127.0.0.1",)}, "connect_to": {"a:1": "b:2"},
        "interface": "lo", "happy_eyeballs_timeout": 0.1, "tcp_keepalive": (1, 2), "proxy": "",
        "user_agent": "me", "discard_body": True, "cert_info": True,
    }  # fmt: skip
    options = PoolOptions(**given)
    passed = {**options.for_wrapper(), **options.for_session()}
    assert passed | {"unix_socket": None} == given | {"unix_socket": None}
    assert set(options.changed()) == set(given)
    own = {"name", "prewarm", "adaptive", "unix_socket"}
    assert set(given) | own == {one.name for one in fields(PoolOptions)}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"max_connects": -1}, "max_connects=-1: must be"),
        ({"max_connects": True}, "max_connects=True"),
        ({"max_connects": "many"}, "max_connects='many'"),
        ({"max_keepalive_connections": -1}, "max_keepalive_connections=-1"),
        ({"max_keepalive_connections": 1, "max_connects": 2}, "is another name of max_connects"),
        ({"max_connections": 0}, "max_connections=0: must be a whole number, 1 or more"),
        ({"max_host_connections": 0}, "max_host_connections=0"),
        ({"max_host_keepalive": -1}, "max_host_keepalive=-1"),
        ({"min_connects": 101}, "min_connects=101: must not be above max_connects=100"),
        ({"max_streams": 0}, "max_streams=0"),
        ({"keepalive_expiry": 0}, "keepalive_expiry=0"),
        ({"max_lifetime": 0}, "max_lifetime=0"),
        ({"max_retries": -1}, "max_retries=-1"),
        ({"max_response_size": 0}, "max_response_size=0"),
        ({"trust_env": 1}, "trust_env=1"),
        ({"connections": "lanes:65"}, "connections='lanes:65'"),
        ({"name": "not a name"}, "name='not a name'"),
        ({"name": 3}, "name=3"),
        ({"http_version": "4"}, "http_version='4'"),
        ({"verify": "/no/such/file"}, "/no/such/file"),
        ({"cert": ("/no/key", "/no/cert")}, "/no/key"),
        ({"tls_min": "1.3", "tls_max": "1.2"}, "tls_min='1.3'"),
        ({"timeout": -3}, "-3"),
        ({"dns_ttl": -1}, "dns_ttl=-1"),
        ({"resolve": {"a": "b"}}, "resolve: 'a'"),
        ({"tcp_keepalive": 5}, "tcp_keepalive=5"),
        ({"proxy": "nope://h:1"}, "proxy='nope://h:1'"),
        ({"prewarm": 7}, "prewarm=7"),
        ({"adaptive": (0, 5)}, "adaptive=(0, 5): must be (low, high)"),
        ({"adaptive": (9, 5)}, "adaptive=(9, 5)"),
        ({"adaptive": 5}, "adaptive=5"),
        ({"adaptive": (True, 5)}, "adaptive=(True, 5)"),
        ({"adaptive": (5, 9), "max_connects": 10}, "max_connects=10: must be from 5 to 9"),
        ({"adaptive": (5, 9), "min_connects": 6}, "min_connects=6: must not be above 5"),
    ],
)
def test_a_bad_value_is_named(options: dict[str, Any], words: str) -> None:
    with pytest.raises(acurl.RequestError) as raised:
        PoolOptions(**options)
    assert words in str(raised.value)
    assert isinstance(raised.value, ValueError)


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(TypeError, match=r"'max_conects' \(did you mean 'max_connects'\?\)"):
        PoolOptions(max_conects=1)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="no option 'zzz'; allowed are adaptive, "):
        PoolOptions(zzz=1)  # type: ignore[call-arg]


def test_an_adaptive_pool_begins_within_its_bounds() -> None:
    assert PoolOptions(adaptive=(5, 50)).max_connects == 50
    assert PoolOptions(adaptive=(200, 300)).max_connects == 200
    assert PoolOptions(adaptive=(5, 50), max_connects=7).max_connects == 7


def test_resized_options_differ_in_their_limits_alone() -> None:
    before = PoolOptions(max_connects=5, name="api", resolve={"a:1": "127.0.0.1"})
    after = before.resized(max_connects=6, max_connections=7)
    assert after == PoolOptions(
        max_connects=6, max_connections=7, name="api", resolve={"a:1": "127.0.0.1"}
    )
    assert before.resized() is before
    assert before.resized(max_keepalive_connections=9).max_connects == 9
    assert set(RESIZABLE) == set(before.limits())


@pytest.mark.parametrize(
    "changes",
    [
        {"max_connects": -1},
        {"max_lifetime": 3},
        {"timeout": 3},
        {"nothing": 1},
        {"min_connects": 9},
    ],
)
def test_a_bad_resize_is_refused(changes: dict[str, Any]) -> None:
    name = next(iter(changes))
    with pytest.raises(acurl.RequestError, match=name):
        PoolOptions(max_connects=5).resized(**changes)


def test_a_password_is_shown_nowhere() -> None:
    options = PoolOptions(proxy=PASSWORD)
    for text in (str(options), repr(options), str(options.as_dict()), str(options.changed())):
        assert "secret" not in text
    assert options.for_session()["proxy"] == PASSWORD


def test_as_text_only_what_was_chosen() -> None:
    assert str(PoolOptions()) == ""
    assert (
        str(PoolOptions(max_connects=50, http_version="2")) == "max_connects=50, http_version='2'"
    )


@pytest.mark.parametrize("name", ["transaction", "config", "emit", "__dict__"])
def test_a_name_that_contexts_have_is_refused(name: str) -> None:
    with pytest.raises(acurl.RequestError, match=f"^name='{name}': is what a context has"):
        PoolOptions(name=name)
