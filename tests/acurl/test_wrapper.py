"""What a CurlWrapper is made with, shares and counts."""

import asyncio
from typing import Any

import pytest

import acurl
from tests.acurl.conftest import RunWrapper
from tests.acurl.echo import Echo
from tests.servers.loops import RunAsync
from tests.servers.nginx import Nginx


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_connects": -1}, "max_connects=-1: must be a whole number, 0 or more"),
        ({"max_connects": 1.5}, "max_connects=1.5: must be a whole number, 0 or more"),
        ({"max_connects": True}, "max_connects=True: must be a whole number, 0 or more"),
        ({"max_connects": None}, "max_connects=None: must be a whole number, 0 or more"),
        ({"max_streams": 0}, "max_streams=0: must be a whole number, 1 or more"),
        ({"max_response_size": 0}, "max_response_size=0: must be a whole number, 1 or more"),
        ({"keepalive_expiry": 0}, "keepalive_expiry=0: must be "),
        ({"keepalive_expiry": "soon"}, "keepalive_expiry='soon': must be "),
    ],
)
def test_bad_options(run_async: RunAsync, options: Any, message: str) -> None:
    async def main() -> None:
        with pytest.raises(acurl.RequestError) as caught:
            acurl.CurlWrapper(asyncio.get_running_loop(), **options)
        assert str(caught.value).startswith(message)

    run_async(main())


def test_no_expiry_is_allowed(run_wrapper: RunWrapper, echo: Echo) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        assert (await wrapper.session().get(echo.url)).status_code == 200
        assert wrapper.stats().idle == 1

    run_wrapper(body, keepalive_expiry=None)


def test_counts_beyond_any_machine_are_allowed(run_wrapper: RunWrapper, echo: Echo) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        assert (await wrapper.session().get(echo.url)).status_code == 200

    run_wrapper(body, max_connects=1 << 70, max_streams=1 << 70, max_response_size=1 << 70)


def test_sessions_share_connections(run_wrapper: RunWrapper, nginx: Nginx) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        answers = [await wrapper.session().get(f"{nginx.http}/small") for _ in range(5)]
        assert [answer.reused for answer in answers] == [False, True, True, True, True]

    run_wrapper(body)


def test_wrappers_share_nothing(run_async: RunAsync, nginx: Nginx) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        with acurl.CurlWrapper(loop) as first, acurl.CurlWrapper(loop) as second:
            for wrapper in (first, second, first, second):
                await wrapper.session().get(f"{nginx.http}/small")
            assert (first.stats().opened, second.stats().opened) == (1, 1)
            first.close()
            assert (await second.session().get(f"{nginx.http}/small")).reused

    run_async(main())


def test_counters(run_wrapper: RunWrapper, echo: Echo) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        assert set(wrapper.stats()) == {0}
        session = wrapper.session()
        await asyncio.gather(*(session.get(echo.url) for _ in range(10)))
        with pytest.raises(acurl.ConnectError):
            await session.get("http://127.0.0.1:1/")
        stats = wrapper.stats()
        assert (stats.started, stats.finished, stats.in_flight) == (11, 11, 0)
        assert stats.opened - 1 == echo.accepted <= 10
        assert (stats.closed, stats.idle) == (1, echo.accepted)
        assert stats.handles <= 10
        assert stats.drives > 0
        assert f"finished={stats.finished}" in repr(wrapper)

    run_wrapper(body)


def test_equal_options_share_their_settings(run_wrapper: RunWrapper) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        first, second = wrapper.session(verify=False), wrapper.session(verify=False)
        assert first._settings is second._settings
        for number in range(1000):
            wrapper.session(user_agent=str(number))
        assert len(wrapper._settings) <= 256

    run_wrapper(body)


def test_a_session_is_cheap(run_wrapper: RunWrapper, echo: Echo) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        sessions = [wrapper.session() for _ in range(1000)]
        for session in sessions[::100]:
            await session.get(echo.url)
        assert (wrapper.stats().handles, wrapper.stats().opened) == (1, 1)

    run_wrapper(body)


def test_many_users_at_once(run_wrapper: RunWrapper, nginx: Nginx) -> None:
    async def user(session: acurl.Session, number: int) -> bool:
        await session.get(f"{nginx.https}/cookie/set", cookies={"me": str(number)})
        shown = (await session.get(f"{nginx.https}/cookie/show")).text
        posted = await session.post(f"{nginx.https}/sink", data=b"x" * number)
        return f"me={number};" in shown.strip() + ";" and posted.text.strip() == str(number)

    async def body(wrapper: acurl.CurlWrapper) -> None:
        sessions = (wrapper.session(verify=False) for _ in range(100))
        tasks = [user(session, number) for number, session in enumerate(sessions, 1)]
        assert await asyncio.gather(*tasks) == [True] * 100

    run_wrapper(body)
