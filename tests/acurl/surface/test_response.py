"""acurl._Response: each attribute, its type, its unit and what it means."""

import gzip
import json
import pickle
import time
from pathlib import Path
from typing import Any

import pytest

import acurl
from tests.acurl.conftest import RunWrapper
from tests.acurl.echo import Echo
from tests.acurl.surface.conftest import Ask
from tests.conftest import RawServerFactory
from tests.servers.nginx import Nginx
from tests.servers.raw import Connection, Script

PAUSE = 0.1


def answering(*parts: bytes) -> Script:
    """A script that answers each request with the same bytes."""

    def script(connection: Connection) -> None:
        while connection.read_head():
            connection.send(*parts)

    return script


def test_status_code(ask: Ask, nginx: Nginx) -> None:
    assert ask("GET", f"{nginx.http}/status/418").status_code == 418


def test_response_code_is_the_same(ask: Ask, nginx: Nginx) -> None:
    assert ask("GET", f"{nginx.http}/status/503").response_code == 503


def test_ok(ask: Ask, nginx: Nginx) -> None:
    assert ask("GET", f"{nginx.http}/small").ok is True
    assert ask("GET", f"{nginx.http}/redirect/302", allow_redirects=False).ok is True
    assert ask("GET", f"{nginx.http}/status/400").ok is False


def test_url_is_that_of_the_last_hop(ask: Ask, nginx: Nginx) -> None:
    assert ask("GET", f"{nginx.http}/redirect/302").url == f"{nginx.http}/small"


def test_redirect_url_is_absolute_or_none(ask: Ask, nginx: Nginx) -> None:
    response = ask("GET", f"{nginx.http}/redirect/302", allow_redirects=False)
    assert response.redirect_url == f"{nginx.http}/small"
    assert ask("GET", f"{nginx.http}/small").redirect_url is None


def test_history_is_oldest_first_and_without_the_response(ask: Ask, nginx: Nginx) -> None:
    response = ask("GET", f"{nginx.http}/chain/2")
    assert type(response.history) is list
    assert [hop.url for hop in response.history] == [f"{nginx.http}/chain/{n}" for n in (2, 1)]


def test_history_is_empty_without_redirects(ask: Ask, nginx: Nginx) -> None:
    assert ask("GET", f"{nginx.http}/small").history == []


@pytest.mark.parametrize(
    "name",
    [
        "namelookup_time",
        "connect_time",
        "appconnect_time",
        "pretransfer_time",
        "starttransfer_time",
        "total_time",
    ],
)
def test_times_are_seconds_since_the_start(ask: Ask, nginx: Nginx, name: str) -> None:
    began = time.monotonic()
    response = ask("GET", f"{nginx.https}/small", verify=str(nginx.ca_file))
    lasted = time.monotonic() - began
    assert type(getattr(response, name)) is float
    least = 0.0 if name == "namelookup_time" else 1e-6  # an address may need no time at all
    assert least <= getattr(response, name) <= lasted


def test_times_are_in_the_order_of_the_phases(ask: Ask, nginx: Nginx) -> None:
    response = ask("GET", f"{nginx.https}/small", verify=str(nginx.ca_file))
    assert (
        response.namelookup_time
        <= response.connect_time
        < response.appconnect_time
        <= response.pretransfer_time
        <= response.starttransfer_time
        <= response.total_time
    )


def test_appconnect_time_is_zero_without_tls(ask: Ask, nginx: Nginx) -> None:
    assert ask("GET", f"{nginx.http}/small").appconnect_time == 0.0


def test_starttransfer_time_and_total_time_see_the_server_wait(
    ask: Ask, raw_server: RawServerFactory
) -> None:
    def script(connection: Connection) -> None:
        connection.read_head()
        time.sleep(PAUSE)
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no")
        time.sleep(PAUSE)
        connection.send(b"k")

    response = ask("GET", raw_server(script).url)
    assert response.starttransfer_time >= response.pretransfer_time + PAUSE * 0.99
    assert response.total_time >= response.pretransfer_time + PAUSE * 1.98


