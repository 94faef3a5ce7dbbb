import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import acurl
from mite_http import settings
from mite_http.options import NAMES, PoolOptions

ROOT = Path(__file__).parents[2]

VALUES: dict[str, tuple[str, object]] = {
    "max_connects": ("50", 50),
    "max_connections": ("none", None),
    "max_host_connections": ("7", 7),
    "max_host_keepalive": ("0", 0),
    "min_connects": ("5", 5),
    "max_streams": ("10", 10),
    "keepalive_expiry": ("1.5", 1.5),
    "max_lifetime": (" 60 ", 60),
    "max_retries": ("0", 0),
    "max_response_size": ("1000", 1000),
    "trust_env": ("0", False),
    "timeout": ("3", acurl.Timeout(3)),
    "connections": ("lanes:4", "lanes:4"),
    "http_version": ("1.1", "1.1"),
    "verify": ("False", False),
    "cert": (f'["{__file__}", "{__file__}"]', (__file__, __file__)),
    "tls_min": ("1.2", "1.2"),
    "tls_max": ("1.3", "1.3"),
    "ciphers": ("HIGH", "HIGH"),
    "tls_resumption": ("false", False),
    "early_data": ("true", True),
    "low_memory": ("1", True),
    "dns_ttl": ("None", None),
    "resolve": ('{"a:1": "127.0.0.1"}', (("a:1", ("127.0.0.1",)),)),
    "connect_to": ('{"a:1": "b:2"}', (("a:1", "b:2"),)),
    "interface": ("lo", "lo"),
    "unix_socket": ("/a/b", "/a/b"),
    "happy_eyeballs_timeout": ("0.2", 0.2),
    "tcp_keepalive": ("[30, 5]", (30, 5)),
    "proxy": ("http://me:secret@h:1", "http://me:secret@h:1"),
    "user_agent": ("me", "me"),
    "discard_body": ("TRUE", True),
    "cert_info": ("1", True),
    "prewarm": ('["a.example"]', (("https://a.example/", 1),)),
    "adaptive": ("[5, 50]", (5, 50)),
}


def from_environment(**variables: str) -> settings.Layer:
    return settings.from_environment(variables)


def test_each_option_has_a_variable_and_a_key() -> None:
    assert set(VALUES) == set(NAMES) - {"name"}


@pytest.mark.parametrize("option", sorted(VALUES))
def test_an_option_comes_from_environment_and_config(option: str) -> None:
    text, value = VALUES[option]
    layer = settings.from_environment({f"MITE_HTTP_{option.upper()}": text, "MITE_PROFILE": "1"})
    assert getattr(settings.resolve({}, layer, {}), option) == value
    found = settings.from_config({f"mite_http_{option}": text, "base_url": "x", 3: 4})  # type: ignore[dict-item]
    assert getattr(settings.resolve({}, {}, found), option) == value


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("max_connects", 50, 50),
        ("tcp_keepalive", [30, 5], (30, 5)),
        ("timeout", acurl.Timeout(2), acurl.Timeout(2)),
        ("timeout", None, acurl.Timeout(None, total=None)),
        ("verify", False, False),
        ("resolve", {"a:1": ["127.0.0.1"]}, (("a:1", ("127.0.0.1",)),)),
    ],
)
def test_a_loader_gives_real_values(key: str, value: object, expected: object) -> None:
    layer = settings.from_config({f"mite_http_{key}": value})
    assert getattr(settings.resolve({}, {}, layer), key) == expected


def test_code_beats_config_beats_environment() -> None:
    environment = from_environment(
        MITE_HTTP_MAX_CONNECTS="1", MITE_HTTP_MAX_STREAMS="2", MITE_HTTP_MAX_RETRIES="2"
    )
    config = settings.from_config({"mite_http_max_connects": "3", "mite_http_max_streams": "4"})
    options = settings.resolve({"max_keepalive_connections": 5}, environment, config)
    assert options == PoolOptions(max_connects=5, max_streams=4, max_retries=2)


