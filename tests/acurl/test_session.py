"""Redirects hop by hop, callbacks, and the end of a session."""

import asyncio
import gc
from typing import Any

import pytest

import acurl
from tests.acurl.conftest import RunWrapper
from tests.acurl.echo import Echo, body_of, headers_of
from tests.conftest import RawServerFactory
from tests.servers.nginx import Nginx
from tests.servers.raw import Connection, Script


def redirecting(location: str, status: int = 302, *headers: str) -> Script:
    """A script that answers every request with the same redirect."""

    def script(connection: Connection) -> None:
        while head := connection.read_head():
            size = head.lower().partition(b"\r\ncontent-length: ")[2].partition(b"\r\n")[0]
            connection.read_exactly(int(size or 0))
            connection.respond(b"", f"{status} Moved", f"Location: {location}", *headers)

    return script


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("method", ["POST", "PUT", "GET"])
def test_method_and_body_of_the_next_hop(
    run_wrapper: RunWrapper, raw_server: RawServerFactory, echo: Echo, status: int, method: str
) -> None:
    server = raw_server(redirecting(f"{echo.url}/next", status))

    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session()
        headers = {"Content-Type": "text/x", "X-Kept": "yes"}
        response = await session.request(method, server.url, data=b"a\0b", headers=headers)
        assert (response.status_code, response.url) == (200, f"{echo.url}/next")
        assert [hop.status_code for hop in response.history] == [status]

    run_wrapper(body)
    kept = status in {307, 308}
    received = dict(headers_of(echo.last()))
    assert echo.last().split()[0].decode() == (method if kept else "GET")
    assert body_of(echo.last()) == (b"a\0b" if kept else b"")
    assert ("content-type" in received) == kept
    assert received["x-kept"] == "yes"


def test_a_chain_of_redirects(run_wrapper: RunWrapper, nginx: Nginx) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        hops: list[Any] = []
        session = wrapper.session()
        session.set_response_callback(hops.append)
        response = await session.get(f"{nginx.http}/chain/3")
        assert response.url == f"{nginx.http}/chain/0"
        assert response.redirect_url is None
        assert hops == [*response.history, response]
        assert [hop.url for hop in hops] == [f"{nginx.http}/chain/{n}" for n in (3, 2, 1, 0)]
        assert hops[0].redirect_url == f"{nginx.http}/chain/2"
        assert [len(hop.history) for hop in hops] == [0, 1, 2, 3]
        assert [hop.reused for hop in hops] == [False, True, True, True]

    run_wrapper(body)


@pytest.mark.parametrize(("limit", "enough"), [(2, False), (3, True), (0, False)])
def test_the_limit_of_redirects(
    run_wrapper: RunWrapper, nginx: Nginx, limit: int, enough: bool
) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        hops: list[Any] = []
        session = wrapper.session()
        session.set_response_callback(hops.append)
        if enough:
            await session.get(f"{nginx.http}/chain/3", max_redirects=limit)
        else:
            with pytest.raises(acurl.TooManyRedirects, match=f"/chain/{2 - limit}$") as caught:
                await session.get(f"{nginx.http}/chain/3", max_redirects=limit)
            assert isinstance(caught.value, acurl.RequestError)
        assert len(hops) == limit + 1

    run_wrapper(body)


def test_a_loop_of_redirects_ends_by_itself(run_wrapper: RunWrapper, nginx: Nginx) -> None:
    before = len(nginx.requests("/loop"))

    async def body(wrapper: acurl.CurlWrapper) -> None:
        with pytest.raises(acurl.TooManyRedirects, match="too many redirects") as caught:
            await wrapper.session().get(f"{nginx.http}/loop")
        assert caught.value.request is not None
        assert len(caught.value.request.history) == 5

    run_wrapper(body)
    assert len(nginx.wait_requests("/loop", before + 6)) == before + 6


def test_redirects_are_not_followed_when_told_so(run_wrapper: RunWrapper, nginx: Nginx) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        response = await wrapper.session().get(f"{nginx.http}/loop", allow_redirects=False)
        assert (response.status_code, response.redirect_url) == (302, f"{nginx.http}/loop")
        assert response.history == []

    run_wrapper(body)


