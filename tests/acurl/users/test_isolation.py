"""One easy handle serves many users in turn: nothing that one did is there for the next.

Each test runs all its requests one after the other, so that they meet on the engine's only handle.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

import acurl
from tests.acurl.conftest import RunWrapper, until
from tests.acurl.echo import Echo, body_of, headers_of
from tests.acurl.test_auth import ADA, Gate
from tests.acurl.users.ledger import Bundle, Line, keeping
from tests.conftest import RawServerFactory
from tests.servers.raw import Connection

NEVER = acurl.Timeout(None, total=None)


async def pieces(count: int = 3) -> AsyncIterator[bytes]:
    for _ in range(count):
        await asyncio.sleep(0.002)  # libcurl waits for each of them
        yield b"x"


Visit = Callable[[acurl.CurlWrapper, Echo, str], Awaitable[Any]]


async def a_form(wrapper: acurl.CurlWrapper, echo: Echo, large: str) -> None:
    files = {"f": ("name.txt", b"content", "text/odd"), "g": Path(__file__)}
    await wrapper.session().post(echo.url, data={"a": "1"}, files=files)


async def an_upload(wrapper: acurl.CurlWrapper, echo: Echo, large: str) -> None:
    await wrapper.session().put(f"{large}/upload", data=(b"x" for _ in range(3)))


async def a_slow_upload(wrapper: acurl.CurlWrapper, echo: Echo, large: str) -> None:
    await wrapper.session().post(f"{large}/upload", data=pieces())


async def an_upload_cancelled(wrapper: acurl.CurlWrapper, echo: Echo, large: str) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await wrapper.session(timeout=NEVER).post(f"{large}/upload", data=pieces(10**9))


async def a_stream(wrapper: acurl.CurlWrapper, echo: Echo, large: str) -> None:
    async with await wrapper.session().get(echo.url, stream=True) as response:
        await response.read()


async def a_stream_that_waits(wrapper: acurl.CurlWrapper, echo: Echo, large: str) -> None:
    async with await wrapper.session(timeout=NEVER).get(f"{large}/large", stream=True):
        await asyncio.sleep(0.05)  # its window is full, and nobody reads


async def digest(wrapper: acurl.CurlWrapper, echo: Echo, large: str) -> None:
    await wrapper.session().get(f"{echo.url}/status/401", auth=ADA)


async def limits(wrapper: acurl.CurlWrapper, echo: Echo, large: str) -> None:
    session = wrapper.session(max_response_size=1, timeout=acurl.Timeout(total=0.05))
    with pytest.raises(acurl.ResponseTooLarge):
        await session.get(echo.url)
    with pytest.raises(acurl.TotalTimeout):
        await session.get(f"{large}/hold")


async def no_body_kept(wrapper: acurl.CurlWrapper, echo: Echo, large: str) -> None:
    await wrapper.session(discard_body=True).get(echo.url)


async def nobody_there(wrapper: acurl.CurlWrapper, echo: Echo, large: str) -> None:
    with pytest.raises(acurl.ConnectError):
        await wrapper.session().get("http://127.0.0.1:1/")


async def everything(wrapper: acurl.CurlWrapper, echo: Echo, large: str) -> None:
    session = wrapper.session(
        user_agent="odd", headers={"X-A": "1"}, cookies={"a": "1"}, auth=("ada", "x")
    )
    await session.request("PUT", echo.url, data=b"x" * 100_000, headers={"Accept": "odd/odd"})
    await session.head(echo.url)


@pytest.fixture
def large(raw_server: RawServerFactory) -> str:
    """URL of a server of endless and of missing answers."""

    def script(connection: Connection) -> None:
        while head := connection.read_head():
            if b"/large" in head:
                connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n")
                while True:
                    connection.send(b"x" * 65536)
            if b"chunked" not in head or b"/hold" in head:
                connection.read_until_closed()
                return
            seen = b""
            while not seen.endswith(b"0\r\n\r\n"):
                seen += connection.read_exactly(1) or b"0\r\n\r\n"
            connection.respond(b"taken")

    return raw_server(script).url


@pytest.mark.parametrize(
    "visit",
    [
        a_form,
        an_upload,
        a_slow_upload,
        an_upload_cancelled,
        a_stream,
        a_stream_that_waits,
        digest,
        limits,
        no_body_kept,
        nobody_there,
        everything,
    ],
)
def test_each_way_to_ask_after_each_other(
    run_wrapper: RunWrapper, echo: Echo, large: str, visit: Visit
) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        for _ in range(2):
            await visit(wrapper, echo, large)
            await check_plain(wrapper.session(), echo)
            await visit(wrapper, echo, large)
            await check_upload(wrapper.session(), echo, large)
            await visit(wrapper, echo, large)
            await check_stream(wrapper.session(), echo)
            assert wrapper.stats().handles == 1

    run_wrapper(body)


async def check_plain(session: acurl.Session, echo: Echo) -> None:
    response = await session.get(f"{echo.url}/plain")
    received = response.body
    assert received.startswith(b"GET /plain HTTP/1.1\r\n")
    assert [name for name, _ in headers_of(received)] == ["host", "accept", "accept-encoding"]
    assert (response.retries, response.upload_size, response.cookies) == (0, 0, {})
    assert response.download_size == len(received)
    assert response.header.strip() == f"HTTP/1.1 200 Said\r\nContent-Length: {len(received)}"


async def check_upload(session: acurl.Session, echo: Echo, large: str) -> None:
    response = await session.post(f"{large}/upload", data=pieces())
    assert response.body == b"taken"
    response = await session.post(echo.url, data=b"own")
    assert body_of(response.body) == b"own"
    assert response.body.count(b"\r\nContent-") == 2


async def check_stream(session: acurl.Session, echo: Echo) -> None:
    async with await session.get(f"{echo.url}/stream", stream=True) as response:
        head, body = response.header, await response.read()
    assert (head.strip().count("\n"), body.split()[1]) == (1, b"/stream")


def test_headers_are_counted_for_each_answer(
    run_wrapper: RunWrapper, raw_server: RawServerFactory
) -> None:
    def script(connection: Connection) -> None:
        while connection.read_head():
            connection.respond(b"", "200 OK", *(f"X-{n}: {'x' * 50_000}" for n in range(2)))

    server = raw_server(script)

    async def body(wrapper: acurl.CurlWrapper) -> None:
        for _ in range(5):
            assert len((await wrapper.session().get(server.url)).header) > 100_000
        assert wrapper.stats().handles == 1

    run_wrapper(body)


def test_a_failure_tells_nothing_of_the_answer_before(
    run_wrapper: RunWrapper, raw_server: RawServerFactory, echo: Echo
) -> None:
    def script(connection: Connection) -> None:
        connection.read_head()
        connection.reset()

    server = raw_server(script)

    async def body(wrapper: acurl.CurlWrapper) -> None:
        for url, said in (
            (server.url, "the server broke the connection before it answered"),
            ("http://127.0.0.1:1/", "Failed to connect to 127.0.0.1:1"),
        ):
            response = await wrapper.session().get(f"{echo.url}/?set=a=1")
            assert response.starttransfer_time > 0
            with pytest.raises(acurl.ConnectError, match=said) as caught:
                await wrapper.session().get(url)
            assert (caught.value.starttransfer_time, caught.value.retries) == (0.0, 0)
            assert caught.value.request is not None
            assert caught.value.request.cookies == {}
        assert wrapper.stats().handles == 1

    run_wrapper(body)


def test_a_late_error_text_is_forgotten(run_wrapper: RunWrapper, large: str) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        with pytest.raises(acurl.ConnectError, match="Failed to connect"):
            await wrapper.session().get("http://127.0.0.1:1/")
        with pytest.raises(acurl.ReadTimeout) as caught:
            await wrapper.session(timeout=acurl.Timeout(read=0.05)).get(f"{large}/hold")
        assert "Failed to connect" not in str(caught.value)

    run_wrapper(body)


def test_a_stream_after_digest_gets_its_challenge_at_once(
    run_wrapper: RunWrapper, raw_server: RawServerFactory
) -> None:
    """Only for who may answer it, a 401 is not the head of the answer."""

    def script(connection: Connection) -> None:
        while b"/half" not in (head := connection.read_head()):
            if not head:
                return
            connection.respond(b"", "401 No")
        connection.send(b"HTTP/1.1 401 No\r\nContent-Length: 4\r\n\r\nha")
        connection.read_until_closed()

    server = raw_server(script)

    async def body(wrapper: acurl.CurlWrapper) -> None:
        await wrapper.session().get(server.url, auth=ADA)
        session = wrapper.session(timeout=acurl.Timeout(read=1))
        async with await session.get(f"{server.url}/half", stream=True) as response:
            assert response.status_code == 401
            assert await anext(response.stream()) == b"ha"

    run_wrapper(body)


def test_challenges_of_one_do_not_hide_the_repeats_of_another(run_wrapper: RunWrapper) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        with Gate() as gate:
            async with keeping(Bundle) as ledger:
                session = wrapper.session("2-prior-knowledge")
                await session.get(ledger.url)
                assert (await wrapper.session().get(gate.url, auth=ADA)).status_code == 200
                ledger.lines[0].transport.abort()
                await until(lambda: ledger.open == 0)
                repeated = await session.get(ledger.url)
                assert (repeated.status_code, repeated.retries) == (200, 1)
                after = await session.get(ledger.url)
                assert (after.retries, after.reused) == (0, True)
                another = await wrapper.session("2-prior-knowledge").get(ledger.url)
                assert (another.retries, another.reused) == (0, True)
                assert wrapper.stats().handles == 1

    run_wrapper(body)


def test_a_stream_that_waited_leaves_its_connection_idle(run_wrapper: RunWrapper) -> None:
    """Held connections count as busy, and are not ended for their age."""

    class Flood(Bundle):
        """Fills the window of whoever asks for /flood."""

        def _say(self, stream: int, fields: Any) -> None:
            if fields[":path"] != "/flood":
                super()._say(stream, fields)
                return
            self.note("/flood")
            self._paths[stream] = "/flood"
            self._h2.send_headers(stream, [(":status", "200")])
            self._flooded = stream
            self._pour()

        def _pour(self) -> None:
            stream = self._flooded
            while room := min(self._h2.local_flow_control_window(stream), 16384):
                self._h2.send_data(stream, b"x" * room)
            self.transport.write(self._h2.data_to_send())

        def data_received(self, data: bytes) -> None:
            """As a Bundle, and pour on when there is room."""
            super().data_received(data)
            if hasattr(self, "_flooded") and not self.resets:
                self._pour()

    async def body(wrapper: acurl.CurlWrapper) -> None:
        async with keeping(Flood) as ledger:
            session = wrapper.session("2-prior-knowledge", timeout=NEVER)
            for _ in range(2):
                async with await session.get(f"{ledger.url}/flood", stream=True):
                    await asyncio.sleep(0.1)
                await until(lambda: len(ledger.lines[-1].resets) == 1)
                await session.get(ledger.url)
                await until(lambda: wrapper.stats().idle == 1)
                ledger.lines[-1].transport.abort()
                await until(lambda: ledger.open == 0)

    run_wrapper(body)


def test_what_one_user_spoke_is_not_taken_for_the_next_ones_version(
    run_wrapper: RunWrapper,
) -> None:
    """A server of HTTP/2 may speak unasked; on HTTP/1 that ends the connection."""

    async def body(wrapper: acurl.CurlWrapper) -> None:
        async with keeping(Bundle) as modern, keeping(Line) as old:
            await wrapper.session("2-prior-knowledge").get(modern.url)
            await wrapper.session().get(old.url)
            await wrapper.session("2-prior-knowledge").get(modern.url)
            assert (len(modern.lines), len(old.lines), wrapper.stats().handles) == (1, 1, 1)
            old.lines[0].transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")
            await until(lambda: not old.lines[0].is_open)
            assert wrapper.stats().closed_server_idle == 1
            assert (await wrapper.session().get(old.url)).body == b"ok"

    run_wrapper(body)


def test_users_led_through_redirects(run_wrapper: RunWrapper) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        async with keeping(Line) as here, keeping(Line) as there:
            users = [wrapper.session(auth=(str(number), "x")) for number in range(100)]
            start = f"{here.url}/to/{there.url}"
            answers = await asyncio.gather(
                *(
                    user.get(f"{start}/{number}?set=me={number};%20Path=/")
                    for number, user in enumerate(users)
                )
            )
            for number, (user, answer) in enumerate(zip(users, answers, strict=True)):
                assert answer.url.startswith(f"{there.url}/{number}")
                assert user.cookies() == {"me": str(number)}
            for head in there.heads:
                assert "Authorization" not in head
                assert f"Cookie: me={head.split()[1][1:]}\r\n" in f"{head}\r\n"

    run_wrapper(body)