def test_start_time_is_wall_clock(ask: Ask, echo: Echo) -> None:
    before = time.time()
    response = ask("GET", echo.url)
    assert before - 1 <= response.start_time <= time.time() + 1


def test_pool_wait_time_is_seconds_before_the_start(ask: Ask, echo: Echo) -> None:
    waited = ask("GET", echo.url).pool_wait_time
    assert type(waited) is float
    assert 0 <= waited < 5


def test_upload_size_is_bytes_of_body(ask: Ask, echo: Echo) -> None:
    assert ask("POST", echo.url, data=b"12345").upload_size == 5
    assert ask("GET", echo.url).upload_size == 0


def test_download_size_is_bytes_before_decompression(
    ask: Ask, raw_server: RawServerFactory
) -> None:
    packed = gzip.compress(b"x" * 1000)
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n"
    response = ask("GET", raw_server(answering(head % len(packed), packed)).url)
    assert (response.download_size, len(response.body)) == (len(packed), 1000)


def test_download_size_leaves_out_the_framing_of_chunks(
    ask: Ask, raw_server: RawServerFactory
) -> None:
    answer = (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    )
    response = ask("GET", raw_server(answering(answer)).url)
    assert (response.download_size, response.body) == (5, b"abcde")


@pytest.mark.parametrize("size", [None, 5, 100_000])
def test_request_size_is_bytes_of_head_and_body(ask: Ask, echo: Echo, size: int | None) -> None:
    data = None if size is None else bytes(size)
    assert ask("POST", echo.url, data=data).request_size == len(echo.last())


def test_request_size_of_a_body_from_a_file(ask: Ask, echo: Echo, tmp_path: Path) -> None:
    path = tmp_path / "body"
    path.write_bytes(bytes(200_000))
    assert ask("PUT", echo.url, data=path).request_size == len(echo.last())
    assert ask("POST", echo.url, files={"f": path}).request_size == len(echo.last())


def test_request_size_counts_all_heads_of_a_digest_exchange(
    ask: Ask, raw_server: RawServerFactory
) -> None:
    heads: list[bytes] = []

    def script(connection: Connection) -> None:
        while head := connection.read_head():
            heads.append(head)
            if b"Digest" in head:
                connection.read_exactly(5)
                connection.respond()
            else:
                challenge = 'WWW-Authenticate: Digest realm="a", nonce="b", qop="auth"'
                connection.respond(b"", "401 Who", challenge)

    response = ask("POST", raw_server(script).url, data="12345", auth=acurl.Digest("ada", "x"))
    assert (len(heads), response.retries) == (2, 0)
    assert b"Content-Length: 0" in heads[0]
    assert response.request_size == len(heads[0]) + len(heads[1]) + 5


def test_primary_ip(ask: Ask, nginx: Nginx) -> None:
    url = nginx.http.replace("127.0.0.1", "localhost")
    response = ask("GET", f"{url}/small", resolve={url.removeprefix("http://"): "127.0.0.1"})
    assert response.primary_ip == "127.0.0.1"


def test_cookies_are_the_whole_jar(run_wrapper: RunWrapper, nginx: Nginx) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session()
        await session.get(f"{nginx.http}/cookie/set", cookies={"mine": "1"})
        response = await session.get(f"{nginx.http}/small")
        assert response.cookies == {"flavour": "oat", "scope": "here", "mine": "1"}
        assert type(response.cookies) is dict

    run_wrapper(body)


def test_cookies_can_be_read_when_all_is_closed(ask: Ask, echo: Echo) -> None:
    response = ask("GET", echo.url, cookies={"a": "1"})
    assert response.cookies == response.request.cookies == {"a": "1"}


def test_body_is_bytes(ask: Ask, nginx: Nginx) -> None:
    assert ask("GET", f"{nginx.http}/small").body == b"hello from nginx\n"


