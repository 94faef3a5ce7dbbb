"""Requests are checked before anything is sent; what was asked for is what servers receive."""

import shlex
from typing import Any

import pytest

import acurl
from acurl.request import build_request, kept_plain_get, plain_get
from tests.acurl.conftest import RunWrapper
from tests.acurl.echo import Echo, body_of, headers_of
from tests.servers.nginx import Nginx

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
    # Behind a colon may stand a secret, and what is no text may be one.
    shown = name.partition(":")[0] if isinstance(name, str) else type(name).__name__
    assert str(caught.value).startswith(f"header name {shown!r}: must be ")


@pytest.mark.parametrize("value", ["a\r\nB: c", "a\nb", "\r", "a\0b", "\n"])
def test_header_values_cannot_start_another_header(value: str) -> None:
    with pytest.raises(acurl.RequestError) as caught:
        build_request("GET", URL, {"A": value})
    assert str(caught.value) == "header A: its value must not contain CR, LF or NUL"


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


@pytest.mark.parametrize("data", [5, True, object(), 1.5])
def test_bad_bodies(data: Any) -> None:
    with pytest.raises(acurl.RequestError, match=r"^data must be bytes, str, a dict"):
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


@pytest.mark.parametrize("options", [{"data": b""}, {"json": {}}])
@pytest.mark.parametrize("method", ["HEAD", b"HEAD"])
def test_head_cannot_have_a_body(method: Any, options: Any) -> None:
    with pytest.raises(acurl.RequestError, match="HEAD cannot carry a body"):
        build_request(method, URL, **options)


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
        (("ada", 5), "the password must be a str, not int"),
        (["ada", "b"], "tuple of two strings"),
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


def exchange(run_wrapper: RunWrapper, echo: Echo, method: str, **options: Any) -> bytes:
    """The bytes that a server receives for a request."""

    async def body(wrapper: acurl.CurlWrapper) -> None:
        response = await wrapper.session().request(method, f"{echo.url}/path?a=b", **options)
        assert response.status_code == 200
        assert response.body == (b"" if method == "HEAD" else echo.last())

    run_wrapper(body)
    return echo.last()


@pytest.mark.parametrize(
    "verb", ["get", "head", "options", "delete", "post", "put", "patch", "get_with_options"]
)
def test_verbs(run_wrapper: RunWrapper, echo: Echo, verb: str) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session()
        if verb == "get_with_options":
            await session.get(f"{echo.url}/path?a=b", headers={})
        else:
            await getattr(session, verb)(f"{echo.url}/path?a=b")

    run_wrapper(body)
    method = verb.partition("_")[0].upper()
    assert echo.last().startswith(f"{method} /path?a=b HTTP/1.1\r\n".encode())
    names = {name for name, _value in headers_of(echo.last())}
    with_body = {"content-length", "content-type"} if verb in {"post", "put", "patch"} else set()
    assert names == {"host", "accept", "accept-encoding"} | with_body


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "GET", "QUERY"])
def test_a_body_reaches_the_server_whatever_the_method(
    run_wrapper: RunWrapper, echo: Echo, method: str
) -> None:
    request = exchange(run_wrapper, echo, method, data=b"a\0b\r\n\r\n\xff")
    assert request.startswith(f"{method} /path?a=b HTTP/1.1\r\n".encode())
    assert body_of(request) == b"a\0b\r\n\r\n\xff"
    assert dict(headers_of(request))["content-length"] == "8"


@pytest.mark.parametrize(
    ("options", "content_type", "content"),
    [
        ({"data": {"a": "1 2", "b": "é"}}, "application/x-www-form-urlencoded", b"a=1+2&b=%C3%A9"),
        ({"data": "grün"}, "application/x-www-form-urlencoded", "grün".encode()),
        ({"data": "x", "headers": {"Content-Type": "text/x"}}, "text/x", b"x"),
        ({"data": "x", "headers": {"Content-Type": ""}}, "", b"x"),
        ({"json": {"a": None}}, "application/json", b'{"a": null}'),
        ({"data": b""}, None, b""),
        ({}, None, b""),
    ],
)
def test_content_types(
    run_wrapper: RunWrapper, echo: Echo, options: Any, content_type: str | None, content: bytes
) -> None:
    request = exchange(run_wrapper, echo, "POST", **options)
    headers = dict(headers_of(request))
    assert body_of(request) == content
    assert headers["content-length"] == str(len(content))
    if content:
        assert headers["content-type"] == content_type


def test_headers_on_the_wire(run_wrapper: RunWrapper, echo: Echo) -> None:
    given = [("A", "1"), ("a", "2"), ("Empty", ""), ("Utf-8", "é"), ("User-Agent", "me")]
    request = exchange(run_wrapper, echo, "GET", headers=given)
    received = headers_of(request)
    assert [pair for pair in received if pair[0] == "a"] == [("a", "1"), ("a", "2")]
    assert dict(received)["empty"] == ""
    assert dict(received)["utf-8"].encode("latin-1").decode() == "é"
    assert dict(received)["user-agent"] == "me"


def test_a_header_of_ones_own_replaces_libcurls(run_wrapper: RunWrapper, echo: Echo) -> None:
    given = {"Host": "other.example", "Accept": "text/x", "Accept-Encoding": "identity"}
    request = exchange(run_wrapper, echo, "GET", headers=given)
    assert sorted(headers_of(request)) == sorted(
        (name.lower(), value) for name, value in given.items()
    )


def test_auth_on_the_wire(run_wrapper: RunWrapper, nginx: Nginx) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session(verify=False)
        for origin in (nginx.http, nginx.https):
            good = await session.get(f"{origin}/auth", auth=("ada", "lovelace"))
            bad = await session.get(f"{origin}/auth", auth=("ada", "x"))
            none = await session.get(f"{origin}/auth")
            assert [r.status_code for r in (good, bad, none)] == [200, 401, 401]

    run_wrapper(body)


def test_a_user_agent_for_the_session(run_wrapper: RunWrapper, echo: Echo) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        await wrapper.session(user_agent="mine/1").get(echo.url)

    run_wrapper(body)
    assert dict(headers_of(echo.last()))["user-agent"] == "mine/1"


@pytest.mark.parametrize("origin", ["http", "https"])
def test_large_bodies_are_sent_whole(run_wrapper: RunWrapper, nginx: Nginx, origin: str) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session(verify=False)
        data = bytes(range(256)) * 12_000
        response = await session.post(f"{getattr(nginx, origin)}/sink", data=data)
        assert response.text == f"{len(data)}\n"
        assert response.upload_size == len(data)
        assert response.total_time < 1  # a second is what waiting for a 100 would cost

    run_wrapper(body)


def test_a_large_body_arrives_unchanged(run_wrapper: RunWrapper, echo: Echo) -> None:
    data = bytes(range(256)) * 6_000
    assert body_of(exchange(run_wrapper, echo, "PUT", data=data)) == data


def test_login_and_non_ascii_in_urls(run_wrapper: RunWrapper, echo: Echo) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        url = echo.url.replace("//", "//ada:love%20lace@") + "/grün?q=a+b#part"
        response = await wrapper.session().get(url)
        assert response.url == url

    run_wrapper(body)
    assert echo.last().startswith(b"GET /gr%C3%BCn?q=a+b HTTP/1.1\r\n")
    assert dict(headers_of(echo.last()))["authorization"] == "Basic YWRhOmxvdmUgbGFjZQ=="
