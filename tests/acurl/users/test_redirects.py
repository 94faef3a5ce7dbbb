"""Redirects hop by hop: what is sent next, to whom, and what stays behind."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote

import pytest

import acurl
from tests.acurl.conftest import RunWrapper
from tests.acurl.echo import Echo, body_of, headers_of
from tests.acurl.test_auth import ADA, Gate
from tests.acurl.users.ledger import Ledger, Line, keeping
from tests.conftest import RawServerFactory
from tests.servers.certificates import Certificates
from tests.servers.raw import Connection, Script

TO_GET = {301, 302, 303}


def leading(location: str) -> Script:
    """A script that redirects all requests, with the status that their path names, or 302."""

    def script(connection: Connection) -> None:
        while head := connection.read_head():
            size = dict(headers_of(head)).get("content-length", "0")
            connection.read_exactly(int(size))
            status = head.split()[1].decode().removeprefix("/")
            status = status if status.isdigit() else "302"
            connection.respond(b"gone", f"{status} Moved", f"Location: {location}")

    return script


@asynccontextmanager
async def two_origins() -> AsyncIterator[tuple[Ledger, Ledger]]:
    async with keeping(Line) as here, keeping(Line) as there:
        yield here, there


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "OWN"])
def test_methods(
    run_wrapper: RunWrapper, raw_server: RawServerFactory, echo: Echo, method: str
) -> None:
    server = raw_server(leading(f"{echo.url}/next"))
    data = None if method == "HEAD" else b"a\0b"

    async def visit(wrapper: acurl.CurlWrapper, status: int) -> None:
        answers: list[Any] = []
        session = wrapper.session()
        session.set_response_callback(answers.append)
        response = await session.request(method, f"{server.url}/{status}", data=data)
        first, last = answers
        assert (first.status_code, first.body) == (status, b"" if method == "HEAD" else b"gone")
        assert (last, last.history, first.history) == (response, [first], [])
        sent = "GET" if status in TO_GET else method
        assert (first.request.method, last.request.method) == (method.encode(), sent.encode())
        assert (first.total_time > 0, last.total_time > 0, last.retries) == (True, True, 0)
        assert echo.last().split()[0].decode() == sent
        assert body_of(echo.last()) == (b"" if status in TO_GET else data or b"")

    async def body(wrapper: acurl.CurlWrapper) -> None:
        for status in (301, 302, 303, 307, 308):
            await visit(wrapper, status)

    run_wrapper(body)


@pytest.mark.parametrize("status", [303, 307])
def test_bodies_that_come_in_pieces(
    run_wrapper: RunWrapper, raw_server: RawServerFactory, echo: Echo, status: int, tmp_path: Any
) -> None:
    server = raw_server(leading(f"{echo.url}/next"))
    path = tmp_path / "file"
    path.write_bytes(b"content")

    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session()
        await session.post(f"{server.url}/{status}", data=path)
        assert body_of(echo.last()) == (b"content" if status == 307 else b"")
        await session.post(f"{server.url}/{status}", files={"f": path})
        assert (b"\r\ncontent\r\n" in body_of(echo.last())) == (status == 307)
        assert ("multipart" in dict(headers_of(echo.last())).get("content-type", "")) == (
            status == 307
        )

    run_wrapper(body)


@pytest.mark.parametrize(
    ("location", "leads_to"),
    [
        ("{there}/x", "{there}/x"),
        ("//{there_host}/x", "{there}/x"),
        ("/x", "{here}/x"),
        ("x", "{here}/a/x"),
        ("../x", "{here}/x"),
        ("?x", "{here}/a/b?x"),
        ("/x#f", "{here}/x#f"),
        ("/x y", "{here}/x%20y"),
        ("/%78", "{here}/%78"),
    ],
)
def test_where_it_leads(
    run_wrapper: RunWrapper, raw_server: RawServerFactory, echo: Echo, location: str, leads_to: str
) -> None:
    names = {"there": echo.url, "there_host": echo.url.removeprefix("http://")}

    def script(connection: Connection) -> None:
        connection.read_head()
        connection.respond(b"", "302 Moved", f"Location: {location.format(**names)}")
        connection.read_head()
        connection.respond(b"goal")

    server = raw_server(script)

    async def body(wrapper: acurl.CurlWrapper) -> None:
        response = await wrapper.session().get(f"{server.url}/a/b?c")
        assert response.url == leads_to.format(here=server.url, **names)
        assert response.history[0].redirect_url == response.url

    run_wrapper(body)


@pytest.mark.parametrize(
    "location",
    [
        "http://",
        "http://h:bad/",
        "http://[::1",
        "//",
        "javascript:alert(1)",
        "http://a b/",
        "ws://h/",
    ],
)
def test_a_target_that_is_none(
    run_wrapper: RunWrapper, raw_server: RawServerFactory, location: str
) -> None:
    server = raw_server(leading(location))

    async def body(wrapper: acurl.CurlWrapper) -> None:
        answers: list[Any] = []
        session = wrapper.session()
        session.set_response_callback(answers.append)
        with pytest.raises(acurl.ProtocolError, match=r"^the server redirects to no URL: url "):
            await session.get(server.url.replace("//", "//ada:hush@"))
        assert [answer.status_code for answer in answers] == [302]
        answer = await session.get(server.url, allow_redirects=False)
        assert (answer.status_code, answer.body) == (302, b"gone")

    run_wrapper(body)


@pytest.mark.parametrize(("limit", "hops"), [(0, 0), (1, 1), (5, 5), (None, 5)])
def test_the_limit(
    run_wrapper: RunWrapper, raw_server: RawServerFactory, limit: int | None, hops: int
) -> None:
    server = raw_server(leading("/again"))

    async def body(wrapper: acurl.CurlWrapper) -> None:
        answers: list[Any] = []
        errors: list[Any] = []
        session = wrapper.session()
        session.set_response_callback(answers.append)
        session.set_error_callback(errors.append)
        options: Any = {} if limit is None else {"max_redirects": limit}
        with pytest.raises(acurl.TooManyRedirects, match=r"/again$") as caught:
            await session.get(server.url, **options)
        assert isinstance(caught.value, (acurl.RequestError, ValueError))
        assert (len(answers), errors) == (hops + 1, [])
        assert wrapper.stats().started == hops + 1

    run_wrapper(body)


@pytest.mark.parametrize("limit", [-1, 1.5, "5", None, True])
def test_limits_that_are_none(run_wrapper: RunWrapper, limit: Any) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        with pytest.raises(acurl.RequestError, match=f"^max_redirects={limit!r}: must be a whole"):
            await wrapper.session().get("http://127.0.0.1:1/", max_redirects=limit)

    run_wrapper(body)


SECRETS = {"Authorization": "A hush", "Cookie": "c=hush", "Proxy-Authorization": "P hush"}
WAYS: list[Any] = [
    {"auth": ("ada", "hush")},
    {"auth": acurl.Bearer("hush")},
    {"headers": SECRETS},
    {"headers": {name.upper(): value for name, value in SECRETS.items()}},
    {"login": "ada:hush"},
]


@pytest.mark.parametrize("of_session", [False, True])
@pytest.mark.parametrize("way", WAYS)
def test_another_port_gets_no_credentials(
    run_wrapper: RunWrapper, way: Any, of_session: bool
) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        async with two_origins() as (here, there):
            options = dict(way)
            login = options.pop("login", None)
            session = wrapper.session(**(options if of_session else {}))
            url = f"{here.url}/to/{there.url}/to/{here.url}/goal"
            url = url.replace("//", f"//{login}@", 1) if login else url
            response = await session.get(url, **({} if of_session else options))
            assert [hop.url for hop in [*response.history, response]][1:] == [
                f"{there.url}/to/{here.url}/goal",
                f"{here.url}/goal",
            ]
            first, back = here.heads
            shown = [line.partition(":")[0] for line in first.split("\r\n")]
            assert {"authorization", "cookie"} & {name.lower() for name in shown}
            for head in (*there.heads, back):  # what was dropped stays so on the way back
                assert "hush" not in head
                assert "authorization" not in head.lower()

    run_wrapper(body)


@pytest.mark.parametrize("way", WAYS)
def test_the_same_origin_gets_them_again(run_wrapper: RunWrapper, way: Any) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        async with keeping(Line) as ledger:
            options = dict(way)
            login = options.pop("login", None)
            url = f"{ledger.url}/to/%2Fto%2F%252Fgoal"
            url = url.replace("//", f"//{login}@", 1) if login else url
            response = await wrapper.session().get(url, **options)
            assert response.url == f"{ledger.url}/goal"
            credentials = [
                sorted(
                    line for line in head.lower().split("\r\n") if line[:5] in ("autho", "cooki")
                )
                for head in ledger.heads
            ]
            assert credentials[0]
            assert credentials == [credentials[0]] * 3

    run_wrapper(body)


@pytest.mark.parametrize("other", ["host", "scheme"])
def test_another_host_or_scheme_gets_no_credentials(
    run_wrapper: RunWrapper, certificates: Certificates, other: str
) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        tls = certificates.good if other == "scheme" else None
        async with keeping(Line) as here, keeping(Line, tls) as there:
            # One name and port for both schemes, as far as the client knows.
            led = {f"shop.test:{here.port}": f"127.0.0.1:{here.port}"}
            led |= {f"other.test:{here.port}": f"127.0.0.1:{here.port}"}
            session = wrapper.session(connect_to=led, verify=False, auth=("ada", "hush"))
            if other == "host":
                goal = f"http://other.test:{here.port}/goal"
                await session.get(f"http://shop.test:{here.port}/to/{goal}")
                assert [("Authorization" in head) for head in here.heads] == [True, False]
            else:
                await session.get(f"{here.url}/to/{there.url}/to/{quote(here.url)}/goal")
                seen = [*here.heads, *there.heads]
                assert [("Authorization" in head) for head in seen] == [True, False, False]

    run_wrapper(body)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_default_port_makes_no_other_origin(scheme: str) -> None:
    request = acurl.Request(b"GET", f"{scheme}://SHOP.test/a", auth=("ada", "x"))
    port = {"http": 80, "https": 443}[scheme]
    for target, same in (
        (f"{scheme}://shop.test:{port}/", True),
        (f"{scheme}://shop.test:{523 - port}/", False),
        (f"{scheme}://shop.test.evil.test/", False),
        (f"{scheme}://shop.test@evil.test/", False),
        (f"{'http' if scheme == 'https' else 'https'}://shop.test/", False),
    ):
        hop = request.redirected(acurl._Response(bytes(400), request), target)
        assert (b"Authorization: " in hop.wire_headers, hop.auth is not None) == (same, same)


@pytest.mark.parametrize("same_origin", [False, True])
def test_digest_on_the_way(run_wrapper: RunWrapper, same_origin: bool) -> None:
    class Leading(Gate):
        """Leads on whom it has let in, once."""

        goal = ""

        def _guard(self, connection: Connection) -> None:
            """As a Gate, behind an open door that leads to it."""
            head = connection.read_head()
            self.received.append(head)
            connection.respond(b"", "302 Moved", f"Location: {self.goal}")
            super()._guard(connection)

    with Leading() as first, Gate() as other:
        first.goal = f"{other.url if not same_origin else ''}/goal"

        async def body(wrapper: acurl.CurlWrapper) -> None:
            response = await wrapper.session().get(first.url, auth=ADA)
            assert response.status_code == (200 if same_origin else 401)
            assert (response.url, len(response.history)) == (
                f"{(first if same_origin else other).url}/goal",
                1,
            )

        run_wrapper(body)
        assert [line[:6] for line in first.authorizations] == (
            ["", "", "Digest"] if same_origin else [""]
        )
        assert other.authorizations == ([] if same_origin else [""])


def test_cookies_of_each_hop_go_to_the_next(run_wrapper: RunWrapper) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        async with keeping(Line) as ledger:
            session = wrapper.session()
            everywhere = ";%20Path=/"
            second = quote(f"/to/{quote('/goal?set=c=3', safe='')}?set=b=2{everywhere}", safe="")
            response = await session.get(f"{ledger.url}/to/{second}?set=a=1{everywhere}")
            sent = [head.partition("Cookie: ")[2].partition("\r\n")[0] for head in ledger.heads]
            assert [sorted(filter(None, one.split("; "))) for one in sent] == [
                [],
                ["a=1"],
                ["a=1", "b=2"],
            ]
            assert response.cookies == {"a": "1", "b": "2", "c": "3"}

    run_wrapper(body)


def test_cookies_given_with_a_request_stay_with_their_host(run_wrapper: RunWrapper) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        async with keeping(Line) as here, keeping(Line, host="127.0.0.2") as there:
            url = f"{here.url}/to/{there.url}/to/{here.url}/goal"
            await wrapper.session().get(url, cookies={"a": "hush"})
            assert [("Cookie: a=hush" in head) for head in here.heads] == [True, True]
            assert "hush" not in there.heads[0]

    run_wrapper(body)


def test_to_https_and_back(run_wrapper: RunWrapper, certificates: Certificates) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        async with keeping(Line) as plain, keeping(Line, certificates.good) as secure:
            session = wrapper.session(verify=str(certificates.ca_file))
            response = await session.get(f"{plain.url}/to/{secure.url}/to/{plain.url}/goal")
            assert [hop.url.partition(":")[0] for hop in [*response.history, response]] == [
                "http",
                "https",
                "http",
            ]
            assert response.history[1].appconnect_time > 0
            with pytest.raises(acurl.TLSError):
                await wrapper.session().get(f"{plain.url}/to/{secure.url}/")

    run_wrapper(body)


def test_a_hop_that_fails_is_reported_as_itself(run_wrapper: RunWrapper) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        async with keeping(Line) as ledger:
            errors: list[Any] = []
            session = wrapper.session(timeout=0.1)
            session.set_error_callback(errors.append)
            with pytest.raises(acurl.ConnectError, match=r"GET http://127.0.0.1:1/x") as caught:
                await session.post(f"{ledger.url}/to/http://127.0.0.1:1/x")
            assert errors == [caught.value]
            assert caught.value.request is not None
            assert [hop.status_code for hop in caught.value.request.history] == [302]
            with pytest.raises(acurl.ReadTimeout):
                await session.get(f"{ledger.url}/to/%2Fhold")

    run_wrapper(body)


def test_a_streamed_redirect_is_followed(run_wrapper: RunWrapper) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        async with keeping(Line) as ledger:
            answers: list[Any] = []
            session = wrapper.session()
            session.set_response_callback(answers.append)
            async with await session.get(f"{ledger.url}/to/%2Fgoal", stream=True) as response:
                assert await response.read() == b"ok"
            assert [answer.status_code for answer in answers] == [302, 200]
            assert answers[1] is response
            assert len(response.history) == 1

    run_wrapper(body)