@pytest.mark.parametrize(
    ("location", "url"),
    [("/b", "/b"), ("c?d=e", "/a/c?d=e"), ("../f", "/f"), ("?q", "/a/b?q"), ("/x y", "/x%20y")],
)
def test_relative_targets(
    run_wrapper: RunWrapper, raw_server: RawServerFactory, location: str, url: str
) -> None:
    server = raw_server(redirecting(location))

    async def body(wrapper: acurl.CurlWrapper) -> None:
        response = await wrapper.session().get(f"{server.url}/a/b", allow_redirects=False)
        assert response.redirect_url == server.url + url

    run_wrapper(body)


def test_a_3xx_without_a_target_is_an_answer(
    run_wrapper: RunWrapper, raw_server: RawServerFactory
) -> None:
    def script(connection: Connection) -> None:
        connection.read_head()
        connection.respond(b"choose", "300 Multiple Choices")

    server = raw_server(script)

    async def body(wrapper: acurl.CurlWrapper) -> None:
        response = await wrapper.session().get(server.url)
        assert (response.status_code, response.body) == (300, b"choose")
        assert response.redirect_url is None

    run_wrapper(body)


@pytest.mark.parametrize("target", ["ftp://host/", "file:///etc/passwd", "gopher://x/"])
def test_a_redirect_leads_nowhere_but_to_http(
    run_wrapper: RunWrapper, raw_server: RawServerFactory, target: str
) -> None:
    server = raw_server(redirecting(target))

    async def body(wrapper: acurl.CurlWrapper) -> None:
        with pytest.raises(acurl.ProtocolError, match="scheme must be http or https"):
            await wrapper.session().get(server.url)

    run_wrapper(body)


@pytest.mark.parametrize("how", ["auth", "header"])
def test_credentials_are_dropped_at_another_origin(
    run_wrapper: RunWrapper, raw_server: RawServerFactory, echo: Echo, how: str
) -> None:
    server = raw_server(redirecting(f"{echo.url}/elsewhere"))
    secrets = {"Authorization": "Bearer x", "Cookie": "a=b", "Proxy-Authorization": "y"}
    options: Any = {"auth": ("ada", "x")} if how == "auth" else {"headers": secrets | {"X": "1"}}

    async def body(wrapper: acurl.CurlWrapper) -> None:
        await wrapper.session().get(server.url, **options)

    run_wrapper(body)
    names = {name for name, _value in headers_of(echo.last())}
    assert names & {"authorization", "cookie", "proxy-authorization"} == set()
    assert ("x" in names) == (how == "header")


def test_credentials_stay_at_the_same_origin(run_wrapper: RunWrapper, echo: Echo) -> None:
    seen: list[bytes] = []

    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session()
        first = await session.get(echo.url, auth=("ada", "x"))
        hop = first.request.redirected(first, f"{echo.url}/next")
        await session._follow(hop, 0)
        seen.append(echo.last())

    run_wrapper(body)
    assert dict(headers_of(seen[0]))["authorization"] == "Basic YWRhOng="


def test_a_cookie_set_on_the_way_reaches_the_next_hop(
    run_wrapper: RunWrapper, raw_server: RawServerFactory, echo: Echo
) -> None:
    server = raw_server(redirecting(f"{echo.url}/next", 302, "Set-Cookie: a=1"))

    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session()
        response = await session.post(server.url, data="x", cookies={"b": "2"})
        sent = dict(headers_of(echo.last()))["cookie"]
        assert sorted(sent.split("; ")) == ["a=1", "b=2"]
        assert response.cookies == session.cookies() == {"a": "1", "b": "2"}

    run_wrapper(body)


