"""acurl.get() and its like, acurl.open_session(), and what is said of libcurl."""

import asyncio
from typing import Any

import pytest

import acurl
from tests.acurl.echo import Echo, body_of
from tests.servers.loops import RunAsync
from tests.servers.nginx import Nginx

VERBS = ("get", "post", "put", "patch", "delete", "head", "options")


@pytest.mark.parametrize("verb", VERBS)
def test_each_verb(echo: Echo, verb: str) -> None:
    response = getattr(acurl, verb)(f"{echo.url}/a")
    assert (type(response), response.status_code) == (acurl._Response, 200)
    assert echo.last().startswith(f"{verb.upper()} /a HTTP/1.1\r\n".encode())


def test_request_takes_any_method(echo: Echo) -> None:
    assert acurl.request("PURGE", echo.url, data=b"x").status_code == 200
    assert echo.last().startswith(b"PURGE ")
    assert body_of(echo.last()) == b"x"


def test_the_options_are_those_of_a_session(nginx: Nginx) -> None:
    options: dict[str, Any] = {
        "verify": str(nginx.ca_file),
        "timeout": 5,
        "params": {"a": 1},
        "max_redirects": 1,
    }
    response = acurl.get(f"{nginx.https}/redirect/302", **options)
    assert (response.status_code, response.http_version) == (200, "2")
    assert response.history[0].url.endswith("/redirect/302?a=1")


@pytest.mark.parametrize("verb", VERBS)
def test_each_verb_refuses_to_block_a_loop(run_async: RunAsync, echo: Echo, verb: str) -> None:
    async def main() -> None:
        with pytest.raises(acurl.EngineMisuse, match=rf"acurl\.{verb}\(\) would block"):
            getattr(acurl, verb)(echo.url)

    run_async(main())


def test_open_session_takes_options_of_wrapper_and_session(run_async: RunAsync, echo: Echo) -> None:
    async def main() -> None:
        async with acurl.open_session(max_connects=5, user_agent="me/1") as session:
            assert type(session) is acurl.Session
            await session.get(echo.url)
            assert b"user-agent: me/1" in echo.last().lower()

    run_async(main())


def test_open_session_closes_at_the_end(run_async: RunAsync, echo: Echo) -> None:
    async def main() -> None:
        async with acurl.open_session() as session:
            pass
        with pytest.raises(acurl.EngineClosed):
            await session.get(echo.url)

    run_async(main())


def test_open_session_refuses_unknown_names(run_async: RunAsync) -> None:
    async def main() -> None:
        with pytest.raises(TypeError, match="there is no option 'no_such'"):
            await acurl.open_session(no_such=1).__aenter__()

    run_async(main())


def test_sessions_run_side_by_side(run_async: RunAsync, echo: Echo) -> None:
    async def main() -> None:
        async with acurl.open_session() as one, acurl.open_session() as two:
            answers = await asyncio.gather(one.get(echo.url), two.get(echo.url))
        assert [answer.reused for answer in answers] == [False, False]

    run_async(main())


def test_libcurl_version() -> None:
    assert [part.isdigit() for part in acurl.libcurl_version().split(".")] == [True] * 3


def test_libcurl_description() -> None:
    assert acurl.libcurl_description().startswith(f"libcurl/{acurl.libcurl_version()}")
