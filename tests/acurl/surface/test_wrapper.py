"""acurl.CurlWrapper: upstream's arguments, and ours."""

import asyncio
import inspect
from typing import Any

import pytest

import acurl
from tests.acurl.conftest import RunWrapper
from tests.servers.loops import RunAsync
from tests.servers.nginx import Nginx

DEFAULTS: dict[str, Any] = {
    "max_connects": 100,
    "max_streams": 100,
    "keepalive_expiry": 118.0,
    "max_response_size": 64 << 20,
    "max_retries": 3,
    "max_lifetime": None,
    "max_keepalive_connections": None,
    "max_connections": None,
    "max_host_connections": None,
    "max_host_keepalive": None,
    "min_connects": 0,
    "trust_env": True,
    "connections": "shared",
}
BAD: dict[str, Any] = {
    "max_connects": -1,
    "max_streams": 0,
    "keepalive_expiry": 0,
    "max_response_size": 0,
    "max_retries": -1,
    "max_lifetime": 0.5,
    "max_keepalive_connections": -1,
    "max_connections": 0,
    "max_host_connections": 0,
    "max_host_keepalive": -1,
    "min_connects": -1,
    "trust_env": "yes",
    "connections": "none",
}


def test_a_loop_is_all_it_needs(run_async: RunAsync, nginx: Nginx) -> None:
    async def main() -> None:
        wrapper = acurl.CurlWrapper(asyncio.get_event_loop())
        assert (await wrapper.session().get(f"{nginx.http}/small")).status_code == 200
        wrapper.close()

    run_async(main())


def test_session_makes_a_session(run_wrapper: RunWrapper) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        assert type(wrapper.session()) is acurl.Session

    run_wrapper(body)


def test_max_connects_is_the_second_argument(run_async: RunAsync, nginx: Nginx) -> None:
    async def main() -> None:
        with acurl.CurlWrapper(asyncio.get_running_loop(), 1) as wrapper:
            assert wrapper.max_connects == 1
            assert (await wrapper.session().get(f"{nginx.http}/small")).status_code == 200

    run_async(main())


def test_session_takes_http_version_by_place_and_by_name(
    run_wrapper: RunWrapper, nginx: Nginx
) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        trust: Any = {"verify": str(nginx.ca_file)}
        for session in (
            wrapper.session("1.1", **trust),
            wrapper.session(http_version="1.1", **trust),
        ):
            assert (await session.get(f"{nginx.https}/small")).http_version == "1.1"

    run_wrapper(body)


def test_session_refuses_another_http_version(run_wrapper: RunWrapper) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        version: Any = "1.2"
        with pytest.raises(ValueError, match=r"http_version='1.2': must be one of"):
            wrapper.session(version)

    run_wrapper(body)


def test_defaults() -> None:
    parameters = inspect.signature(acurl.CurlWrapper).parameters
    assert {name: parameters[name].default for name in parameters if name != "loop"} == DEFAULTS


@pytest.mark.parametrize("name", DEFAULTS)
def test_each_option_takes_its_default(run_async: RunAsync, name: str) -> None:
    async def main() -> None:
        acurl.CurlWrapper(asyncio.get_running_loop(), **{name: DEFAULTS[name]}).close()

    run_async(main())


@pytest.mark.parametrize("name", BAD)
def test_each_option_refuses_a_bad_value(run_async: RunAsync, name: str) -> None:
    async def main() -> None:
        with pytest.raises(acurl.RequestError, match=f"^{name}={BAD[name]!r}: must be"):
            acurl.CurlWrapper(asyncio.get_running_loop(), **{name: BAD[name]})

    run_async(main())


@pytest.mark.parametrize("name", ["headers", "params", "cookies", "auth"])
def test_session_has_defaults_for_its_requests(
    run_wrapper: RunWrapper, nginx: Nginx, name: str
) -> None:
    given: dict[str, Any] = {
        "headers": {"X-Test": "from the session"},
        "params": {"from": "session"},
        "cookies": {"from": "session"},
        "auth": ("ada", "lovelace"),
    }
    seen = {
        "headers": ("/mirror", "from the session"),
        "params": ("/small", "?from=session"),
        "cookies": ("/cookie/show", "from=session"),
        "auth": ("/auth", "hello from nginx"),
    }

    async def body(wrapper: acurl.CurlWrapper) -> None:
        response = await wrapper.session(**{name: given[name]}).get(nginx.http + seen[name][0])
        assert response.status_code == 200
        assert seen[name][1] in response.url + response.text

    run_wrapper(body)


def test_twin_is_another_user_with_the_same_options(run_wrapper: RunWrapper, nginx: Nginx) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session(user_agent="same")
        await session.get(f"{nginx.http}/cookie/set")
        twin = session.twin()
        assert twin.cookies() == {}
        assert "same" in (await twin.get(f"{nginx.http}/mirror")).text

    run_wrapper(body)


def test_stats_count(run_wrapper: RunWrapper, nginx: Nginx) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        await wrapper.session().get(f"{nginx.http}/small")
        counters = wrapper.stats()
        assert (counters.started, counters.finished, counters.opened) == (1, 1, 1)
        assert (counters.in_flight, counters.idle) == (0, 1)

    run_wrapper(body)


def test_close_ends_what_runs(run_async: RunAsync, nginx: Nginx) -> None:
    async def main() -> None:
        wrapper = acurl.CurlWrapper(asyncio.get_running_loop())
        running = asyncio.ensure_future(wrapper.session().get(f"{nginx.http}/slow"))
        await asyncio.sleep(0)
        assert wrapper.stats().in_flight == 1
        wrapper.close()
        wrapper.close()
        with pytest.raises(acurl.EngineClosed):
            await running

    run_async(main())


def test_a_thread_that_does_not_own_it_is_refused(run_wrapper: RunWrapper, nginx: Nginx) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        with pytest.raises(acurl.EngineMisuse, match="belongs to another thread"):
            await asyncio.to_thread(wrapper.stats)

    run_wrapper(body)


def test_without_kept_connections_one_may_still_be_used_again(
    run_wrapper: RunWrapper, nginx: Nginx
) -> None:
    """`max_connects=0` ends them a second after their use; "request" never uses one again."""

    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session()
        urls = [f"{nginx.http}/small"] * 20
        reused = [(await session.get(url)).reused for url in urls]
        anew = [(await session.get(url, connections="request")).reused for url in urls]
        assert (any(reused), any(anew)) == (True, False)

    run_wrapper(body, max_connects=0)


def test_parameters_of_url_session_and_request_add_up(
    run_wrapper: RunWrapper, nginx: Nginx
) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session(params={"a": 1, "b": 2})
        response = await session.get(f"{nginx.http}/small?x=0", params={"a": 9})
        assert response.url == f"{nginx.http}/small?x=0&a=1&b=2&a=9"

    run_wrapper(body)