def test_time_limits_are_settled_one_by_one() -> None:
    environment = from_environment(
        MITE_HTTP_TIMEOUT="7", MITE_HTTP_POOL_TIMEOUT="2", MITE_HTTP_TOTAL_TIMEOUT="none"
    )
    config = settings.from_config(
        {
            "mite_http_read_timeout": "9",
            "mite_http_write_timeout": 8,
            "mite_http_connect_timeout": 1,
        }
    )
    options = settings.resolve({}, environment, config)
    assert options.timeout == acurl.Timeout(connect=1, read=9, write=8, pool=2, total=None)
    whole = settings.resolve({}, environment, settings.from_config({"mite_http_timeout": "3"}))
    assert whole.timeout == acurl.Timeout(3)
    given = settings.resolve({"timeout": 4}, environment, config)
    assert given.timeout == acurl.Timeout(4)


@pytest.mark.parametrize(
    ("given", "environment", "config", "connections"),
    [
        ({}, {"MITE_HTTP_POOL_ENABLED": "0"}, {}, "request"),
        ({}, {"MITE_HTTP_POOL_ENABLED": "1"}, {}, "shared"),
        ({}, {"MITE_HTTP_POOL_ENABLED": "0", "MITE_HTTP_CONNECTIONS": "session"}, {}, "request"),
        ({}, {"MITE_HTTP_POOL_ENABLED": "0"}, {"mite_http_connections": "session"}, "session"),
        ({}, {"MITE_HTTP_CONNECTIONS": "session"}, {"mite_http_pool_enabled": "false"}, "request"),
        ({}, {"MITE_HTTP_POOL_ENABLED": "0"}, {"mite_http_pool_enabled": True}, "shared"),
        ({"connections": "session"}, {"MITE_HTTP_POOL_ENABLED": "0"}, {}, "session"),
    ],
)
def test_pooling_can_be_switched_off(
    given: dict[str, Any], environment: dict[str, str], config: dict[str, Any], connections: str
) -> None:
    options = settings.resolve(
        given, settings.from_environment(environment), settings.from_config(config)
    )
    assert options.connections == connections


@pytest.mark.parametrize(
    ("variable", "text", "message"),
    [
        ("MAX_CONNECTS", "abc", "MITE_HTTP_MAX_CONNECTS=abc: must be a whole number, 0 or more"),
        ("MAX_CONNECTS", "", "MITE_HTTP_MAX_CONNECTS=: must be a whole number, 0 or more"),
        ("MAX_CONNECTS", "5.5", "MITE_HTTP_MAX_CONNECTS=5.5: must be a whole number, 0 or more"),
        ("MAX_KEEPALIVE_CONNECTIONS", "-1", "MITE_HTTP_MAX_KEEPALIVE_CONNECTIONS=-1: must be a"),
        ("POOL_TIMEOUT", "x", "MITE_HTTP_POOL_TIMEOUT=x: must be a number of seconds"),
        ("TIMEOUT", "0", "MITE_HTTP_TIMEOUT=0: must be above 0 seconds"),
        ("POOL_ENABLED", "2", "MITE_HTTP_POOL_ENABLED=2: must be 1 or true, 0 or false"),
        ("TRUST_ENV", "yes", "MITE_HTTP_TRUST_ENV=yes: must be one of False, True (write 1 or "),
        ("RESOLVE", "{", "MITE_HTTP_RESOLVE={: must be a dict of 'host:port' to an address (write"),
        ("VERIFY", "/no/such", "MITE_HTTP_VERIFY=/no/such: there is no such CA file"),
        ("PROXY", "x://me:secret@h", "MITE_HTTP_PROXY=...: must begin with one of http"),
        ("MAX_CONECTS", "1", "MITE_HTTP_MAX_CONECTS: there is no such setting; did you mean MITE"),
        ("POOL_IDLE_TIMEOT", "1", "did you mean MITE_HTTP_POOL_IDLE_TIMEOUT?"),
        ("ZZZZZZZZ", "1", "no such setting; there is MITE_HTTP_MAX_CONNECTS, for instance"),
        ("NAME", "api", "MITE_HTTP_NAME: there is no such setting"),
    ],
)
def test_a_bad_variable_is_named_as_it_was_written(variable: str, text: str, message: str) -> None:
    with pytest.raises(acurl.RequestError) as raised:
        settings.from_environment({f"MITE_HTTP_{variable}": text})
    assert message in str(raised.value)
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"mite_http_max_connects": "abc"}, "mite_http_max_connects=abc: must be a whole number"),
        ({"mite_http_max_connects": -5}, "mite_http_max_connects=-5: must be a whole number"),
        ({"mite_http_max_conects": 1}, "did you mean mite_http_max_connects?"),
        ({"mite_http_tcp_keepalive": [1]}, "mite_http_tcp_keepalive=[1]: must be"),
        ({"mite_http_http_version": 2}, "mite_http_http_version=2: must be one of 'auto'"),
    ],
)
def test_a_bad_key_is_named_as_it_was_written(config: dict[str, Any], message: str) -> None:
    with pytest.raises(acurl.RequestError) as raised:
        settings.from_config(config)
    assert message in str(raised.value)