def test_a_first_cookie_set_on_the_way_reaches_the_next_hop(
    run_wrapper: RunWrapper, raw_server: RawServerFactory, echo: Echo
) -> None:
    server = raw_server(redirecting(f"{echo.url}/next", 302, "Set-Cookie: a=1"))

    async def body(wrapper: acurl.CurlWrapper) -> None:
        await wrapper.session().get(server.url)
        assert dict(headers_of(echo.last()))["cookie"] == "a=1"

    run_wrapper(body)


def test_a_failure_is_reported_before_it_is_raised(
    run_wrapper: RunWrapper, raw_server: RawServerFactory
) -> None:
    server = raw_server(lambda connection: connection.reset())

    async def body(wrapper: acurl.CurlWrapper) -> None:
        errors: list[acurl.AcurlError] = []
        answers: list[Any] = []
        session = wrapper.session()
        session.set_error_callback(errors.append)
        session.set_response_callback(answers.append)
        with pytest.raises(acurl.ConnectError) as caught:
            await session.get(server.url)
        assert (errors, answers) == ([caught.value], [])
        session.set_error_callback(None)
        with pytest.raises(acurl.ConnectError):
            await session.get(server.url)
        assert len(errors) == 1

    run_wrapper(body)


def test_a_cancellation_is_not_reported(run_wrapper: RunWrapper, nginx: Nginx) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        errors: list[acurl.AcurlError] = []
        session = wrapper.session()
        session.set_error_callback(errors.append)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(session.get(f"{nginx.http}/slow"), 0.05)
        assert errors == []

    run_wrapper(body)


def test_what_a_callback_raises_reaches_the_caller(run_wrapper: RunWrapper, echo: Echo) -> None:
    def refuse(response: Any) -> None:
        raise KeyError(response.status_code)

    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session()
        session.set_response_callback(refuse)
        with pytest.raises(KeyError, match="200"):
            await session.get(echo.url)
        session.set_response_callback(None)
        assert (await session.get(echo.url)).reused

    run_wrapper(body)


def test_a_refused_request_raises_when_awaited(run_wrapper: RunWrapper) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session()
        for refused in (session.get("nowhere"), session.post("nowhere", data=b"")):
            with pytest.raises(acurl.RequestError, match="must be absolute"):
                await refused

    run_wrapper(body)


def test_a_closed_session_is_refused(run_wrapper: RunWrapper, echo: Echo) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session()
        response = await session.get(f"{echo.url}/?set=a=1")
        session.close()
        session.close()
        assert repr(session).startswith("<Session closed")
        for call in (session.get(echo.url), session.get(echo.url, cookies={"a": "b"})):
            with pytest.raises(acurl.EngineClosed, match="session is closed"):
                await call
        assert response.cookies == {"a": "1"}
        assert (await wrapper.session().get(echo.url)).reused

    run_wrapper(body)


def test_a_session_closed_while_it_is_used_gets_its_answer(
    run_wrapper: RunWrapper, echo: Echo
) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session()
        task = asyncio.ensure_future(session.get(f"{echo.url}/?set=a=1"))
        await asyncio.sleep(0)
        session.close()
        assert (await task).status_code == 200

    run_wrapper(body)


def test_sessions_that_are_dropped_leave_nothing(run_wrapper: RunWrapper, echo: Echo) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        for _ in range(50):
            await wrapper.session().get(f"{echo.url}/?set=a=1", cookies={"b": "2"})
        gc.collect()
        assert wrapper.stats().handles == 1
        assert (await wrapper.session().get(echo.url)).reused

    run_wrapper(body)


def test_a_twin_has_the_options_and_nothing_else(run_wrapper: RunWrapper, nginx: Nginx) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        told: list[Any] = []
        first = wrapper.session(user_agent="the same")
        first.set_response_callback(told.append)
        await first.get(f"{nginx.http}/cookie/set")
        twin = first.twin()
        assert "the same" in (await twin.get(f"{nginx.http}/mirror")).text
        assert (twin.cookies(), len(told)) == ({}, 1)
        first.close()
        with pytest.raises(acurl.EngineClosed):
            first.twin()
        assert (await twin.get(f"{nginx.http}/small")).status_code == 200

    run_wrapper(body)
