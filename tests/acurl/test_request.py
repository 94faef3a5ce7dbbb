"""Requests are checked before anything is sent; what was asked for can be read back."""

import shlex
from typing import Any

import pytest

import acurl
from acurl.request import build_request, kept_plain_get, plain_get

URL = "http://host/path"


def lines(request: acurl.Request) -> list[bytes]:
    """The header lines for libcurl."""
    assert request.wire_headers_len == len(request.wire_headers)
    return [line for line in request.wire_headers.split(b"\0") if line]


@pytest.mark.parametrize("method", ["GET", b"GET", "M-SEARCH", "x!#$%&'*+.^_`|~"])
def test_methods(method: Any) -> None:
    request = build_request(method, URL)
    assert request.method == (method if isinstance(method, bytes) else method.encode())


@pytest.mark.parametrize(
    "method", ["", "GE T", "GET\r\nX: y", "GET\n", "GÉT", b"\xff", "G\0T", None, 7, "GET:"]
)
def test_bad_methods(method: Any) -> None:
    with pytest.raises(acurl.RequestError) as caught:
        build_request(method, URL)
    assert str(caught.value) == f"method {method!r}: must be a word such as GET"


def test_headers_from_a_dict_or_pairs() -> None:
    assert lines(build_request("GET", URL, {"A": "1", "B": " 2 "})) == [b"A: 1", b"B: 2"]
    pairs = [("A", "1"), ("A", "2")]
    request = build_request("GET", URL, pairs)
    assert lines(request) == [b"A: 1", b"A: 2"]
    assert request.headers == {"A": "2"}
    assert lines(build_request("GET", URL, iter(pairs))) == [b"A: 1", b"A: 2"]


def test_an_empty_header_is_sent_not_dropped() -> None:
    assert lines(build_request("GET", URL, {"A": "", "B": "  "})) == [b"A;", b"B;"]


@pytest.mark.parametrize("name", ["", "A B", "A:", "A\r\nB", "A\0", "Ä", "A;", 5, None, b"A"])
def test_bad_header_names(name: Any) -> None:
    with pytest.raises(acurl.RequestError) as caught:
        build_request("GET", URL, {name: "x"})
    assert str(caught.value).startswith(f"header name {name!r}: must be ")


@pytest.mark.parametrize("value", ["a\r\nB: c", "a\nb", "\r", "a\0b", "\n"])
def test_header_values_cannot_start_another_header(value: str) -> None:
    with pytest.raises(acurl.RequestError) as caught:
        build_request("GET", URL, {"A": value})
    assert str(caught.value) == f"header A: value {value!r} must not contain CR, LF or NUL"


@pytest.mark.parametrize("value", [5, None, b"x", ["x"]])
def test_header_values_are_strings(value: Any) -> None:
    with pytest.raises(acurl.RequestError, match="header A: value must be a str"):
        build_request("GET", URL, {"A": value})


@pytest.mark.parametrize("headers", ["A: b", 5, [("A",)], [5]])
def test_bad_sets_of_headers(headers: Any) -> None:
    with pytest.raises(acurl.RequestError, match="header"):
        build_request("GET", URL, headers)


@pytest.mark.parametrize(
    ("data", "body"),
    [
        (None, None),
        (b"", b""),
        (b"a\0b", b"a\0b"),
        (bytearray(b"ab"), b"ab"),
        (memoryview(b"ab"), b"ab"),
        ("grün", "grün".encode()),
        ({"a": "1 2", "b": ["x", "y"]}, b"a=1+2&b=x&b=y"),
        ({}, b""),
    ],
)
def test_bodies(data: Any, body: bytes | None) -> None:
    assert build_request("POST", URL, data=data).data == body


@pytest.mark.parametrize("data", [5, ["a"], object(), 1.5])
def test_bad_bodies(data: Any) -> None:
    with pytest.raises(acurl.RequestError, match="data must be bytes, str or a dict"):
        build_request("POST", URL, data=data)


def test_json() -> None:
    request = build_request("POST", URL, json={"a": [1, None]})
    assert request.data == b'{"a": [1, null]}'
    assert lines(request) == [b"Content-Type: application/json"]
    own = build_request("POST", URL, {"content-TYPE": "text/x"}, json=0)
    assert (own.data, lines(own)) == (b"0", [b"content-TYPE: text/x"])


def test_bad_json() -> None:
    with pytest.raises(acurl.RequestError, match=r"^json: .*set"):
        build_request("POST", URL, json={1})
    with pytest.raises(acurl.RequestError, match="data or json, not both"):
        build_request("POST", URL, json=1, data=b"1")


def test_auth() -> None:
    (line,) = lines(build_request("GET", URL, auth=("ada", "love:lace")))
    assert line == b"Authorization: Basic YWRhOmxvdmU6bGFjZQ=="
    own = build_request("GET", URL, {"authorization": "Bearer x"}, auth=("ada", "y"))
    assert lines(own) == [b"authorization: Bearer x"]


@pytest.mark.parametrize(
    ("auth", "reason"),
    [
        ("ada", "tuple of two strings"),
        (("ada",), "tuple of two strings"),
        (("ada", 5), "tuple of two strings"),
        (("a:da", "x"), "must not contain ':'"),
        (("ada", "x\r\n"), "CR, LF or NUL"),
    ],
)
def test_bad_auth(auth: Any, reason: str) -> None:
    with pytest.raises(acurl.RequestError, match="^auth.*" + reason):
        build_request("GET", URL, auth=auth)


@pytest.mark.parametrize(
    "options",
    [
        {"headers": {"A": "\ud800"}},
        {"data": "\ud800"},
        {"auth": ("ada", "\ud800")},
        {"data": {"a": "\ud800"}},
    ],
)
def test_text_that_has_no_encoding_is_refused(options: Any) -> None:
    with pytest.raises(acurl.RequestError, match="surrogates"):
        build_request("POST", URL, **options)


def test_large_bodies_do_not_wait_for_a_100() -> None:
    large = bytes((1 << 20) + 1)
    assert lines(build_request("POST", URL, data=large)) == [b"Expect:"]
    own = build_request("POST", URL, {"Expect": "100-continue"}, data=large)
    assert lines(own) == [b"Expect: 100-continue"]
    assert lines(build_request("POST", URL, data=large[:-1])) == []


def test_cookies_are_shown() -> None:
    cookie = acurl.Cookie("other.example", "b", "2")
    assert build_request("GET", URL, cookies={"a": "1", "b": cookie}).cookies == {
        "a": "1",
        "b": "2",
    }


def test_to_curl() -> None:
    request = build_request(
        "PUT",
        URL + "?a=1&b=2",
        {"A": "it's"},
        cookies={"c": "d"},
        auth=("ada", "lovelace"),
        data="x y",
    )
    assert shlex.split(request.to_curl()) == [
        *["curl", "-X", "PUT", "--data-raw", "x y", "-H", "A: it's"],
        *["--cookie", "c=d", "--user", "ada:lovelace", "http://host/path?a=1&b=2"],
    ]
    assert build_request("GET", URL).to_curl() == f"curl -X GET {URL}"


def test_plain_requests_are_kept_and_bounded() -> None:
    request = plain_get(URL)
    assert kept_plain_get(URL) is request
    for number in range(5000):
        plain_get(f"{URL}/{number}")
    assert kept_plain_get(f"{URL}/0") is None
    assert kept_plain_get(f"{URL}/4999") is not None
