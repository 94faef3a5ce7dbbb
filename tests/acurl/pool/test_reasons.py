"""Why connections ended, as the pool counts it, each brought about at a real server."""

import asyncio
import socket
from typing import Any

import pytest

import acurl
from tests.acurl.conftest import RunWrapper, until
from tests.acurl.pool.conftest import CountingServerFactory, crowd
from tests.servers.nginx import Nginx

REASONS = ("server", "server_idle", "server_limit", "pool_limit", "expired", "client", "error")


def ends(wrapper: acurl.CurlWrapper) -> dict[str, int]:
    """Reasons that were counted, and how often."""
    stats = wrapper.stats()
    counted = {name: getattr(stats, f"closed_{name}") for name in REASONS}
    assert sum(counted.values()) == stats.closed
    assert stats.opened - stats.closed == stats.in_use + stats.idle
    return {name: count for name, count in counted.items() if count}


def test_the_server_keeps_none(
    run_wrapper: RunWrapper, counting_server: CountingServerFactory
) -> None:
    server = counting_server()
    server.keeps_none = True

    async def body(wrapper: acurl.CurlWrapper) -> None:
        await crowd(wrapper, f"{server.url}/", users=3, rounds=2)
        assert ends(wrapper) == {"server": 6}

    run_wrapper(body)


@pytest.mark.parametrize(
    ("origin", "reasons"),
    [("short", {"server_limit"}), ("short_tls", {"server_limit", "server_idle"})],
)
def test_the_server_has_had_enough_of_it(
    run_wrapper: RunWrapper, nginx: Nginx, origin: str, reasons: set[str]
) -> None:
    """HTTP/2 says goodbye behind its last answer, when the connection is idle as likely as not."""

    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session(verify=str(nginx.ca_file))
        for _ in range(30):
            await session.get(f"{getattr(nginx, origin)}/bulk")
        await until(lambda: wrapper.stats().closed >= 2)
        assert ends(wrapper).keys() <= reasons

    run_wrapper(body)


def test_the_server_ends_idle_ones(
    run_wrapper: RunWrapper, counting_server: CountingServerFactory
) -> None:
    server = counting_server()

    async def body(wrapper: acurl.CurlWrapper) -> None:
        await crowd(wrapper, f"{server.url}/wait/20", users=5)
        server.drop()
        await until(lambda: wrapper.stats().idle == 0)
        # libcurl closes them when it looks again.
        await until(lambda: wrapper.stats().closed_server_idle == 5)
        assert wrapper.stats().in_use == 0

    run_wrapper(body)


def test_an_idle_connection_of_http_2_that_the_server_ended(
    run_wrapper: RunWrapper, counting_server: CountingServerFactory
) -> None:
    server = counting_server(http2=True)

    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session("2-prior-knowledge")
        await session.get(f"{server.url}/")
        await asyncio.sleep(1.1)  # libcurl looks at a connection once a second
        server.drop()
        await until(lambda: server.open == 0)
        answer = await session.get(f"{server.url}/")
        assert not answer.reused
        assert ends(wrapper) == {"server_idle": 1}

    run_wrapper(body)


def test_limits_of_the_pool(
    run_wrapper: RunWrapper, counting_server: CountingServerFactory
) -> None:
    one, other = counting_server(), counting_server()

    async def body(wrapper: acurl.CurlWrapper) -> None:
        await crowd(wrapper, f"{one.url}/wait/20", users=5)
        await crowd(wrapper, f"{other.url}/wait/20", users=5)
        assert ends(wrapper) == {"pool_limit": 5}
        await until(lambda: wrapper.stats().idle == 2)
        assert ends(wrapper) == {"pool_limit": 8}
        assert wrapper.stats().evicted == 8

    run_wrapper(body, max_connections=5, max_connects=2)


@pytest.mark.parametrize("version", ["1.1", "2"])
def test_limits_and_age_over_tls(run_wrapper: RunWrapper, nginx: Nginx, version: str) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        trust: Any = {"verify": str(nginx.ca_file), "http_version": version}
        await crowd(wrapper, f"{nginx.https}/large", users=8, **trust)
        opened = wrapper.stats().opened
        await until(lambda: wrapper.stats().closed == opened)
        assert ends(wrapper) == {"pool_limit": opened - 1, "expired": 1}

    run_wrapper(body, max_connects=1, keepalive_expiry=1.2, max_streams=2)


def test_what_this_side_ends(
    run_wrapper: RunWrapper, counting_server: CountingServerFactory
) -> None:
    server = counting_server()

    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session()
        running = asyncio.ensure_future(session.get(f"{server.url}/wait/9000"))
        await until(lambda: server.running == 1)
        running.cancel()
        await until(lambda: wrapper.stats().closed == 1)
        await session.get(f"{server.url}/", connections="request")
        private = wrapper.session(connections="session")
        await private.get(f"{server.url}/")
        private.close()
        await until(lambda: wrapper.stats().closed == 3)
        assert ends(wrapper) == {"client": 3}

    run_wrapper(body)


def test_errors(run_wrapper: RunWrapper, counting_server: CountingServerFactory) -> None:
    server = counting_server()

    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session(timeout=acurl.Timeout(read=0.2))
        with pytest.raises(acurl.ReadTimeout):
            await session.get(f"{server.url}/wait/9000")
        with socket.create_server(("127.0.0.1", 0)) as refusing:
            port = refusing.getsockname()[1]
        with pytest.raises(acurl.ConnectError):
            await session.get(f"http://127.0.0.1:{port}/")
        doomed = asyncio.ensure_future(session.get(f"{server.url}/wait/9001", timeout=9))
        await until(lambda: server.order[-1] == "/wait/9001")
        server.drop()
        with pytest.raises(acurl.ConnectError):
            await doomed
        assert ends(wrapper) == {"error": 3}

    run_wrapper(body)
