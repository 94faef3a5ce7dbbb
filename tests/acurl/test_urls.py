"""URLs reach libcurl encoded, or are refused in one sentence."""

from typing import Any

import pytest

import acurl
from acurl.urls import (
    encode_url,
    host,
    login,
    origin,
    path,
    redirect_url,
    with_params,
    without_password,
)
from acurl.values import shown
from tests.acurl.conftest import RunWrapper
from tests.acurl.echo import Echo, headers_of
from tests.conftest import RawServerFactory
from tests.servers.raw import Connection


@pytest.mark.parametrize(
    ("url", "encoded"),
    [
        ("http://host", b"http://host"),
        ("https://host:8443/a?b=c#d", b"https://host:8443/a?b=c#d"),
        ("HTTP://Host/", b"http://Host/"),
        ("http://host:/", b"http://host/"),
        ("http://host:080?x", b"http://host:080?x"),
        ("http://host:65535/", b"http://host:65535/"),
        ("http://u:p%40@host/", b"http://u:p%40@host/"),
        ("http://\u00fc:\u00e9@host/", b"http://%C3%BC:%C3%A9@host/"),
        ("http://127.1/", b"http://127.1/"),
        ("http://host./", b"http://host./"),
        ("http://.a..b", b"http://.a..b"),
        ("http://h%6Fst/", b"http://host/"),
        ("http://b%C3%BCcher.example/", b"http://xn--bcher-kva.example/"),
        ("http://host/é?q=ü", b"http://host/%C3%A9?q=%C3%BC"),
        ("http://host/%C3%A9%20", b"http://host/%C3%A9%20"),
        ("http://bücher.example/x", b"http://xn--bcher-kva.example/x"),
        ("http://BÜCHER.Example:81", b"http://xn--bcher-kva.example:81"),
        ("http://straße.example/", b"http://xn--strae-oqa.example/"),
        ("http://日本語。jp./", b"http://xn--wgv71a119e.jp./"),
        ("http://a@bücher.example/x", b"http://a@xn--bcher-kva.example/x"),
        ("http://[::1]:80/", b"http://[::1]:80/"),
        ("http://[fe80::1%25eth0]/", b"http://[fe80::1%25eth0]/"),
        ('http://host/[x]{y}|"<>`^\\', b'http://host/[x]{y}|"<>`^\\'),
    ],
)
def test_encoded(url: str, encoded: bytes) -> None:
    assert encode_url(url) == encoded


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        (b"http://host/", "must be a str, not bytes"),
        (None, "must be a str, not NoneType"),
        ("", "must be absolute"),
        ("/path", "must be absolute"),
        ("host/path", "must be absolute"),
        ("ftp://host/", "scheme must be http or https, not 'ftp'"),
        ("file:///etc/passwd", "scheme must be http or https, not 'file'"),
        ("http://", "has no host"),
        ("http:///path", "has no host"),
        ("http://:80/", "has no host"),
        ("http://ho st/", "must not contain ' '"),
        ("http://host/a b", "must not contain ' ' (%20, or '+' in a query)"),
        ("http://host/#a b", "must not contain ' '"),
        (" http://host/", "must not contain ' '"),
        ("http://@host/", "has no user before '@'"),
        ("http://\uff11\uff12\uff17.0.0.1/", "an address must have ASCII digits"),
        ("http://a@b@host/", "must stand [user[:password]@]host[:port]"),
        ("http://host\\x/", "must consist of letters"),
        ("http://../", "must consist of letters"),
        ("http://a../", "must consist of letters"),
        ("http://a%20b/", "must consist of letters"),
        ("http://a%00b/", "must consist of letters"),
        ("http://a%zzb/", "after '%' must stand two hexadecimal digits"),
        ("http://127.0.0.1./", "an address must not end with a dot"),
        ("http://[::1]x/", "must stand [user[:password]@]host[:port]"),
        ("http://[v1.x]/", "is no IPv6 address"),
        ("http://[1.2.3.4]/", "is no IPv6 address"),
        ("http://[::1%25a/b]/", "must stand [user[:password]@]host[:port]"),
        ("http://host/\r\nX: y", "must not contain '\\r'"),
        ("http://host/\n", "must not contain '\\n'"),
        ("http://host/\0", "must not contain '\\x00'"),
        ("http://host/\x7f", "must not contain '\\x7f'"),
        ("http://host:65536/", "port 65536 is out of range 0-65535"),
        (f"http://host:{'9' * 5000}/", "is out of range"),
        ("http://host:port/", "must stand [user[:password]@]host[:port]"),
        ("http://host:-1/", "must stand [user[:password]@]host[:port]"),
        ("http://host:8\uff11/", "must stand [user[:password]@]host[:port]"),
        ("http://[::1/", "must stand [user[:password]@]host[:port]"),
        ("http://a[b/", "must consist of letters"),
        ("http://b\xfcche..r/", "no valid name"),
        ("http://\u2603.example/", "no valid name"),
        ("http://\ud800.example/", "no valid name"),
        ("http://host/\ud800", "surrogates"),
    ],
)
def test_refused(url: Any, reason: str) -> None:
    with pytest.raises(acurl.RequestError) as caught:
        encode_url(url)
    message = str(caught.value)
    assert message.startswith(f"url {shown(url)}: " if isinstance(url, str) else "url: ")
    assert reason in message


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("http://ada@b.test:pw@h:1/x@y", "http://ada@b.test:***@h:1/x@y"),
        ("http://ada:p/w@h:1/", "http://ada:***@h:1/"),
        ("http://ada:p#w@h/", "http://ada:***@h/"),
        ("http://ada@b.test:p?w@h/", "http://ada@b.test:***@h/"),
        ("http://ada:p@w@h/", "http://ada:***@h/"),
        ("http://:pw@h/", "http://:***@h/"),
        ("ada:pw@h/", "ada:***@h/"),
        ("//ada:pw@h/", "//ada:***@h/"),
        ("http:\\\\ada:pw@h/", "http:***@h/"),
        ("http://h/?to=http://ada:pw@h/", "http://h/?to=http://ada:***@h/"),
        ("http://ada:pw@[::1]:8/", "http://ada:***@[::1]:8/"),
        *(
            (plain, plain)
            for plain in (
                "http://h:80/x@y",
                "http://ada@h:8/x:y@z",
                "http://h?a:b@c",
                "http://[::1]:8/x@y",
                "http://[::1]/x@y",
                "http://ada@[::1]:8?x@y",
                "",
            )
        ),
    ],
)
def test_without_password(url: str, told: str) -> None:
    assert without_password(url) == told


