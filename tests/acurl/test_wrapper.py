"""What a CurlWrapper is made with, shares and counts."""

import asyncio
import time
from typing import Any

import pytest

import acurl
from acurl.options import Options
from acurl.profile import _settings
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
        ({"max_retries": -1}, "max_retries=-1: must be a whole number, 0 or more"),
        ({"max_lifetime": 0}, "max_lifetime=0: must be a whole number, 1 or more"),
        ({"max_lifetime": 1.5}, "max_lifetime=1.5: must be a whole number, 1 or more"),
        ({"connections": "lanes"}, "connections='lanes': must be one of 'shared', 'session', "),
        ({"trust_env": None}, "trust_env=None: must be one of False, True"),
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

    options = ("max_connects", "max_streams", "max_response_size", "max_retries", "max_lifetime")
    run_wrapper(body, **dict.fromkeys(options, 1 << 70))


def test_sessions_share_connections(run_wrapper: RunWrapper, nginx: Nginx) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        answers = [await wrapper.session().get(f"{nginx.http}/small") for _ in range(5)]
        assert [answer.reused for answer in answers] == [False, True, True, True, True]

    run_wrapper(body)


@pytest.mark.parametrize(
    ("connections", "reused"),
    [
        ("shared", [False, True, True, True]),
        ("session", [False, True, False, True]),
        ("request", [False] * 4),
    ],
)
@pytest.mark.parametrize("of_wrapper", [True, False])
@pytest.mark.parametrize("origin", ["http", "https"])
def test_whose_connections(
    run_wrapper: RunWrapper,
    nginx: Nginx,
    connections: Any,
    reused: list[bool],
    of_wrapper: bool,
    origin: str,
) -> None:
    option = {"connections": connections}

    async def body(wrapper: acurl.CurlWrapper) -> None:
        url = f"{getattr(nginx, origin)}/small"
        own: Any = {} if of_wrapper else option
        one, other = (wrapper.session(verify=False, **own) for _ in range(2))
        answers = [await session.get(url) for session in (one, one, other, other)]
        assert [answer.reused for answer in answers] == reused
        assert wrapper.stats().opened == reused.count(False)

    run_wrapper(body, **(option if of_wrapper else {}))


def test_one_request_may_have_a_new_connection(run_wrapper: RunWrapper, echo: Echo) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        sessions = {own: wrapper.session(connections=own) for own in ("shared", "session")}
        new: Any = {"connections": "request"}
        for own, session in sessions.items():
            # A new connection is closed behind its request: the next one makes its own.
            asked: list[Any] = [new, {}, new, {"connections": own}, {}]
            answers = [await session.get(echo.url, **options) for options in asked]
            assert [answer.reused for answer in answers] == [False, False, False, True, True]
        with pytest.raises(acurl.RequestError, match="connections='shared': is for a whole"):
            await sessions["session"].get(echo.url, connections="shared")

    run_wrapper(body)


def test_limits_of_a_body(run_wrapper: RunWrapper, nginx: Nginx) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        url = f"{nginx.http}/small"  # 17 bytes
        with pytest.raises(acurl.ResponseTooLarge):
            await wrapper.session().get(url)
        session = wrapper.session(max_response_size=17)
        assert len((await session.get(url)).body) == 17
        with pytest.raises(acurl.ResponseTooLarge):
            await session.get(url, max_response_size=16)
        with pytest.raises(acurl.ResponseTooLarge):
            await session.get(url, max_response_size=None)

    run_wrapper(body, max_response_size=10)


def test_bodies_that_are_counted_and_not_kept(run_wrapper: RunWrapper, nginx: Nginx) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session(discard_body=True)
        response = await session.get(f"{nginx.http}/large")
        assert (response.body, response.download_size) == (b"", 1 << 20)
        kept = await session.get(f"{nginx.http}/small", discard_body=False)
        assert kept.body == b"hello from nginx\n"

    run_wrapper(body, max_response_size=1 << 21)


@pytest.mark.slow
def test_the_life_of_a_connection(run_wrapper: RunWrapper, echo: Echo) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session()
        assert not (await session.get(echo.url)).reused
        assert (await session.get(echo.url)).reused
        began = time.monotonic()
        while (await session.get(echo.url)).reused:
            await asyncio.sleep(0.05)
            assert time.monotonic() < began + 10

    run_wrapper(body, max_lifetime=1)


def test_libcurl_finds_no_connection_too_old_that_the_engine_keeps() -> None:
    assert [
        _settings(Options(max_idle=seconds), tls=False)["MAXAGE_CONN"]
        for seconds in (0.5, 118.0, 600.5, 1e12, None)
    ] == [1, 118, 601, 2_000_000, 2_000_000]


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
        assert len(wrapper._known) <= 256

    run_wrapper(body)


def test_a_requests_options_are_looked_up_as_they_are_given(run_wrapper: RunWrapper) -> None:
    given: list[dict[str, Any]] = [
        {"timeout": 5},
        {"timeout": acurl.Timeout(5), "verify": False},
        {"resolve": {"a.test:80": ["127.0.0.1", "127.0.0.2"]}},
        {"connect_to": {"a.test:80": "b.test:80"}, "tcp_keepalive": (5, 5)},
    ]

    async def body(wrapper: acurl.CurlWrapper) -> None:
        base, other = (wrapper.session(user_agent=name)._settings for name in "ab")
        found = [wrapper.specialised(base, changes) for changes in given]
        assert [wrapper.specialised(base, dict(changes)) for changes in given] == found
        assert len({*found, base}) == len(given) + 1
        assert wrapper.specialised(other, given[0]).options.user_agent == "b"
        assert wrapper.specialised(found[1], {"timeout": 5}) is found[1]
        assert found[0].total_us == 60_000_000
        for number in range(1000):
            wrapper.specialised(base, {"resolve": {f"a.test:{number + 1}": "127.0.0.1"}})
        assert len(wrapper._known) <= 256

    run_wrapper(body)


def test_what_is_refused_is_refused_again(run_wrapper: RunWrapper, echo: Echo) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session()
        for _ in range(2):
            await session.get(echo.url, verify=True, discard_body=False, dns_ttl=1)
            for name, value in (("verify", 1), ("discard_body", 0), ("dns_ttl", True)):
                options: Any = {"verify": True, "discard_body": False, "dns_ttl": 1, name: value}
                with pytest.raises(acurl.RequestError, match=f"^{name}={value}: must be"):
                    await session.get(echo.url, **options)
        with pytest.raises(TypeError, match=r"^there is no option 'verfy' .* allowed are "):
            await session.get(echo.url, verfy=True)  # type: ignore[call-arg]

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
