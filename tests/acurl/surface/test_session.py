"""acurl.Session: what upstream's users call, name for name."""

import asyncio
import ssl
from typing import Any

import pytest

import acurl
from tests.acurl.conftest import RunWrapper
from tests.acurl.echo import Echo, body_of, headers_of
from tests.acurl.surface.conftest import Ask
from tests.conftest import RawServerFactory
from tests.servers.certificates import Certificates
from tests.servers.local import serving
from tests.servers.loops import RunAsync
from tests.servers.nginx import Nginx
from tests.servers.raw import Connection


@pytest.mark.parametrize("verb", ["get", "post", "put", "patch", "delete", "head", "options"])
def test_each_verb_sends_its_own_method(run_wrapper: RunWrapper, echo: Echo, verb: str) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        response = await getattr(wrapper.session(), verb)(f"{echo.url}/a?b=c")
        assert (type(response), response.status_code) == (acurl._Response, 200)

    run_wrapper(body)
    assert echo.last().startswith(f"{verb.upper()} /a?b=c HTTP/1.1\r\n".encode())


def test_headers(ask: Ask, echo: Echo) -> None:
    ask("GET", echo.url, headers={"X-One": "1", "x-two": "b c"})
    assert {("x-one", "1"), ("x-two", "b c")} <= set(headers_of(echo.last()))


def test_headers_as_pairs(ask: Ask, echo: Echo) -> None:
    ask("GET", echo.url, headers=(("X-One", "1"), ("X-Two", "2")))
    assert {("x-one", "1"), ("x-two", "2")} <= set(headers_of(echo.last()))


def test_cookies_of_a_request_are_sent(ask: Ask, echo: Echo) -> None:
    ask("GET", echo.url, cookies={"name": "value"})
    assert ("cookie", "name=value") in headers_of(echo.last())


def test_cookies_of_a_request_stay_in_the_sessions_jar(run_wrapper: RunWrapper, echo: Echo) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session()
        await session.get(echo.url, cookies={"name": "value"})
        await session.get(echo.url)
        assert session.cookies() == {"name": "value"}

    run_wrapper(body)
    assert ("cookie", "name=value") in headers_of(echo.last())


def test_auth(ask: Ask, nginx: Nginx) -> None:
    assert ask("GET", f"{nginx.http}/auth", auth=("ada", "lovelace")).status_code == 200
    assert ask("GET", f"{nginx.http}/auth", auth=("ada", "byron")).status_code == 401


@pytest.mark.parametrize("data", [b"a\0b", "a\0b"])
def test_data_is_bytes_or_str(ask: Ask, echo: Echo, data: bytes | str) -> None:
    ask("POST", echo.url, data=data)
    assert body_of(echo.last()) == b"a\0b"


def test_json(ask: Ask, echo: Echo) -> None:
    ask("PUT", echo.url, json={"a": [1, None]})
    assert body_of(echo.last()) == b'{"a": [1, null]}'
    assert ("content-type", "application/json") in headers_of(echo.last())


def test_json_keeps_a_content_type_that_was_given(ask: Ask, echo: Echo) -> None:
    ask("POST", echo.url, json=1, headers={"Content-Type": "application/x"})
    types = [value for name, value in headers_of(echo.last()) if name == "content-type"]
    assert types == ["application/x"]


def test_cert_is_key_and_certificate_in_that_order(
    run_async: RunAsync, certificates: Certificates
) -> None:
    good = certificates.good
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(good.chain, good.key)
    tls.load_verify_locations(certificates.ca_file)
    tls.verify_mode = ssl.CERT_REQUIRED

    async def main() -> None:
        trust: Any = {"verify": str(certificates.ca_file)}
        async with serving(tls=tls) as server, acurl.open_session(**trust) as session:
            url = f"https://127.0.0.1:{server.port}/"
            response = await session.get(url, cert=(str(good.key), str(good.chain)))
            assert response.status_code == 200
            assert response.request.cert == (str(good.key), str(good.chain))
            with pytest.raises(acurl.TLSError):
                await session.get(url, cert=(str(good.chain), str(good.key)))

    run_async(main())


def test_allow_redirects_is_true_unless_given(ask: Ask, nginx: Nginx) -> None:
    assert ask("GET", f"{nginx.http}/redirect/302").status_code == 200


def test_allow_redirects_false(ask: Ask, nginx: Nginx) -> None:
    response = ask("GET", f"{nginx.http}/redirect/302", allow_redirects=False)
    assert (response.status_code, response.history) == (302, [])


def test_max_redirects_is_five_unless_given(ask: Ask, nginx: Nginx) -> None:
    assert len(ask("GET", f"{nginx.http}/chain/5").history) == 5
    with pytest.raises(acurl.TooManyRedirects):
        ask("GET", f"{nginx.http}/chain/6")


def test_max_redirects(ask: Ask, nginx: Nginx) -> None:
    assert len(ask("GET", f"{nginx.http}/chain/6", max_redirects=6).history) == 6
    with pytest.raises(acurl.RequestError):
        ask("GET", f"{nginx.http}/chain/1", max_redirects=0)


