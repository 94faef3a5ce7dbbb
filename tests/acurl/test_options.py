"""What ConnectionOptions may be, what is said about those that may not, and how they are kept."""

import dataclasses
import socket
from typing import Any

import pytest

import acurl
from acurl.options import ConnectionOptions, Options, request_fields, session_fields
from tests.acurl.conftest import RunWrapper
from tests.acurl.echo import Echo

INTERFACES = ", ".join(name for _, name in socket.if_nameindex())
A_LONG_PATH = "/" + "a" * 107


def refusal(given: dict[str, Any]) -> str:
    """What is said about options that are refused."""
    with pytest.raises(acurl.RequestError) as caught:
        Options().with_changes(**session_fields(given))
    assert isinstance(caught.value, ValueError)
    return str(caught.value)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"http_version": "4"},
            "http_version='4': must be one of 'auto', '1.1', '2', '2-prior-knowledge', '3'",
        ),
        ({"http_version": None}, "http_version=None: must be one of 'auto', "),
        ({"http_version": 2}, "http_version=2: must be one of 'auto', "),
        ({"verify": None}, "verify=None: must be True, False or a CA file's path"),
        ({"verify": 1}, "verify=1: must be True, False or a CA file's path"),
        ({"verify": "/nowhere.pem"}, "verify='/nowhere.pem': there is no such CA file"),
        ({"cert": "/a"}, "cert='/a': must be a tuple (key file, certificate file)"),
        ({"cert": ("/nokey", "/b")}, "cert: there is no file '/nokey' (give key, certificate)"),
        ({"timeout": 0}, "timeout connect=0: must be above 0 seconds (None is never)"),
        ({"user_agent": "a\r\nB: c"}, "user_agent='a\\r\\nB: c': must be a str without"),
        ({"user_agent": 5}, "user_agent=5: must be a str without"),
        (
            {"connections": "lanes"},
            "connections='lanes': must be one of 'shared', 'session', 'request'",
        ),
        ({"trust_env": 1}, "trust_env=1: must be one of False, True"),
        ({"tls_resumption": None}, "tls_resumption=None: must be one of False, True"),
        ({"early_data": "yes"}, "early_data='yes': must be one of False, True"),
        ({"discard_body": 0}, "discard_body=0: must be one of False, True"),
        ({"cert_info": []}, "cert_info=[]: must be one of False, True"),
        ({"tls_min": 1.2}, "tls_min=1.2: must be one of '1.0', '1.1', '1.2', '1.3'"),
        ({"tls_max": "SSLv3"}, "tls_max='SSLv3': must be one of '1.0', '1.1', '1.2', '1.3'"),
        (
            {"tls_min": "1.3", "tls_max": "1.2"},
            "tls_min='1.3': must not be above tls_max='1.2'",
        ),
        ({"ciphers": ""}, "ciphers='': must be names of OpenSSL with ':' between, or None"),
        ({"ciphers": ["A"]}, "ciphers=['A']: must be names of OpenSSL"),
        ({"ciphers": "A\0B"}, "ciphers='A\\x00B': must be names of OpenSSL"),
        ({"dns_ttl": -1}, "dns_ttl=-1: must be a whole number, 0 or more"),
        ({"dns_ttl": 1.5}, "dns_ttl=1.5: must be a whole number, 0 or more"),
        (
            {"happy_eyeballs_timeout": 0},
            "happy_eyeballs_timeout=0: must be above 0 seconds",
        ),
        ({"max_response_size": 0}, "max_response_size=0: must be a whole number, 1 or more"),
        (
            {"tcp_keepalive": 60},
            "tcp_keepalive=60: must be (seconds of silence, seconds between probes), whole",
        ),
        ({"tcp_keepalive": (60, 0.5)}, "tcp_keepalive=(60, 0.5): must be (seconds of silence"),
        ({"tcp_keepalive": (0, 5)}, "tcp_keepalive=(0, 5): each must be 1 to 32767 seconds"),
        ({"tcp_keepalive": (5, 32768)}, "tcp_keepalive=(5, 32768): each must be 1 to 32767"),
    ],
)
def test_bad_values(given: dict[str, Any], message: str) -> None:
    assert refusal(given).startswith(message)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"resolve": "a:1"}, "resolve='a:1': must be a dict of 'host:port' to an address"),
        (
            {"resolve": {"a": "1.2.3.4"}},
            "resolve: 'a' must be 'host:port', such as 'example.com:443'",
        ),
        ({"resolve": {"a:0": "1.2.3.4"}}, "resolve: 'a:0' must be 'host:port'"),
        ({"resolve": {"a:65536": "1.2.3.4"}}, "resolve: 'a:65536' must be 'host:port'"),
        ({"resolve": {"::1:80": "1.2.3.4"}}, "resolve: '::1:80' must be 'host:port'"),
        ({"resolve": {"a b:80": "1.2.3.4"}}, "resolve: 'a b:80' must be 'host:port'"),
        ({"resolve": {("a", 80): "1.2.3.4"}}, "resolve: ('a', 80) must be 'host:port'"),
        (
            {"resolve": {"a:80": "b"}},
            "resolve: 'b' must be an IP address, such as '127.0.0.1' or '::1'",
        ),
        ({"resolve": {"a:80": []}}, "resolve: [] must be an IP address"),
        ({"resolve": {"a:80": ["::1", None]}}, "resolve: None must be an IP address"),
        ({"resolve": {"a:80": "fe80::1%lo"}}, "resolve: 'fe80::1%lo' must be an IP address"),
        ({"connect_to": ["a:1"]}, "connect_to=['a:1']: must be a dict of 'host:port' to 'host:"),
        ({"connect_to": {"a:1": "b"}}, "connect_to: 'b' must be 'host:port'"),
        ({"connect_to": {"a:1": 80}}, "connect_to: 80 must be 'host:port'"),
        ({"connect_to": {"a": "b:1"}}, "connect_to: 'a' must be 'host:port'"),
        ({"connect_to": {"a:1": "u@b:1"}}, "connect_to: 'u@b:1' must be 'host:port'"),
        ({"interface": ""}, "interface='': must be the name or address of one, or None"),
        (
            {"interface": "nope0"},
            f"interface='nope0': must be an address of this machine or one of {INTERFACES}",
        ),
        (
            {"interface": "192.0.2.1"},
            "interface='192.0.2.1': must be an address of this machine (Cannot assign requested",
        ),
        ({"unix_socket": ""}, "unix_socket='': must be the path of a socket, or None"),
        ({"unix_socket": "a\0b"}, "unix_socket='a\\x00b': must be the path of a socket"),
        (
            {"unix_socket": A_LONG_PATH},
            f"unix_socket='{A_LONG_PATH}': must be at most 107 bytes, not 108",
        ),
        (
            {"unix_socket": "/a", "proxy": "http://127.0.0.1:1"},
            "proxy and unix_socket: give one of them, not both",
        ),
        (
            {"unix_socket": "/a", "http_version": "3"},
            "http_version='3': runs over UDP, which unix_socket is not",
        ),
        (
            {"proxy": "SOCKS5://127.0.0.1:1", "http_version": "3"},
            "http_version='3': a proxy must be http or https (connect-udp)",
        ),
    ],
)
def test_bad_destinations(given: dict[str, Any], message: str) -> None:
    assert refusal(given).startswith(message)


