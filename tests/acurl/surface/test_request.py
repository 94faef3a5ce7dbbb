"""acurl.Request: what a response says of the question."""

import shlex
import subprocess
from pathlib import Path
from typing import Any

import acurl
from tests.acurl.conftest import RunWrapper
from tests.acurl.echo import Echo, body_of, headers_of
from tests.acurl.surface.conftest import Ask
from tests.servers.certificates import Certificates


def test_method_is_bytes(ask: Ask, echo: Echo) -> None:
    assert ask("PATCH", echo.url).request.method == b"PATCH"


def test_url(ask: Ask, echo: Echo) -> None:
    assert ask("GET", f"{echo.url}/a?b").request.url == f"{echo.url}/a?b"


def test_headers_are_those_that_were_given(ask: Ask, echo: Echo) -> None:
    assert ask("GET", echo.url, headers={"X-A": "1"}).request.headers == {"X-A": "1"}


def test_cookies_are_those_of_the_request_and_the_session(
    run_wrapper: RunWrapper, echo: Echo
) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session()
        await session.get(f"{echo.url}/?set=theirs=1")
        response = await session.get(echo.url, cookies={"mine": "2"})
        assert response.request.cookies == {"theirs": "1", "mine": "2"}

    run_wrapper(body)


def test_cookies_of_other_hosts_are_left_out(run_wrapper: RunWrapper, echo: Echo) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session()
        await session.get(echo.url, cookies={"a": "1"})
        response = await session.get(echo.url.replace("127.0.0.1", "localhost"))
        assert response.request.cookies == {}
        assert "a=1" not in response.request.to_curl()

    run_wrapper(body)


def test_auth(ask: Ask, echo: Echo) -> None:
    assert ask("GET", echo.url).request.auth is None
    assert ask("GET", echo.url, auth=("ada", "x")).request.auth == ("ada", "x")


def test_data_is_bytes(ask: Ask, echo: Echo) -> None:
    assert ask("POST", echo.url, data="grün").request.data == "grün".encode()
    assert ask("POST", echo.url, json=[1]).request.data == b"[1]"
    assert ask("GET", echo.url).request.data is None


def test_cert(ask: Ask, echo: Echo, certificates: Certificates) -> None:
    pair = str(certificates.good.key), str(certificates.good.chain)
    assert ask("GET", echo.url, cert=pair).request.cert == pair
    assert ask("GET", echo.url).request.cert is None


def test_to_curl_names_all_there_is(run_wrapper: RunWrapper, echo: Echo) -> None:
    options: Any = {
        "headers": {"X-A": "it's"},
        "cookies": {"a": "1", "b": "2"},
        "auth": ("ada", "love lace"),
        "data": "x=1",
    }

    async def body(wrapper: acurl.CurlWrapper) -> None:
        response = await wrapper.session().post(f"{echo.url}/a?b=c+d", **options)
        assert shlex.split(response.request.to_curl()) == [
            *("curl", "-X", "POST", "--data-raw", "x=1", "-H", "X-A: it's"),
            *("--cookie", "a=1;b=2", "--user", "ada:love lace", f"{echo.url}/a?b=c+d"),
        ]

    run_wrapper(body)


def test_to_curl_of_head_and_of_a_path(ask: Ask, echo: Echo, tmp_path: Path) -> None:
    assert shlex.split(ask("HEAD", echo.url).request.to_curl()) == ["curl", "--head", echo.url]
    path = tmp_path / "a body"
    path.write_bytes(b"x")
    words = shlex.split(ask("PUT", echo.url, data=path).request.to_curl())
    assert words == ["curl", "-X", "PUT", "--upload-file", str(path), echo.url]


def test_to_curl_sends_the_same_request(echo: Echo) -> None:
    options: Any = {"headers": {"X-A": "it's"}, "auth": ("ada", "x"), "data": b"a=b&c"}
    request = acurl.put(f"{echo.url}/a?b", **options, cookies={"k": "v"}).request
    ours = echo.last()
    command = [*shlex.split(request.to_curl()), "--silent", "--http1.1"]
    subprocess.run(command, check=True, capture_output=True, timeout=30)
    curls = echo.last()
    assert curls is not ours
    assert ours.partition(b"\r\n")[0] == curls.partition(b"\r\n")[0]
    assert body_of(ours) == body_of(curls)
    for name in ("x-a", "authorization", "cookie", "content-length"):
        assert dict(headers_of(ours))[name] == dict(headers_of(curls))[name]


def test_repr_is_one_line_without_passwords(ask: Ask, echo: Echo) -> None:
    url = echo.url.replace("//", "//ada:lovelace@")
    assert repr(ask("PUT", url).request) == f"<Request PUT {url.replace('lovelace', '***')}>"
