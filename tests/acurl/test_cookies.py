"""Cookies as values, and the jar of a session as servers see it."""

import asyncio
from typing import Any

import pytest

import acurl
from acurl.cookies import cookie_dict
from tests.acurl.conftest import RunWrapper
from tests.acurl.echo import Echo, headers_of
from tests.servers.nginx import Nginx

LINE = "#HttpOnly_.host.example\tTRUE\t/path\tTRUE\t1893456000\tname\tvalue"


def sent(echo: Echo) -> dict[str, str]:
    """Name to value of the cookies in the latest request."""
    line = dict(headers_of(echo.last())).get("cookie", "")
    return dict(pair.split("=", 1) for pair in line.split("; ") if pair)


def test_a_netscape_line_there_and_back() -> None:
    cookie = acurl.parse_cookie_string(LINE)
    assert (cookie.http_only, cookie.domain, cookie.include_subdomains) == (
        True,
        ".host.example",
        True,
    )
    assert (cookie.path, cookie.is_secure, cookie.expiration) == ("/path", True, 1893456000)
    assert (cookie.name, cookie.value, cookie.has_expired) == ("name", "value", False)
    assert cookie.format().decode() == LINE


def test_netscape_lines_without_a_value() -> None:
    assert acurl.parse_cookie_string("host\tFALSE\t/\tFALSE\t0\tname\n").value == ""
    assert acurl.parse_cookie_string("host\tFALSE\t/\tFALSE\t0\tname\t").value == ""


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("", "must have 7 fields between tabs, not 1"),
        ("host", "must have 7 fields between tabs, not 1"),
        ("a\tb\tc\td\te", "not 5"),
        ("a\tFALSE\tc\tFALSE\t0\tf\tsecret\th", "not 8"),
        ("\tFALSE\t/\tFALSE\t0\tname\tsecret", "must begin with a domain"),
        ("host\tyes\t/\tFALSE\t0\tname\tsecret", "subdomains must be TRUE or FALSE, not 'yes'"),
        ("host\tFALSE\t/\t\t0\tname\tsecret", "secure must be TRUE or FALSE, not ''"),
        ("host\tFALSE\t/\tFALSE\t-1\tname\tsecret", "expiration must be seconds since 1970"),
        ("host\tFALSE\t/\tFALSE\t1_0\tname\tsecret", "not '1_0'"),
        ("host\tFALSE\t/\tFALSE\t 1\tname\tsecret", "not ' 1'"),
        ("host\tFALSE\t/\tFALSE\t1.5\tname\tsecret", "not '1.5'"),
        ("host\tFALSE\t/\tFALSE\t\u0661\tname\tsecret", "not '\u0661'"),
        ("host\tFALSE\t/\tFALSE\t9223372036854775808\tname\tsecret", "not '9223372036854775808'"),
        ("host\tFALSE\t/\tFALSE\t\tname\tsecret", "not ''"),
    ],
)
def test_lines_that_are_no_cookies(line: str, reason: str) -> None:
    with pytest.raises(ValueError, match="cookie line") as caught:
        acurl.parse_cookie_string(line)
    assert reason in str(caught.value)
    assert "secret" not in str(caught.value)


def test_flags_in_any_case() -> None:
    cookie = acurl.parse_cookie_string("host\ttrue\t/\tTrue\t0\tname\tvalue")
    assert (cookie.include_subdomains, cookie.is_secure) == (True, True)


def test_expiry() -> None:
    session = acurl.parse_cookie_string("host\tFALSE\t/\tFALSE\t0\tname\tvalue")
    past = acurl.parse_cookie_string("host\tFALSE\t/\tFALSE\t1\tname\tvalue")
    assert (session.has_expired, past.has_expired) == (False, True)


def test_the_later_of_two_cookies_of_a_name_wins() -> None:
    lines = [f"host\tFALSE\t{path}\tFALSE\t0\tname\t{path}" for path in ("/a", "/b")]
    assert cookie_dict(lines) == {"name": "/b"}


def test_a_cookie_for_a_url() -> None:
    cookie = acurl.session_cookie_for_url("http://host.example/path?q", "name", "value")
    assert cookie.format() == b".host.example\tTRUE\t/\tFALSE\t0\tname\tvalue"
    narrow = acurl.session_cookie_for_url(
        "http://host.example/path?q",
        "name",
        "value",
        http_only=True,
        include_subdomains=False,
        is_secure=True,
        include_url_path=True,
    )
    assert narrow.format() == b"#HttpOnly_host.example\tFALSE\t/path\tTRUE\t0\tname\tvalue"


def test_an_address_has_no_subdomains() -> None:
    assert acurl.session_cookie_for_url("http://127.0.0.1/", "a", "b").domain == "127.0.0.1"
    assert not acurl.session_cookie_for_url("http://[::1]/", "a", "b").include_subdomains