@pytest.mark.parametrize(
    ("proxy", "message"),
    [
        (5, "proxy: must be a str, '' for none or None, not int"),
        (
            "ada:s3cret@host:3128",
            "proxy='***@host:3128': must begin with one of http, https, socks4, socks4a, socks5,",
        ),
        ("ftp://ada:s3cret@host:1", "proxy='ftp://***@host:1': must begin with one of http, "),
        ("http://ada:s3cret@host", "proxy='http://***@host': must be scheme://host:port or "),
        ("http://ada:s3/cret@host", "proxy='http://***@host': must be scheme://host:port or "),
        ("http://host:1/s3cret/@x", "proxy='http://***@x': must be scheme://host:port or "),
        ("http://host:1/path", "proxy='http://host:1/path': must be scheme://host:port or "),
        ("http://host:99999", "proxy='http://host:99999': must be scheme://host:port or "),
        ("http://:80", "proxy='http://:80': must be scheme://host:port or "),
        ("http://a:s3 cret@host:1", "proxy='http://***@host:1': must be ASCII without blanks"),
        ("http://a:s3\ncret@host:1", "proxy='http://***@host:1': must be ASCII without blanks"),
        ("http://a:s3cretü@host:1", "proxy='http://***@host:1': must be ASCII without blanks"),
    ],
)
def test_bad_proxies_are_named_and_their_passwords_are_not(proxy: Any, message: str) -> None:
    said = refusal({"proxy": proxy})
    assert said.startswith(message)
    assert "s3" not in said


