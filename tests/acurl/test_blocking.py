"""acurl.get() and its like, which need no event loop, and open_session()."""

import asyncio
import inspect
import threading
from typing import Any

import pytest

import acurl
from tests.acurl.echo import Echo, body_of, headers_of
from tests.servers.loops import RunAsync
from tests.servers.nginx import Nginx

VERBS = ("get", "head", "options", "post", "put", "patch", "delete")


@pytest.mark.parametrize("verb", VERBS)
def test_each_verb(echo: Echo, verb: str) -> None:
    response = getattr(acurl, verb)(f"{echo.url}/here", headers={"X-Test": "1"})
    assert response.status_code == 200
    assert echo.last().startswith(f"{verb.upper()} /here HTTP/1.1\r\n".encode())
    assert ("x-test", "1") in headers_of(echo.last())


def test_any_method(echo: Echo) -> None:
    assert acurl.request("PURGE", echo.url, data=b"all").status_code == 200
    assert echo.last().startswith(b"PURGE / ")
    assert body_of(echo.last()) == b"all"


def test_what_an_answer_holds_is_there_afterwards(nginx: Nginx) -> None:
    large = acurl.get(f"{nginx.https}/large", verify=str(nginx.ca_file))
    assert large.body == b"0123456789abcdef" * (1 << 16)
    assert large.http_version == "2"
    cookies = acurl.get(f"{nginx.http}/cookie/set", cookies={"mine": "1"}).cookies
    assert cookies == {"flavour": "oat", "scope": "here", "mine": "1"}
    followed = acurl.get(f"{nginx.http}/chain/2")
    assert [response.status_code for response in followed.history] == [302, 302]


def test_calls_share_nothing(echo: Echo) -> None:
    acurl.get(f"{echo.url}/?set=a=b")
    acurl.get(echo.url)
    assert "cookie" not in dict(headers_of(echo.last()))
    assert echo.accepted == 2


def test_errors_are_those_of_a_session(echo: Echo) -> None:
    with pytest.raises(acurl.ConnectError, match=r"^curl failed with code 7"):
        acurl.get("http://127.0.0.1:1/")
    with pytest.raises(acurl.RequestError, match="http_version='4': must be one of"):
        acurl.get(echo.url, http_version="4")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"there is no option 'verfy' .* allowed are "):
        acurl.get(echo.url, verfy=False)  # type: ignore[call-arg]
    with pytest.raises(acurl.RequestError, match=r"stream=True: needs an event loop: use .*open_"):
        acurl.get(echo.url, stream=True)
    assert echo.received == []


def test_nothing_is_left_behind(echo: Echo) -> None:
    before = threading.active_count()
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        acurl.get(echo.url)
        assert asyncio.get_event_loop_policy().get_event_loop() is loop
    finally:
        asyncio.set_event_loop(None)
        loop.close()
    assert threading.active_count() <= before + 1  # the server's worker for this connection


def test_inside_a_loop_it_names_the_way(run_async: RunAsync, echo: Echo) -> None:
    async def main() -> None:
        for verb in VERBS:
            with pytest.raises(acurl.EngineMisuse) as caught:
                getattr(acurl, verb)(echo.url)
            message = str(caught.value)
            assert message.startswith(f"acurl.{verb}() would block the event loop")
            assert "async with acurl.open_session() as session" in message

    run_async(main())
    assert echo.received == []


def test_in_a_thread_beside_a_loop(run_async: RunAsync, echo: Echo) -> None:
    async def main() -> None:
        response = await asyncio.to_thread(acurl.get, echo.url)
        assert response.status_code == 200

    run_async(main())


def test_open_session(run_async: RunAsync, echo: Echo) -> None:
    async def main() -> None:
        options: dict[str, Any] = {
            "max_connects": 7,
            "max_retries": 1,
            "user_agent": "me",
            "headers": {"X-Test": "1"},
            "trust_env": False,
        }
        async with acurl.open_session(**options) as session:
            assert (await session.get(echo.url)).status_code == 200
            assert session._wrapper.max_connects == 7
        assert {("user-agent", "me"), ("x-test", "1")} <= set(headers_of(echo.last()))
        with pytest.raises(acurl.EngineClosed):
            await session.get(echo.url)

    run_async(main())


def test_open_session_closes_when_its_block_fails(run_async: RunAsync, echo: Echo) -> None:
    async def main() -> None:
        opening = acurl.open_session()
        session = await opening.__aenter__()
        assert not await opening.__aexit__(ZeroDivisionError, ZeroDivisionError(), None)
        with pytest.raises(acurl.EngineClosed):
            await session.get(echo.url)

    run_async(main())


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"max_connect": 1}, TypeError, "there is no option 'max_connect'; allowed are auth, "),
        ({"loop": None}, TypeError, "there is no option 'loop'; allowed are "),
        ({"max_connects": -1}, acurl.RequestError, "max_connects=-1: must be a whole number"),
        ({"tls_min": "2"}, acurl.RequestError, "tls_min='2': must be one of "),
        ({"connections": "no"}, acurl.RequestError, "connections='no': must be one of "),
    ],
)
def test_open_session_refuses(
    run_async: RunAsync, options: Any, error: type[Exception], message: str
) -> None:
    async def main() -> None:
        with pytest.raises(error) as caught:
            async with acurl.open_session(**options):
                pass
        assert str(caught.value).startswith(message)

    run_async(main())


def test_open_session_knows_all_options(run_async: RunAsync) -> None:
    async def main() -> None:
        with pytest.raises(TypeError) as caught:
            async with acurl.open_session(nonsense=1):
                pass
        named = set(str(caught.value).partition("allowed are ")[2].split(", "))
        wrappers = set(inspect.signature(acurl.CurlWrapper).parameters) - {"loop"}
        sessions = set(inspect.signature(acurl.CurlWrapper.session).parameters)
        connection = set(acurl.ConnectionOptions.__annotations__)
        assert named == (wrappers | sessions | connection) - {"self", "options"}

    run_async(main())


def test_open_session_needs_a_loop() -> None:
    opening = acurl.open_session().__aenter__()
    with pytest.raises(acurl.EngineMisuse, match="needs a running event loop"):
        opening.send(None)
