"""What messages and reprs never show."""

import pytest

import acurl
from tests.acurl.conftest import RunWrapper
from tests.servers.nginx import Nginx

SECRET = "open sesame".replace(" ", "-")
NO_HOST = "http://no-such-host.invalid/"


@pytest.mark.parametrize(
    "proxy",
    [
        f'http://u:{SECRET}@ho"st:80',
        f"http://u:{SECRET}@[v1.a]:1",
        f"http://u:{SECRET}@%41%00:1",
        f"http://u:{SECRET * 100}@h|x:80",
    ],
)
def test_words_of_libcurl_about_a_proxy(run_wrapper: RunWrapper, proxy: str) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        with pytest.raises(acurl.AcurlError, match=r"Unsupported proxy syntax") as caught:
            await wrapper.session().get(NO_HOST, proxy=proxy)
        assert SECRET not in str(caught.value)
        assert "***" in str(caught.value)

    run_wrapper(body)


@pytest.mark.parametrize("variable", [f"http://u:{SECRET}@ho st:1", f"ftp://u:{SECRET}@host:1"])
def test_words_of_libcurl_about_the_environment(
    run_wrapper: RunWrapper, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv("http_proxy", variable)

    async def body(wrapper: acurl.CurlWrapper) -> None:
        with pytest.raises(acurl.AcurlError, match=r"Unsupported proxy .*\*\*\*@ho") as caught:
            await wrapper.session().get(NO_HOST)
        assert SECRET not in str(caught.value)

    run_wrapper(body)


def test_a_refused_connection_shows_its_port(run_wrapper: RunWrapper) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        with pytest.raises(
            acurl.ConnectError, match=r"to 127\.0\.0\.1:1: .* \(GET http://u:\*\*\*@127"
        ):
            await wrapper.session().get(f"http://u:{SECRET}@127.0.0.1:1/")

    run_wrapper(body)


@pytest.mark.parametrize(
    "options",
    [
        {"proxy": f"http://u:{SECRET}@h:1".encode()},
        {"proxy": {"http": f"http://u:{SECRET}@h:1"}},
        {"cookies": {f"sid={SECRET}": ""}},
        {"files": {"a": ("f", b"", None, {"X-Token": f"{SECRET}\n"})}},
        {"files": {"a": ("f", b"", None, {"X-Token": [SECRET]})}},
    ],
)
def test_values_of_a_wrong_kind(run_wrapper: RunWrapper, options: dict[str, object]) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        with pytest.raises(acurl.RequestError) as caught:
            await wrapper.session().get(NO_HOST, **options)  # type: ignore[arg-type]
        assert SECRET not in str(caught.value)

    run_wrapper(body)


def test_cookies_do_not_show_their_values() -> None:
    assert repr(acurl.Cookie("d", "n", SECRET)) == "Cookie(domain='d', name='n')"
    assert SECRET not in repr(acurl.session_cookie_for_url("http://a/", "n", SECRET))


def test_a_request_that_is_too_large_is_named_so(run_wrapper: RunWrapper, nginx: Nginx) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        url = f"{nginx.http}/{'b' * 600_000}"
        with pytest.raises(acurl.RequestError, match=r"code 100: .*1 MiB.*send less") as caught:
            await wrapper.session().request("A" * 600_000, url)
        assert len(str(caught.value)) < 800

    run_wrapper(body)
