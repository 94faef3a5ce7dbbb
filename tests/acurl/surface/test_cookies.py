"""Cookie, _Cookie, session_cookie_for_url, parse_cookie_string, and the files of a session."""

import time
from pathlib import Path
from typing import Any

import pytest

import acurl
from tests.acurl.conftest import RunWrapper
from tests.acurl.echo import Echo, headers_of

LINE = "shop.test\tFALSE\t/basket\tFALSE\t0\tflavour\toat"


def test_cookie_is_domain_name_and_value(run_wrapper: RunWrapper, echo: Echo) -> None:
    cookie = acurl.Cookie("127.0.0.1", "name", "value")
    assert (cookie.domain, cookie.name, cookie.value) == ("127.0.0.1", "name", "value")

    async def body(wrapper: acurl.CurlWrapper) -> None:
        await wrapper.session().get(echo.url, cookies={"any": cookie})

    run_wrapper(body)
    assert ("cookie", "name=value") in headers_of(echo.last())


def test_a_jars_cookie_is_made_from_eight_fields() -> None:
    cookie = acurl._Cookie(True, "shop.test", False, "/basket", True, 1, "flavour", "oat")
    assert (cookie.http_only, cookie.domain, cookie.include_subdomains) == (
        True,
        "shop.test",
        False,
    )
    assert (cookie.path, cookie.is_secure, cookie.expiration) == ("/basket", True, 1)
    assert (cookie.name, cookie.value) == ("flavour", "oat")


def test_has_expired() -> None:
    def at(expiration: int) -> acurl._Cookie:
        return acurl._Cookie(False, "shop.test", False, "/", False, expiration, "a", "b")

    assert at(1).has_expired
    assert not at(int(time.time()) + 1000).has_expired


def test_a_session_cookie_never_expires() -> None:
    assert not acurl.parse_cookie_string(LINE).has_expired


def test_format_is_the_netscape_line_as_bytes() -> None:
    assert acurl.parse_cookie_string(LINE).format() == LINE.encode()


def test_format_marks_http_only() -> None:
    cookie = acurl._Cookie(True, "shop.test", True, "/", True, 9, "a", "b")
    assert cookie.format() == b"#HttpOnly_shop.test\tTRUE\t/\tTRUE\t9\ta\tb"


def test_parse_cookie_string() -> None:
    cookie = acurl.parse_cookie_string(LINE)
    assert type(cookie) is acurl._Cookie
    assert (cookie.http_only, cookie.include_subdomains, cookie.is_secure) == (False,) * 3
    assert (cookie.domain, cookie.path, cookie.expiration) == ("shop.test", "/basket", 0)
    assert (cookie.name, cookie.value) == ("flavour", "oat")


def test_parse_cookie_string_reads_flags() -> None:
    cookie = acurl.parse_cookie_string(f"#HttpOnly_{LINE.replace('FALSE', 'TRUE')}")
    assert cookie.http_only
    assert cookie.include_subdomains
    assert cookie.is_secure


def test_parse_cookie_string_without_a_value() -> None:
    assert acurl.parse_cookie_string(LINE.removesuffix("\toat")).value == ""


def test_parse_cookie_string_of_something_else_raises_value_error() -> None:
    with pytest.raises(ValueError, match="cookie line must have 7 fields"):
        acurl.parse_cookie_string("flavour=oat")


def test_session_cookie_for_url() -> None:
    cookie = acurl.session_cookie_for_url("https://shop.test:8443/a/b?c", "flavour", "oat")
    assert cookie == acurl._Cookie(False, ".shop.test", True, "/", False, 0, "flavour", "oat")


def test_session_cookie_for_url_by_keyword() -> None:
    cookie = acurl.session_cookie_for_url(url="https://shop.test", name="a", value="b")
    assert (cookie.domain, cookie.name, cookie.value) == (".shop.test", "a", "b")


def test_session_cookie_for_url_takes_all_from_a_cookie() -> None:
    given = acurl.Cookie("other.test", "theirs", "1")
    cookie = acurl.session_cookie_for_url("https://shop.test", "ours", given)
    assert (cookie.domain, cookie.name, cookie.value) == ("other.test", "theirs", "1")


@pytest.mark.parametrize(
    ("option", "value"), [("http_only", True), ("include_subdomains", False), ("is_secure", True)]
)
def test_session_cookie_for_url_flags(option: str, value: bool) -> None:
    flags: Any = {option: value}
    cookie = acurl.session_cookie_for_url("https://shop.test", "a", "b", **flags)
    assert getattr(cookie, option) is value


def test_session_cookie_for_url_with_its_path() -> None:
    url = "https://shop.test/a/b?c"
    assert acurl.session_cookie_for_url(url, "a", "b", include_url_path=True).path == "/a/b"


def test_session_cookie_for_url_refuses_other_values() -> None:
    value: Any = 5
    with pytest.raises(ValueError, match="must be str or Cookie"):
        acurl.session_cookie_for_url("https://shop.test", "a", value)


def test_save_cookies_and_load_cookies(run_wrapper: RunWrapper, echo: Echo, tmp_path: Path) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        first, second = wrapper.session(), wrapper.session()
        await first.get(f"{echo.url}/?set=flavour=oat", cookies={"mine": "1"})
        first.save_cookies(tmp_path / "jar")
        second.load_cookies(tmp_path / "jar")
        assert second.cookies() == first.cookies() == {"flavour": "oat", "mine": "1"}
        await second.get(echo.url)

    run_wrapper(body)
    assert "flavour=oat" in dict(headers_of(echo.last()))["cookie"]
    assert (tmp_path / "jar").stat().st_mode & 0o777 == 0o600


def test_load_cookies_names_the_line_that_is_none(run_wrapper: RunWrapper, tmp_path: Path) -> None:
    (tmp_path / "jar").write_text(f"# a comment\n{LINE}\nno cookie\n")

    async def body(wrapper: acurl.CurlWrapper) -> None:
        with pytest.raises(acurl.RequestError, match="line 3: cookie line must have 7 fields"):
            wrapper.session().load_cookies(tmp_path / "jar")
        with pytest.raises(FileNotFoundError):
            wrapper.session().load_cookies(tmp_path / "none")

    run_wrapper(body)


def test_files_that_are_not_there_raise_os_error(run_wrapper: RunWrapper, tmp_path: Path) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session()
        with pytest.raises(FileNotFoundError):
            session.load_cookies(tmp_path / "none")
        with pytest.raises(FileNotFoundError):
            session.save_cookies(tmp_path / "none" / "cookies")

    run_wrapper(body)