@pytest.mark.parametrize(
    ("url", "domain"),
    [
        ("http://Host.Example/", ".host.example"),
        ("http://u:p@host.example:81", ".host.example"),
        ("http://b\u00fccher.example/", ".xn--bcher-kva.example"),
        ("http://127.1/", "127.0.0.1"),
        ("http://[::FFFF:1.2.3.4]/", "::ffff:1.2.3.4"),
        ("http://[fe80::1%25eth0]/", "fe80::1"),
    ],
)
def test_domains_are_those_that_libcurl_compares(url: str, domain: str) -> None:
    assert acurl.session_cookie_for_url(url, "a", "b").domain == domain


def test_the_path_of_a_cookie_is_the_one_that_is_sent() -> None:
    cookie = acurl.session_cookie_for_url("http://h/\u00e9?/x", "a", "b", include_url_path=True)
    assert cookie.path == "/%C3%A9"


def test_names_that_promise_to_be_narrow() -> None:
    secure = acurl.session_cookie_for_url("https://h.example/", "__Secure-a", "b")
    assert secure.format() == b".h.example\tTRUE\t/\tTRUE\t0\t__Secure-a\tb"
    host = acurl.session_cookie_for_url(
        "https://h.example/x", "__host-a", "b", include_url_path=True
    )
    assert host.format() == b"h.example\tFALSE\t/\tTRUE\t0\t__host-a\tb"
    assert acurl.session_cookie_for_url("http://localhost/", "__Secure-a", "b").is_secure
    with pytest.raises(acurl.RequestError, match="'__Secure-a': only https URLs can carry it"):
        acurl.session_cookie_for_url("http://h.example/", "__Secure-a", "b")


def test_cookies_that_libcurl_would_choke_on(run_wrapper: RunWrapper, echo: Echo) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        await wrapper.session().get(echo.url, cookies={"a": "x" * 8179})
        assert sent(echo) == {"a": "x" * 8179}
        with pytest.raises(acurl.RequestError, match="have 8181 bytes, at most are 8180"):
            await wrapper.session().get(echo.url, cookies={"a": "x" * 8180})

    run_wrapper(body)


def test_a_cookie_names_its_own_domain() -> None:
    cookie = acurl.Cookie(".other.example", "name", "value")
    made = acurl.session_cookie_for_url("http://host.example/", "ignored", cookie)
    assert (made.domain, made.name, made.value) == (".other.example", "name", "value")
    foreign = acurl.Cookie(".B\u00fccher.example", "name", "value")
    made = acurl.session_cookie_for_url("http://host.example/", "ignored", foreign)
    assert made.domain == ".xn--bcher-kva.example"


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("a=b", "x", "name 'a': must not contain '='"),
        ("a b", "x", "must not contain ' '"),
        ("a\r\nB", "x", "must not contain '\\r'"),
        ("a", "x;y", "cookie value: must not contain ';'"),
        ("a", "x\ny", "must not contain '\\n'"),
        ("a", "x\ty", "must not contain '\\t'"),
        ("a", "x\0y", "must not contain '\\x00'"),
        ("a", acurl.Cookie("b\tc", "a", "x"), "domain 'b\\tc': must not contain '\\t'"),
        ("a", 5, "must be str or Cookie, not int"),
        ("a", b"x", "must be str or Cookie"),
        ("", "x", "needs both a name and a domain"),
        ("a", acurl.Cookie("", "a", "x"), "needs both a name and a domain"),
        ("a", "\ud800", "must not contain '\\ud800'"),
    ],
)
def test_bad_cookies(
    run_wrapper: RunWrapper, echo: Echo, name: str, value: Any, reason: str
) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session()
        with pytest.raises(acurl.RequestError) as caught:
            await session.get(echo.url, cookies={name: value})
        assert reason in str(caught.value)
        assert session.cookies() == {}

    run_wrapper(body)
    assert echo.accepted == 0


def test_each_session_has_a_jar_of_its_own(run_wrapper: RunWrapper, nginx: Nginx) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        first, second = wrapper.session(), wrapper.session()
        answer = await first.get(f"{nginx.http}/cookie/set")
        assert answer.cookies == first.cookies() == {"flavour": "oat", "scope": "here"}
        assert (await first.get(f"{nginx.http}/cookie/show")).text == "scope=here; flavour=oat\n"
        assert (await second.get(f"{nginx.http}/cookie/show")).text == "\n"
        assert second.cookies() == {}

    run_wrapper(body)


def test_cookies_over_http2(run_wrapper: RunWrapper, nginx: Nginx) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        first, second = (wrapper.session(verify=str(nginx.ca_file)) for _ in range(2))
        assert (await first.get(f"{nginx.https}/cookie/set")).http_version == "2"
        shown = await asyncio.gather(
            *(session.get(f"{nginx.https}/cookie/show") for session in (first, second) * 3)
        )
        assert [answer.text for answer in shown] == ["scope=here; flavour=oat\n", "\n"] * 3

    run_wrapper(body)


def test_cookies_given_with_a_request_stay(run_wrapper: RunWrapper, echo: Echo) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session()
        answer = await session.get(echo.url, cookies={"a": "1", "b": "x y=z"})
        assert sent(echo) == {"a": "1", "b": "x y=z"}
        assert answer.request.cookies == {"a": "1", "b": "x y=z"}
        await session.post(echo.url, cookies={"a": "2"}, data="x")
        assert sent(echo) == session.cookies() == {"a": "2", "b": "x y=z"}
        plain = await session.get(echo.url)
        assert sent(echo) == plain.cookies == plain.request.cookies == {"a": "2", "b": "x y=z"}
        assert "--cookie" in plain.request.to_curl()

    run_wrapper(body)


