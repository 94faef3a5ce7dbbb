"""ConnectionOptions: each name exists, has its default, takes good values and refuses bad ones."""

from dataclasses import replace
from typing import Any, NamedTuple

import pytest

import acurl
from acurl.options import Options
from tests.acurl.conftest import RunWrapper
from tests.acurl.surface.conftest import Ask
from tests.servers.nginx import Nginx


class Documented(NamedTuple):
    """What docs/acurl.md says of an option; `good` is another value than the default."""

    default: Any
    good: Any
    bad: Any


OPTIONS = {
    "timeout": Documented(acurl.Timeout(), 5, "5"),
    "http_version": Documented("auto", "1.1", "1.2"),
    "verify": Documented(True, False, "/no/such/file"),
    "cert": Documented(None, None, ("/no/key", "/no/certificate")),
    "user_agent": Documented("", "me/1.0", "a\r\nb"),
    "trust_env": Documented(True, False, "yes"),
    "proxy": Documented(None, "", "no-scheme:3128"),
    "connections": Documented("shared", "request", "lanes"),
    "tls_min": Documented(None, "1.2", "2"),
    "tls_max": Documented(None, "1.3", 1.3),
    "ciphers": Documented(None, "TLS_AES_128_GCM_SHA256", 5),
    "tls_resumption": Documented(True, False, 0),
    "early_data": Documented(False, True, 1),
    "dns_ttl": Documented(60, 0, -1),
    "resolve": Documented(None, {"shop.test:80": "127.0.0.1"}, {"shop.test": "127.0.0.1"}),
    "connect_to": Documented(None, {"shop.test:80": "127.0.0.1:80"}, {"shop.test:80": "x"}),
    "interface": Documented(None, "127.0.0.1", "203.0.113.1"),
    "unix_socket": Documented(None, None, "x" * 200),
    "happy_eyeballs_timeout": Documented(None, 0.3, 0),
    "tcp_keepalive": Documented(None, (60, 10), 60),
    "max_response_size": Documented(None, 1 << 30, 0),
    "discard_body": Documented(False, True, "no"),
    "cert_info": Documented(False, True, "no"),
    "low_memory": Documented(False, True, "no"),
}


def test_these_are_all_names() -> None:
    assert OPTIONS.keys() == acurl.ConnectionOptions.__annotations__.keys()


@pytest.mark.parametrize("name", OPTIONS)
def test_each_has_its_default(run_wrapper: RunWrapper, name: str) -> None:
    """Giving the default is the same as giving nothing: both lead to the same settings."""

    async def body(wrapper: acurl.CurlWrapper) -> None:
        given: Any = {name: OPTIONS[name].default}
        assert wrapper.session()._settings is wrapper.session(**given)._settings

    run_wrapper(body)


@pytest.mark.parametrize("name", [name for name in OPTIONS if OPTIONS[name].good is not None])
def test_each_changes_the_settings(run_wrapper: RunWrapper, name: str) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        given: Any = {name: OPTIONS[name].good}
        assert wrapper.session()._settings.options != wrapper.session(**given)._settings.options

    run_wrapper(body)


@pytest.mark.parametrize("name", OPTIONS)
def test_each_is_taken_by_a_request(nginx: Nginx, name: str) -> None:
    good: Any = {name: OPTIONS[name].good}
    assert acurl.get(f"{nginx.http}/small", **good).status_code == 200


@pytest.mark.parametrize("name", OPTIONS)
def test_each_refuses_a_bad_value_in_a_session(run_wrapper: RunWrapper, name: str) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        bad: Any = {name: OPTIONS[name].bad}
        with pytest.raises(ValueError, match=name) as caught:
            wrapper.session(**bad)
        assert type(caught.value) is acurl.RequestError

    run_wrapper(body)


@pytest.mark.parametrize("name", OPTIONS)
def test_each_refuses_a_bad_value_in_a_request(name: str) -> None:
    bad: Any = {name: OPTIONS[name].bad}
    with pytest.raises(acurl.RequestError, match=name):
        acurl.get("http://127.0.0.1:1/", **bad)


def test_a_request_wins_over_its_session(run_wrapper: RunWrapper, nginx: Nginx) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session(user_agent="usual")
        assert "usual" in (await session.get(f"{nginx.http}/mirror")).text
        assert "other" in (await session.get(f"{nginx.http}/mirror", user_agent="other")).text
        assert "usual" in (await session.get(f"{nginx.http}/mirror")).text

    run_wrapper(body)


@pytest.mark.parametrize("name", ["verify", "http_version", "cert"])
def test_none_is_as_the_session_has_it(run_wrapper: RunWrapper, nginx: Nginx, name: str) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session(verify=str(nginx.ca_file), http_version="1.1")
        given: Any = {name: None}
        assert (await session.get(f"{nginx.https}/small", **given)).http_version == "1.1"

    run_wrapper(body)


@pytest.mark.parametrize(
    ("version", "listener", "spoken"),
    [
        ("auto", "https", "2"),
        ("auto", "http", "1.1"),
        ("1.1", "https", "1.1"),
        ("2", "https", "2"),
        ("2-prior-knowledge", "h2c", "2"),
    ],
)
def test_http_version(ask: Ask, nginx: Nginx, version: str, listener: str, spoken: str) -> None:
    url = f"{getattr(nginx, listener)}/small"
    response = ask("GET", url, verify=str(nginx.ca_file), http_version=version)
    assert response.http_version == spoken


@pytest.mark.parametrize("version", ["2", "3"])
def test_http_versions_that_need_tls(ask: Ask, nginx: Nginx, version: str) -> None:
    with pytest.raises(acurl.RequestError, match="needs https://"):
        ask("GET", f"{nginx.http}/small", http_version=version)


def test_connections_of_a_session_are_its_own(run_wrapper: RunWrapper, nginx: Nginx) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        sessions = [wrapper.session(connections="session") for _ in range(2)]
        for reused in (False, True):
            for session in sessions:
                assert (await session.get(f"{nginx.http}/small")).reused is reused

    run_wrapper(body)


def test_connections_of_a_session_are_not_for_one_request(ask: Ask, nginx: Nginx) -> None:
    with pytest.raises(acurl.RequestError, match="is for a whole session"):
        ask("GET", f"{nginx.http}/small", connections="session")


def test_options_are_an_immutable_value() -> None:
    assert Options() == replace(Options())
    with pytest.raises(AttributeError):
        Options().verify = False  # type: ignore[misc]