def test_one_limit_under_two_names_must_be_one() -> None:
    same = from_environment(MITE_HTTP_MAX_CONNECTS="5", MITE_HTTP_MAX_KEEPALIVE_CONNECTIONS="5")
    assert settings.resolve({}, same, {}).max_connects == 5
    with pytest.raises(acurl.RequestError, match="are the same limit"):
        from_environment(MITE_HTTP_MAX_CONNECTS="5", MITE_HTTP_MAX_KEEPALIVE_CONNECTIONS="6")


def test_values_that_contradict_each_other_are_all_named() -> None:
    layer = from_environment(MITE_HTTP_MIN_CONNECTS="500")
    with pytest.raises(acurl.RequestError, match=r"min_connects=500.*\(with MITE_HTTP_MIN_CONN"):
        settings.resolve({}, layer, {})


def test_bounds_in_code_win_over_a_limit_elsewhere() -> None:
    layer = from_environment(MITE_HTTP_MAX_CONNECTS="5")
    assert settings.resolve({"adaptive": (10, 20)}, layer, {}).max_connects == 20
    bounds = from_environment(MITE_HTTP_ADAPTIVE="[10, 20]")
    assert settings.resolve({"max_connects": 5}, bounds, {}) == PoolOptions(max_connects=5)


def test_seconds_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings.seconds_of(settings.IDLE_TIMEOUT, 300.0) == 300.0
    monkeypatch.setenv(settings.IDLE_TIMEOUT, "1.5")
    assert settings.seconds_of(settings.IDLE_TIMEOUT, 300.0) == 1.5
    monkeypatch.setenv(settings.IDLE_TIMEOUT, "none")
    with pytest.raises(acurl.RequestError, match="MITE_HTTP_POOL_IDLE_TIMEOUT=none: must be"):
        settings.check({})


def test_bytes_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings.bytes_of(settings.MEMORY_LIMIT) is None
    monkeypatch.setenv(settings.MEMORY_LIMIT, "536870912")
    assert settings.bytes_of(settings.MEMORY_LIMIT) == 536870912
    for text in ("512M", "0", "-1", ""):
        monkeypatch.setenv(settings.MEMORY_LIMIT, text)
        with pytest.raises(acurl.RequestError, match=f"MEMORY_LIMIT={text}: must be a number"):
            settings.check({})


def test_the_histograms_buckets_are_none_of_these() -> None:
    assert from_environment(MITE_HTTP_HISTOGRAM_BUCKETS="1,2") == {}


@pytest.mark.parametrize(
    ("variable", "text", "words", "sentence"),
    [
        ("MITE_HTTP_MAX_CONNECTS", "abc", (), "MITE_HTTP_MAX_CONNECTS=abc: must be a whole number"),
        ("MITE_HTTP_MAX_CONECTS", "5", (), "did you mean MITE_HTTP_MAX_CONNECTS?"),
        ("MITE_CONF_mite_http_max_streams", "0", (), "mite_http_max_streams=0: must be"),
        ("X", "", ("--add-to-config=mite_http_verify:/no/such",), "mite_http_verify=/no/such: "),
        ("MITE_HTTP_POOL_CLEANUP_INTERVAL", "0", (), "POOL_CLEANUP_INTERVAL=0: must be a number"),
    ],
)
def test_a_run_with_a_bad_setting_does_not_begin(
    variable: str, text: str, words: tuple[str, ...], sentence: str
) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "mite", "journey", "run", *words, "journeys.echo:echo"],
        cwd=ROOT,
        env={**os.environ, variable: text},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (104, "")
    (line,) = ended.stderr.splitlines()
    assert line.startswith("mite: ")
    assert sentence in line