def test_a_plain_request_of_another_session_shows_no_cookies(
    run_wrapper: RunWrapper, echo: Echo
) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        with_cookies, without = wrapper.session(), wrapper.session()
        await with_cookies.get(echo.url, cookies={"a": "1"})
        await with_cookies.get(echo.url)
        assert (await without.get(echo.url)).request.cookies == {}

    run_wrapper(body)


def test_erased_cookies_are_gone(run_wrapper: RunWrapper, echo: Echo) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session()
        session.erase_all_cookies()
        await session.get(f"{echo.url}/?set=a=1")
        session.erase_all_cookies()
        assert session.cookies() == {}
        await session.get(echo.url)
        assert sent(echo) == {}
        await session.get(f"{echo.url}/?set=b=2")
        assert session.cookies() == {"b": "2"}

    run_wrapper(body)


@pytest.mark.parametrize("jar_first", [False, True])
@pytest.mark.parametrize(
    ("cookie", "url", "comes_back"),
    [
        ("a=1", "http://shop.example/", True),
        ("a=1", "http://www.shop.example/", False),
        ("a=1;%20Path=/deep", "http://shop.example/deep/er", True),
        ("a=1;%20Path=/deep", "http://shop.example/deeper", False),
        ("a=1;%20Path=/deep", "http://shop.example/", False),
        ("a=1;%20Secure", "http://shop.example/", False),
        ("a=1;%20Domain=shop.example", "http://www.shop.example/", True),
        ("a=1;%20Domain=.shop.example", "http://shop.example/", True),
        ("a=1;%20Domain=other.example", "http://other.example/", False),
        ("a=1;%20Domain=www.shop.example", "http://www.shop.example/", False),
        ("a=1;%20Domain=example", "http://shop.example/", False),
        ("a=1;%20Max-Age=0", "http://shop.example/", False),
        ("a=1;%20Max-Age=100", "http://shop.example/", True),
        ("a=1;%20Expires=Thu,%2001%20Jan%201970%2000:00:01%20GMT", "http://shop.example/", False),
        ("a=1;%20HttpOnly;%20SameSite=Lax", "http://shop.example/", True),
    ],
)
def test_attributes_are_obeyed(
    run_wrapper: RunWrapper,
    echo: Echo,
    monkeypatch: pytest.MonkeyPatch,
    cookie: str,
    url: str,
    comes_back: bool,
    jar_first: bool,
) -> None:
    # As a proxy the server answers for every host name.
    monkeypatch.setenv("http_proxy", echo.url)

    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session()
        if jar_first:
            await session.get("http://shop.example/", cookies={"first": "x"})
        await session.get(f"http://shop.example/?set={cookie}")
        await session.get(url)
        assert ("a" in sent(echo)) == comes_back

    run_wrapper(body)


def test_loopback_counts_as_secure(run_wrapper: RunWrapper, echo: Echo) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session()
        await session.get(f"{echo.url}/?set=a=1;%20Secure")
        await session.get(echo.url)
        assert sent(echo) == {"a": "1"}

    run_wrapper(body)


def test_a_cookie_stays_with_its_host(run_wrapper: RunWrapper, echo: Echo) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session()
        by_name = echo.url.replace("127.0.0.1", "localhost")
        await session.get(f"{by_name}/?set=a=1")
        await session.get(echo.url, cookies={"b": "2"})
        assert sent(echo) == {"b": "2"}
        await session.get(by_name)
        assert sent(echo) == {"a": "1"}
        await session.get(by_name, cookies={"c": acurl.Cookie("127.0.0.1", "c", "3")})
        assert sent(echo) == {"a": "1"}
        await session.get(echo.url)
        assert sent(echo) == {"b": "2", "c": "3"}

    run_wrapper(body)


def test_characters_that_look_like_line_ends_do_not_break_the_jar(
    run_wrapper: RunWrapper, echo: Echo
) -> None:
    value = "a\u2028b\u0085c"

    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session()
        await session.get(echo.url, cookies={"a": value, "b": "2"})
        assert session.cookies() == {"a": value, "b": "2"}

    run_wrapper(body)


def test_a_deleted_cookie_is_gone_from_the_jar(run_wrapper: RunWrapper, echo: Echo) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session()
        await session.get(f"{echo.url}/?set=a=1")
        await session.get(f"{echo.url}/?set=a=;%20Max-Age=0")
        assert session.cookies() == {}
        await session.get(echo.url)
        assert sent(echo) == {}

    run_wrapper(body)


def test_parallel_answers_fill_one_jar(run_wrapper: RunWrapper, echo: Echo) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session()
        await asyncio.gather(*(session.get(f"{echo.url}/?set=n{i}={i}") for i in range(30)))
        assert session.cookies() == {f"n{i}": str(i) for i in range(30)}

    run_wrapper(body)