def test_refused_without_showing_the_password() -> None:
    with pytest.raises(acurl.RequestError, match=r"url 'http://:\*\*\*@host/': has no user"):
        encode_url("http://:@host/")
    with pytest.raises(acurl.RequestError) as caught:
        encode_url("http://user:secret@ho st/")
    assert "secret" not in str(caught.value)


def test_the_longest_url(run_wrapper: RunWrapper, echo: Echo) -> None:
    start = f"{echo.url}/?"
    with pytest.raises(acurl.RequestError) as caught:
        encode_url(start + "a" * (1_000_001 - len(start)))
    assert str(caught.value) == (
        f"url '{echo.url}' and so on: has 1000001 bytes, at most are 1000000"
    )
    longest = start + "a" * (1_000_000 - len(start))

    async def body(wrapper: acurl.CurlWrapper) -> None:
        assert (await wrapper.session().head(longest)).status_code == 200

    run_wrapper(body)
    assert len(echo.last().split(b" ")[1]) == 1_000_000 - len(echo.url)


def test_origins() -> None:
    assert origin("http://Host/a") == origin("http://host:80/b") == ("http", "host", 80)
    assert origin("https://host/") == ("https", "host", 443)
    assert origin("https://host/") != origin("https://host:444/")


def test_redirects_are_encoded_as_curl_does() -> None:
    assert redirect_url("http://h/a b?c d?e f") == "http://h/a%20b?c+d?e+f"
    assert redirect_url("http://h/a") == "http://h/a"


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("http://Host.Example:81/", "host.example"),
        ("http://u:p@BÜCHER.example/", "xn--bcher-kva.example"),
        ("http://h%4Fst/", "host"),
        ("http://127.1/", "127.0.0.1"),
        ("http://0x7F.0.0.1/", "127.0.0.1"),
        ("http://017700000001/", "127.0.0.1"),
        ("http://1.2.3.256/", "1.2.3.256"),
        ("http://[::FFFF:1.2.3.4]/", "::ffff:1.2.3.4"),
        ("http://[FE80:0::1%25eth0]:81/", "fe80::1"),
        ("http://[::Ad:48]/", "::ad:48"),
    ],
)
def test_hosts_as_cookies_know_them(url: str, name: str) -> None:
    assert host(url) == name


def test_paths() -> None:
    urls = ("http://h", "http://h?/a", "http://h#/a", "http://h/a/b?c", "http://h/a#b?c")
    assert [path(url) for url in urls] == ["/", "/", "/", "/a/b", "/a"]


def test_logins() -> None:
    assert login("http://host/@") is None
    assert login("http://user@host") == ("user", "")
    assert login("http://:pass@host") == ("", "pass")
    assert login("http://u%40:p%3Aq:r@host") == ("u@", "p:q:r")
    # What urllib takes for a slash in disguise is no reason to fail later on.
    assert login("http://a\uff0fb@host/") == ("a\uff0fb", "")


