"""A handle that served one user carries nothing of it to the next; and the bounds of an answer.

All requests of a test are made one after the other in one wrapper, so that each runs on the one
easy handle that the engine keeps; what the server receives is the witness.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

import acurl
from tests.acurl.conftest import RunWrapper, until
from tests.acurl.echo import Echo, body_of, headers_of
from tests.conftest import RawServerFactory
from tests.servers.certificates import Certificates
from tests.servers.nginx import Nginx
from tests.servers.raw import Connection

PLAIN = ["host", "accept", "accept-encoding"]
Visit = Callable[[acurl.CurlWrapper, str], Awaitable[Any]]


async def cookies_from_the_server(wrapper: acurl.CurlWrapper, url: str) -> None:
    await wrapper.session().get(f"{url}/?set=a=1")


async def cookies_of_ones_own(wrapper: acurl.CurlWrapper, url: str) -> None:
    await wrapper.session().get(url, cookies={"a": "1"})


async def cookies_that_came_back(wrapper: acurl.CurlWrapper, url: str) -> None:
    session = wrapper.session()
    await session.get(f"{url}/?set=a=1")
    await session.get(f"{url}/?set=b=2")


async def cookies_of_a_closed_session(wrapper: acurl.CurlWrapper, url: str) -> None:
    session = wrapper.session()
    await session.get(f"{url}/?set=a=1")
    await session.get(url)
    session.close()


async def credentials(wrapper: acurl.CurlWrapper, url: str) -> None:
    await wrapper.session().get(url, auth=("ada", "lovelace"))


async def credentials_in_the_url(wrapper: acurl.CurlWrapper, url: str) -> None:
    await wrapper.session().get(url.replace("//", "//ada:lovelace@"))


async def headers(wrapper: acurl.CurlWrapper, url: str) -> None:
    await wrapper.session().get(url, headers={"X-A": "1", "Accept": "a/b", "Host": "other"})


async def a_user_agent(wrapper: acurl.CurlWrapper, url: str) -> None:
    await wrapper.session(user_agent="mine").get(url)


async def a_body(wrapper: acurl.CurlWrapper, url: str) -> None:
    await wrapper.session().post(url, data=b"secret")


async def a_body_with_get(wrapper: acurl.CurlWrapper, url: str) -> None:
    await wrapper.session().get(url, data=b"secret")


async def a_large_body(wrapper: acurl.CurlWrapper, url: str) -> None:
    await wrapper.session().put(url, data=bytes(1_500_000))


async def a_head(wrapper: acurl.CurlWrapper, url: str) -> None:
    await wrapper.session().head(url)


async def a_method(wrapper: acurl.CurlWrapper, url: str) -> None:
    await wrapper.session().request("PROPFIND", url)


async def a_timeout(wrapper: acurl.CurlWrapper, url: str) -> None:
    await wrapper.session().get(url, timeout=acurl.Timeout(1, total=1))


async def a_cancellation(wrapper: acurl.CurlWrapper, url: str) -> None:
    session = wrapper.session()
    options: Any = {"headers": {"X-A": "1"}, "cookies": {"a": "1"}, "data": b"secret"}
    task = asyncio.ensure_future(session.post(url, auth=("a", "b"), **options))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def a_refused_connection(wrapper: acurl.CurlWrapper, url: str) -> None:
    options: Any = {"headers": {"X-A": "1"}, "cookies": {"a": "1"}, "data": b"secret"}
    with pytest.raises(acurl.ConnectError):
        await wrapper.session().post("http://127.0.0.1:1/?set=a=1", auth=("a", "b"), **options)


async def a_refused_option(wrapper: acurl.CurlWrapper, url: str) -> None:
    longer_than_libcurl_takes = 8_000_001 * "A"
    with pytest.raises(acurl.RequestError, match=r"^libcurl refuses"):
        await wrapper.session().request(
            longer_than_libcurl_takes, url, data=b"secret", auth=("a", "b")
        )


@pytest.mark.parametrize(
    "visit",
    [
        cookies_from_the_server,
        cookies_of_ones_own,
        cookies_that_came_back,
        cookies_of_a_closed_session,
        credentials,
        credentials_in_the_url,
        headers,
        a_user_agent,
        a_body,
        a_body_with_get,
        a_large_body,
        a_head,
        a_method,
        a_timeout,
        a_cancellation,
        a_refused_connection,
        a_refused_option,
    ],
)
def test_nothing_of_one_user_reaches_the_next(
    run_wrapper: RunWrapper, echo: Echo, visit: Visit
) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        for _ in range(2):
            await visit(wrapper, echo.url)
            plain = wrapper.session()
            response = await plain.get(f"{echo.url}/plain")
            received = response.body
            assert (response.cookies, plain.cookies()) == ({}, {})
            assert wrapper.stats().handles == 1
            assert received.startswith(b"GET /plain HTTP/1.1\r\n")
            assert [name for name, _ in headers_of(received)] == PLAIN
            assert dict(headers_of(received))["accept"] == "*/*"
            assert body_of(received) == b""

    run_wrapper(body)


def test_cookies_are_kept_apart_on_one_handle(run_wrapper: RunWrapper, echo: Echo) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        sessions = [wrapper.session() for _ in range(4)]
        for number, session in enumerate(sessions):
            await session.get(f"{echo.url}/?set=me={number}")
        for _ in range(2):
            for number, session in enumerate(sessions):
                await session.get(echo.url)
                assert dict(headers_of(echo.last()))["cookie"] == f"me={number}"
                assert session.cookies() == {"me": str(number)}
        assert wrapper.stats().handles == 1

    run_wrapper(body)


def test_a_first_cookie_is_kept_after_a_user_with_a_jar(
    run_wrapper: RunWrapper, echo: Echo
) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        await wrapper.session().get(echo.url, cookies={"a": "1"})
        session = wrapper.session()
        await session.get(f"{echo.url}/?set=b=2")
        assert session.cookies() == {"b": "2"}
        await session.get(echo.url)
        assert dict(headers_of(echo.last()))["cookie"] == "b=2"

    run_wrapper(body)


def test_users_are_kept_apart_over_http2(run_wrapper: RunWrapper, nginx: Nginx) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        def user() -> acurl.Session:
            return wrapper.session(verify=False)

        for _ in range(2):
            await user().get(f"{nginx.https}/cookie/set")
            await user().get(f"{nginx.https}/auth", auth=("ada", "lovelace"))
            await user().post(f"{nginx.https}/sink", data=b"abc", headers={"X-Test": "seen"})
            await user().head(f"{nginx.https}/large")
            assert (await user().get(f"{nginx.https}/cookie/show")).text == "\n"
            assert (await user().get(f"{nginx.https}/auth")).status_code == 401
            mirror = await user().get(f"{nginx.https}/mirror")
            assert mirror.text == "GET\nHTTP/2.0\n\n\n\n"
        stats = wrapper.stats()
        assert (stats.handles, stats.opened) == (1, 1)

    run_wrapper(body)


def test_an_option_that_failed_leaves_nothing(
    run_wrapper: RunWrapper, nginx: Nginx, certificates: Certificates
) -> None:
    pair = (str(certificates.good.key), str(certificates.other_ca_file))  # no pair at all

    async def body(wrapper: acurl.CurlWrapper) -> None:
        for _ in range(2):
            with pytest.raises(acurl.AcurlError, match=r"curl failed with code .* key file"):
                await wrapper.session(verify=False).get(nginx.https, cert=pair)
            response = await wrapper.session(verify=False).get(f"{nginx.https}/small")
            assert response.status_code == 200
        assert wrapper.stats().handles == 1

    run_wrapper(body)


def test_warm_handles_are_bounded(run_wrapper: RunWrapper, nginx: Nginx) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session("2-prior-knowledge")
        url = f"{nginx.h2c}/bulk"
        await asyncio.gather(*(session.get(url) for _ in range(1000)))
        assert wrapper.stats().handles <= 2 * 1000
        for _ in range(50):
            await asyncio.gather(*(session.get(url) for _ in range(100)))
        assert wrapper.stats().handles <= 1000

    run_wrapper(body)


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_over_the_limit(
    run_wrapper: RunWrapper, raw_server: RawServerFactory, chunked: bool
) -> None:
    size = "Transfer-Encoding: chunked" if chunked else "Content-Length: 100000"
    parts = [b"186a0\r\n" if chunked else b"", bytes(100_000), b"\r\n0\r\n\r\n" if chunked else b""]

    def script(connection: Connection) -> None:
        while connection.read_head():
            connection.send(f"HTTP/1.1 200 OK\r\n{size}\r\n\r\n".encode(), *parts)

    server = raw_server(script)

    async def body(wrapper: acurl.CurlWrapper) -> None:
        with pytest.raises(acurl.ResponseTooLarge, match="larger than max_response_size"):
            await wrapper.session().get(server.url)

    run_wrapper(body, max_response_size=99_999)

    async def enough(wrapper: acurl.CurlWrapper) -> None:
        assert len((await wrapper.session().get(server.url)).body) == 100_000

    run_wrapper(enough, max_response_size=100_000)


@pytest.mark.parametrize("origin", ["http", "https"])
def test_the_limit_counts_what_was_unpacked(
    run_wrapper: RunWrapper, nginx: Nginx, origin: str
) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session(verify=False)
        url = getattr(nginx, origin)
        small = [session.get(f"{url}/small") for _ in range(10)]
        too_large = [session.get(f"{url}/text") for _ in range(3)]
        results = await asyncio.gather(*small, *too_large, return_exceptions=True)
        kinds = [getattr(result, "status_code", type(result)) for result in results]
        assert kinds == [200] * 10 + [acurl.ResponseTooLarge] * 3

    run_wrapper(body, max_response_size=10_000)


@pytest.mark.parametrize("lines", [1, 4000])
def test_headers_over_300_kib(
    run_wrapper: RunWrapper, raw_server: RawServerFactory, lines: int
) -> None:
    def script(connection: Connection) -> None:
        while head := connection.read_head():
            total = 310 * 1024 if head.startswith(b"GET /over") else 200 * 1024
            block = b"".join(b"X: " + b"a" * (total // lines - 5) + b"\r\n" for _ in range(lines))
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n", block, b"\r\n")

    server = raw_server(script)

    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session()
        if lines > 1:
            response = await session.get(server.url)
            assert len(response.headers_tuple) == lines + 1
        with pytest.raises(acurl.ResponseTooLarge, match=r"^curl failed with code \d+: "):
            await session.get(f"{server.url}/over")

    run_wrapper(body)


def test_cookies_behind_an_odd_line_stay_with_their_user(
    run_wrapper: RunWrapper, raw_server: RawServerFactory
) -> None:
    heads: list[bytes] = []

    def script(connection: Connection) -> None:
        while head := connection.read_head():
            heads.append(head)
            connection.send(
                b"HTTP/1.1 200 OK\r\n:\nSet-Cookie: sid=user1\r\nContent-Length: 2\r\n\r\nok"
            )

    server = raw_server(script)

    async def body(wrapper: acurl.CurlWrapper) -> None:
        for _ in range(3):
            await wrapper.session().get(server.url)
        assert len(heads) == 3
        assert not any(b"sid=" in head for head in heads)

    run_wrapper(body)


def test_an_answer_nobody_asked_for_reaches_nobody(
    run_wrapper: RunWrapper, raw_server: RawServerFactory
) -> None:
    def script(connection: Connection) -> None:
        while connection.read_head():
            connection.respond(body=b"asked")
            connection.send(b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 7\r\n\r\nunasked")

    server = raw_server(script)

    async def body(wrapper: acurl.CurlWrapper) -> None:
        for _ in range(5):
            answer = await wrapper.session().post(server.url, data=b"x")
            assert (answer.status_code, answer.body) == (200, b"asked")
            await until(lambda: wrapper.stats().idle == 0)
        assert wrapper.stats().opened == 5

    run_wrapper(body)


def test_requests_that_never_left_are_sent_again(
    run_wrapper: RunWrapper, raw_server: RawServerFactory
) -> None:
    served: list[bytes] = []

    def script(connection: Connection) -> None:
        while head := connection.read_head():
            served.append(head)
            connection.respond()
            connection.send(b"unasked")

    server = raw_server(script)

    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session()
        for _ in range(3):
            answers = await asyncio.gather(
                *(session.post(server.url, data=b"x") for _ in range(20))
            )
            assert [answer.status_code for answer in answers] == [200] * 20
            await until(lambda: wrapper.stats().idle == 0)
        assert len(served) == 60

    run_wrapper(body)