def test_content_is_the_body(ask: Ask, nginx: Nginx) -> None:
    assert ask("GET", f"{nginx.http}/small").content == b"hello from nginx\n"


def test_body_of_head_is_empty(ask: Ask, nginx: Nginx) -> None:
    assert ask("HEAD", f"{nginx.http}/small").body == b""


def test_header_is_the_head_as_it_came(ask: Ask, raw_server: RawServerFactory) -> None:
    head = b"HTTP/1.1 200 Fine\r\nX-A: 1\r\nContent-Length: 0\r\n\r\n"
    assert ask("GET", raw_server(answering(head)).url).header == head.decode()


REPEATED = b"HTTP/1.1 200 OK\r\nX-A: one\r\nx-a: two\r\nContent-Length: 0\r\n\r\n"


def test_headers_are_found_in_any_case(ask: Ask, raw_server: RawServerFactory) -> None:
    headers = ask("GET", raw_server(answering(REPEATED)).url).headers
    assert type(headers) is acurl.CaseInsensitiveDict
    assert headers["content-LENGTH"] == headers["Content-Length"] == "0"
    assert headers.get("x-none") is None


def test_headers_are_a_dict_of_lower_case_names(ask: Ask, raw_server: RawServerFactory) -> None:
    headers = ask("GET", raw_server(answering(REPEATED)).url).headers
    assert isinstance(headers, dict)
    assert json.loads(json.dumps(headers)) == {"x-a": "one, two", "content-length": "0"}


def test_headers_join_repeated_ones(ask: Ask, raw_server: RawServerFactory) -> None:
    assert ask("GET", raw_server(answering(REPEATED)).url).headers["X-A"] == "one, two"


def test_headers_tuple_keeps_repeated_ones(ask: Ask, raw_server: RawServerFactory) -> None:
    pairs = ask("GET", raw_server(answering(REPEATED)).url).headers_tuple
    assert pairs == (("X-A", "one"), ("x-a", "two"), ("Content-Length", "0"))


def typed(content_type: str, body: bytes) -> Script:
    """A script whose answers have that Content-Type."""
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n"
    return answering(head.encode() + body)


def test_encoding_is_the_charset(ask: Ask, raw_server: RawServerFactory) -> None:
    assert ask("GET", raw_server(typed("text/plain; charset=utf-8", b"")).url).encoding == "utf-8"


def test_encoding_is_latin1_without_a_charset(ask: Ask, raw_server: RawServerFactory) -> None:
    assert ask("GET", raw_server(typed("text/plain", b"")).url).encoding == "latin1"


def test_text_is_decoded_by_the_encoding(ask: Ask, raw_server: RawServerFactory) -> None:
    answer = typed("text/plain; charset=utf-8", "grün".encode())
    assert ask("GET", raw_server(answer).url).text == "grün"


def test_json(ask: Ask, raw_server: RawServerFactory) -> None:
    response = ask("GET", raw_server(typed("application/json", b'{"a": [1, null]}')).url)
    assert response.json() == {"a": [1, None]}


def test_text_of_json_without_a_charset_is_latin1(ask: Ask, raw_server: RawServerFactory) -> None:
    said = json.dumps("ü", ensure_ascii=False).encode()
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    response = ask("GET", raw_server(answering(head % len(said), said)).url)
    assert (response.encoding, response.text, response.json()) == ("latin1", '"Ã¼"', "ü")


def test_json_of_something_else_raises_value_error(ask: Ask, nginx: Nginx) -> None:
    response = ask("GET", f"{nginx.http}/small")
    with pytest.raises(ValueError, match="Expecting value"):
        response.json()


def test_request_is_the_one_that_this_answers(ask: Ask, nginx: Nginx) -> None:
    request = ask("GET", f"{nginx.http}/redirect/302").request
    assert type(request) is acurl.Request
    assert request.url == f"{nginx.http}/small"