@pytest.mark.parametrize("status", [301, 302, 303])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_redirects_turn_every_method_into_get(
    ask: Ask, nginx: Nginx, status: int, method: str
) -> None:
    response = ask(method, f"{nginx.http}/redirect/{status}", data="x")
    assert (response.request.method, response.request.data) == (b"GET", None)


def test_a_redirect_turns_head_into_get(ask: Ask, nginx: Nginx) -> None:
    assert ask("HEAD", f"{nginx.http}/redirect/302").request.method == b"GET"


def test_a_redirect_to_another_scheme_is_not_followed(
    ask: Ask, raw_server: RawServerFactory
) -> None:
    def script(connection: Connection) -> None:
        connection.read_head()
        connection.respond(b"", "302 Found", "Location: ftp://127.0.0.1/a")

    with pytest.raises(acurl.ProtocolError, match="'ftp'"):
        ask("GET", raw_server(script).url)


@pytest.mark.parametrize("status", [307, 308])
def test_redirects_that_keep_method_and_body(ask: Ask, nginx: Nginx, status: int) -> None:
    response = ask("DELETE", f"{nginx.http}/redirect/{status}", data="x")
    assert (response.request.method, response.request.data) == (b"DELETE", b"x")


def test_session_cookies(run_wrapper: RunWrapper, nginx: Nginx) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session()
        assert session.cookies() == {}
        await session.get(f"{nginx.http}/cookie/set")
        assert session.cookies() == {"flavour": "oat", "scope": "here"}
        shown = await session.get(f"{nginx.http}/cookie/show")
        assert sorted(shown.text.strip().split("; ")) == ["flavour=oat", "scope=here"]

    run_wrapper(body)


def test_erase_all_cookies(run_wrapper: RunWrapper, nginx: Nginx) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session()
        session.erase_all_cookies()
        await session.get(f"{nginx.http}/cookie/set")
        session.erase_all_cookies()
        assert session.cookies() == {}
        assert (await session.get(f"{nginx.http}/cookie/show")).text == "\n"

    run_wrapper(body)


def test_sessions_have_cookies_of_their_own(run_wrapper: RunWrapper, nginx: Nginx) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        first, second = wrapper.session(), wrapper.session()
        await first.get(f"{nginx.http}/cookie/set")
        assert (await second.get(f"{nginx.http}/cookie/show")).text == "\n"

    run_wrapper(body)


def test_set_response_callback(run_wrapper: RunWrapper, nginx: Nginx) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        seen: list[Any] = []
        session = wrapper.session()
        session.set_response_callback(seen.append)
        response = await session.get(f"{nginx.http}/redirect/302")
        assert seen == [*response.history, response]
        session.set_response_callback(None)
        await session.get(f"{nginx.http}/small")
        assert len(seen) == 2

    run_wrapper(body)


def test_response_callback_is_an_attribute(run_wrapper: RunWrapper, echo: Echo) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        seen: list[int] = []
        session = wrapper.session()
        assert session.response_callback is None
        session.response_callback = lambda response: seen.append(response.status_code)
        await session.get(echo.url)
        assert seen == [200]

    run_wrapper(body)


def test_requests_run_side_by_side(run_wrapper: RunWrapper, echo: Echo) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session()
        responses = await asyncio.gather(*(session.get(f"{echo.url}/{n}") for n in range(5)))
        assert [response.url for response in responses] == [f"{echo.url}/{n}" for n in range(5)]

    run_wrapper(body)


@pytest.mark.parametrize(
    "options",
    [
        {"headers": {"a": 1}},
        {"headers": 5},
        {"cookies": {"a": 1}},
        {"cookies": "a=b"},
        {"auth": ("only one",)},
        {"auth": "ada:lovelace"},
        {"data": 5},
        {"data": "x", "json": "x"},
        {"json": object()},
        {"cert": "one"},
        {"cert": ("no such key", "no such certificate")},
        {"max_redirects": -1},
        {"max_redirects": "5"},
    ],
    ids=str,
)
def test_wrong_arguments_raise_value_error(ask: Ask, echo: Echo, options: Any) -> None:
    with pytest.raises(acurl.RequestError) as caught:
        ask("POST", echo.url, **options)
    assert isinstance(caught.value, ValueError)
    assert echo.received == []


@pytest.mark.parametrize("url", ["/no/host", "ftp://host/", "http://a b/", 5, None])
def test_a_wrong_url_raises_value_error(ask: Ask, url: Any) -> None:
    with pytest.raises(ValueError, match="url"):
        ask("GET", url)


def test_an_unknown_option_raises_type_error(run_wrapper: RunWrapper, echo: Echo) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        options: Any = {"no_such_option": 1}
        with pytest.raises(TypeError, match="no_such_option"):
            await wrapper.session().get(echo.url, **options)

    run_wrapper(body)