@pytest.mark.parametrize(
    "given",
    [
        {"proxy": None},
        {"proxy": ""},
        {"proxy": "http://host:1/"},
        {"proxy": "SOCKS5h://[::1]:1080"},
        {"tls_min": "1.2", "tls_max": "1.2"},
        {"interface": None, "unix_socket": None, "resolve": None, "connect_to": None},
        {"interface": "127.0.0.1"},
        {"interface": "lo"},
        {"dns_ttl": None},
        {"dns_ttl": 1 << 70},
        {"max_response_size": 1 << 70},
        {"happy_eyeballs_timeout": 1e300},
        {"timeout": None},
        {"unix_socket": A_LONG_PATH[:-1]},
    ],
)
def test_values_at_the_edge(run_wrapper: RunWrapper, echo: Echo, given: dict[str, Any]) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        wrapper.session(**given)
        if not given.get("proxy") and not given.get("unix_socket"):
            assert (await wrapper.session(**given).get(echo.url)).status_code == 200

    run_wrapper(body)


def test_an_unknown_name_is_refused_with_those_that_there_are(run_wrapper: RunWrapper) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        expected = r"^there is no option 'tls' .* allowed are cert, "
        with pytest.raises(TypeError, match=expected) as e:
            wrapper.session(tls="1.2")  # type: ignore[call-arg]
        for name in ConnectionOptions.__annotations__:
            assert name in str(e.value)

    run_wrapper(body)


def test_addresses_and_hosts_have_one_spelling() -> None:
    fields = session_fields(
        {
            "resolve": {"EXAMPLE.com:80": "[::0001]", "[0:0::1]:80": ("10.0.0.1", "::2")},
            "connect_to": {"bücher.test:443": "[::A]:1"},
        }
    )
    assert fields["resolve"] == (
        ("example.com:80", ("[::1]",)),
        ("[::1]:80", ("10.0.0.1", "[::2]")),
    )
    assert fields["connect_to"] == (("xn--bcher-kva.test:443", "[::a]:1"),)


def test_options_are_values() -> None:
    assert Options() == Options()
    assert hash(Options(verify=False)) == hash(Options().with_changes(verify=False))
    with pytest.raises(dataclasses.FrozenInstanceError):
        Options().verify = False  # type: ignore[misc]


def test_options_show_no_password() -> None:
    assert "lovelace" not in repr(Options(proxy="http://ada:lovelace@127.0.0.1:1"))


@pytest.mark.parametrize(
    ("own", "asked", "message"),
    [
        ("shared", "session", "connections='session': is for a whole session; a request may ask"),
        ("session", "shared", "connections='shared': is for a whole session; a request may ask"),
        ("request", "session", "connections='session': is for a whole session; a request may"),
        ("shared", "lanes", "connections='lanes': must be one of 'shared', 'session', 'request'"),
    ],
)
def test_what_a_request_may_not_change(own: Any, asked: str, message: str) -> None:
    with pytest.raises(acurl.RequestError) as caught:
        request_fields({"connections": asked}, Options(connections=own))
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("own", ["shared", "session", "request"])
def test_connections_that_a_request_may_ask_for(own: Any) -> None:
    for asked in (own, "request"):
        assert request_fields({"connections": asked}, Options(connections=own)) == {
            "connections": asked
        }


def test_none_in_a_request_is_as_the_session_has_it() -> None:
    given = {"verify": None, "http_version": None, "cert": None, "dns_ttl": None}
    assert request_fields(given, Options()) == {"dns_ttl": None}