def test_http_version(ask: Ask, nginx: Nginx) -> None:
    assert ask("GET", f"{nginx.http}/small").http_version == "1.1"
    assert ask("GET", f"{nginx.https}/small", verify=str(nginx.ca_file)).http_version == "2"


def test_reused_and_connection_id(run_wrapper: RunWrapper, nginx: Nginx) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session()
        first = await session.get(f"{nginx.http}/small")
        again = await session.get(f"{nginx.http}/small")
        fresh = await session.get(f"{nginx.http}/small", connections="request")
        assert [first.reused, again.reused, fresh.reused] == [False, True, False]
        assert first.connection_id == again.connection_id != fresh.connection_id

    run_wrapper(body)


def test_retries_is_zero_when_nothing_was_repeated(ask: Ask, echo: Echo) -> None:
    assert ask("GET", echo.url).retries == 0


def test_retries_counts_a_connection_that_the_server_had_closed(
    run_wrapper: RunWrapper, raw_server: RawServerFactory
) -> None:
    def script(connection: Connection) -> None:
        connection.read_head()
        connection.respond()
        if connection.number == 1:
            connection.read_head()  # the second request dies with its connection
        else:
            connection.read_until_closed()

    server = raw_server(script)

    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session()
        await session.get(server.url)
        response = await session.get(server.url)
        assert (response.status_code, response.retries, response.reused) == (200, 1, False)

    run_wrapper(body)


def test_certificates_are_those_of_the_server(ask: Ask, nginx: Nginx) -> None:
    options: dict[str, Any] = {"verify": str(nginx.ca_file), "cert_info": True}
    first = ask("GET", f"{nginx.https}/small", **options).certificates[0]
    assert {"Subject", "Issuer", "Start date", "Expire date", "Cert"} <= first.keys()
    assert first["Cert"].startswith("-----BEGIN CERTIFICATE-----")


def test_certificates_are_empty_after_a_resumed_handshake(
    run_wrapper: RunWrapper, nginx: Nginx
) -> None:
    options: dict[str, Any] = {"verify": str(nginx.ca_file), "connections": "request"}

    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session(cert_info=True, **options)
        await session.get(f"{nginx.https}/small")
        assert (await session.get(f"{nginx.https}/small")).certificates == ()
        full = await session.get(f"{nginx.https}/small", tls_resumption=False)
        assert full.certificates != ()

    run_wrapper(body)


def test_certificates_are_empty_unless_asked_for(ask: Ask, nginx: Nginx) -> None:
    response = ask("GET", f"{nginx.https}/small", verify=str(nginx.ca_file))
    assert response.certificates == ()


def test_is_closed(ask: Ask, nginx: Nginx) -> None:
    assert ask("GET", f"{nginx.http}/small").is_closed is True


def test_raise_for_status_gives_the_response_back(ask: Ask, nginx: Nginx) -> None:
    response = ask("GET", f"{nginx.http}/small")
    assert response.raise_for_status() is response


@pytest.mark.parametrize("status", [400, 404, 500, 504])
def test_raise_for_status_raises(ask: Ask, nginx: Nginx, status: int) -> None:
    response = ask("GET", f"{nginx.http}/status/{status}")
    with pytest.raises(acurl.StatusError, match=rf"^{status} .*for GET {nginx.http}") as caught:
        response.raise_for_status()
    assert caught.value.response is response


def test_repr_is_one_line_without_passwords(ask: Ask, echo: Echo) -> None:
    url = echo.url.replace("//", "//ada:lovelace@")
    assert repr(ask("GET", url)) == f"<Response 200 HTTP/1.1 {url.replace('lovelace', '***')}>"


@pytest.mark.parametrize("status", [200, 404])
def test_a_response_is_always_true(ask: Ask, nginx: Nginx, status: int) -> None:
    assert bool(ask("GET", f"{nginx.http}/status/{status}")) is True


def test_responses_cannot_be_pickled(ask: Ask, nginx: Nginx) -> None:
    with pytest.raises(TypeError):
        pickle.dumps(ask("GET", f"{nginx.http}/small"))