@pytest.mark.parametrize(
    ("url", "params", "merged"),
    [
        ("http://h", None, "http://h"),
        ("http://h/#f", {}, "http://h/#f"),
        ("http://h", {"a": "x"}, "http://h?a=x"),
        ("http://h/?", {"a": "x"}, "http://h/?a=x"),
        ("http://h/?a=b", {"a": "x"}, "http://h/?a=b&a=x"),
        ("http://h/?a=b&", {"a": "x"}, "http://h/?a=b&a=x"),
        ("http://h/?a=%20#f?g", {"a": "x"}, "http://h/?a=%20&a=x#f?g"),
        ("http://h/#f?g", {"a": "x"}, "http://h/?a=x#f?g"),
        ("http://h/", [("a", 1), ("b", 2), ("a", 3)], "http://h/?a=1&b=2&a=3"),
        ("http://h/", {"a": [1, 2.5, None, True], "b": ()}, "http://h/?a=1&a=2.5&a=true"),
        ("http://h/", {"a": None, "b": False, "c": ""}, "http://h/?b=false&c="),
        ("http://h/", {"a b": "c d+&=#/é%20"}, "http://h/?a+b=c+d%2B%26%3D%23%2F%C3%A9%2520"),
        ("http://h/", (pair for pair in [("a", "b")]), "http://h/?a=b"),
    ],
)
def test_parameters(url: str, params: Any, merged: str) -> None:
    assert with_params(url, params) == merged


@pytest.mark.parametrize(
    ("params", "reason"),
    [
        ("a=b", "must be a mapping or an iterable of (name, value) pairs"),
        (b"a=b", "must be a mapping"),
        (5, "must be a mapping"),
        ([("a", "b", "c")], "must be a mapping"),
        ({1: "x"}, "name 1 must be a str, not int"),
        ({"a": b"secret"}, "'a' must be str, int, float, bool, None or a list of these, not bytes"),
        ({"a": {"b": "secret"}}, "not dict"),
        ({"a": [["secret"]]}, "not list"),
        ({"a": "secret\ud800"}, "halves of characters"),
    ],
)
def test_bad_parameters(params: Any, reason: str) -> None:
    with pytest.raises(acurl.RequestError) as caught:
        with_params("http://h/", params)
    assert reason in str(caught.value)
    assert "secret" not in str(caught.value)


def test_parameters_of_what_is_no_url() -> None:
    with pytest.raises(acurl.RequestError, match="must be a str, not NoneType"):
        with_params(None, {"a": "b"})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("rest", "target"),
    [
        ("", "/"),
        ("?a", "/?a"),
        ("?", "/?"),
        ("#a", "/"),
        ("/a?#b", "/a?"),
        ("/a/../b", "/b"),
        ("/../a/./b/.", "/a/b/"),
        ("/a/..", "/"),
        ("/a//../b", "/a/b"),
        ("/a/%2e%2E/b/.%2e", "/"),
        ("/a/..%2fb/...", "/a/..%2Fb/..."),
        ("/a?b/../c#/../d", "/a?b/../c"),
        ("/\u00e9?\u00fc", "/%C3%A9?%C3%BC"),
        ("/%zz%?%zz%", "/%zz%?%zz%"),
        ('/a\\b;c=d,{e}[f]|^`"<>', '/a\\b;c=d,{e}[f]|^`"<>'),
    ],
)
def test_what_libcurl_makes_of_a_path(
    run_wrapper: RunWrapper, echo: Echo, rest: str, target: str
) -> None:
    """Dot segments go as libcurl has it by default; the escapes of a path become capitals."""

    async def body(wrapper: acurl.CurlWrapper) -> None:
        assert (await wrapper.session().get(echo.url + rest)).status_code == 200

    run_wrapper(body)
    (request,) = echo.received
    assert request.split(b"\r\n")[0] == f"GET {target} HTTP/1.1".encode()


def test_a_zone_leads_there_and_is_kept_from_the_server(
    run_wrapper: RunWrapper, echo: Echo
) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session()
        url = f"http://[::ffff:127.0.0.1%25lo]:{echo.port}/"
        await session.get(url, cookies={"a": "b"})

    run_wrapper(body)
    headers = dict(headers_of(echo.last()))
    assert headers["host"] == f"[::ffff:127.0.0.1]:{echo.port}"
    assert headers["cookie"] == "a=b"


@pytest.mark.parametrize("name", ["127.1", "0x7f.0.0.1", "2130706433", "LocalHost", "%6cocalhost"])
def test_cookies_for_a_host_by_any_of_its_names(
    run_wrapper: RunWrapper, echo: Echo, name: str
) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        await wrapper.session().get(f"http://{name}:{echo.port}/", cookies={"a": "b"})

    run_wrapper(body)
    assert dict(headers_of(echo.last()))["cookie"] == "a=b"


@pytest.mark.parametrize(
    ("location", "target"),
    [
        ("/a b?c d", "/a%20b?c+d"),
        ("URL/a b?c d", "/a%20b?c+d"),
        ("/\u00e9", "/%C3%A9"),
        ("../b", "/b"),
        ("?c", "/start?c"),
    ],
)
def test_redirects_may_hold_what_urls_may_not(
    run_wrapper: RunWrapper, raw_server: RawServerFactory, location: str, target: str
) -> None:
    targets = []

    def answer(connection: Connection) -> None:
        while head := connection.read_head():
            targets.append(head.split(b" ")[1].decode())
            if targets == ["/start"]:
                connection.respond(
                    b"", "302 Found", f"Location: {location}".replace("URL", server.url)
                )
            else:
                connection.respond()

    server = raw_server(answer)

    async def body(wrapper: acurl.CurlWrapper) -> None:
        await wrapper.session().get(f"{server.url}/start")

    run_wrapper(body)
    assert targets == ["/start", target]
