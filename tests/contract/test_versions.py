"""Each HTTP version against real servers; what the response says is what the server logged."""

import asyncio
from typing import Any

import pytest

import acurl
from mite.context import Context
from mite_http import mite_http
from tests.acurl.conftest import RunWrapper, until
from tests.mite_http.journeys import Told
from tests.servers.asgi import AsgiServer
from tests.servers.caddy import Caddy
from tests.servers.loops import RunAsync
from tests.servers.nginx import Nginx

ASKED = [
    ("https", "1.1", "1.1"),
    ("https", "2", "2"),
    ("https", "auto", "2"),
    ("https", "3", "3"),
    ("h2c", "1.1", "1.1"),
    ("h2c", "auto", "1.1"),
    ("h2c", "2-prior-knowledge", "2"),
]
LOGGED = {"1.1": "HTTP/1.1", "2": "HTTP/2.0", "3": "HTTP/3.0"}
MANY, USERS = 100_000, 100


def ask(
    run_wrapper: RunWrapper, server: Caddy | AsgiServer | Nginx, url: str, version: Any
) -> acurl._Response:
    """A GET under this version, and a POST on the same connection."""

    async def body(wrapper: acurl.CurlWrapper) -> acurl._Response:
        session = wrapper.session(version, verify=str(server.ca_file), timeout=10)
        response = await session.get(url)
        again = await session.post(url, data=b"x" * 1000)
        assert (again.status_code, again.http_version) == (200, response.http_version)
        assert (again.connection_id, again.upload_size) == (response.connection_id, 1000)
        return response

    response = run_wrapper(body)
    assert (response.status_code, response.retries) == (200, 0)
    return response


@pytest.mark.parametrize(("origin", "version", "spoken"), ASKED)
def test_caddy(
    run_wrapper: RunWrapper, caddy: Caddy, origin: str, version: str, spoken: str
) -> None:
    mark = f"caddy-{origin}-{version}-{run_wrapper.loop_name}"
    response = ask(run_wrapper, caddy, f"{getattr(caddy, origin)}/any?{mark}", version)
    assert response.http_version == spoken
    assert response.body == f"{LOGGED[spoken]}\n".encode()
    logged = caddy.wait_requests(mark, 2)
    assert [(one.protocol, one.method) for one in logged] == [
        (LOGGED[spoken], "GET"),
        (LOGGED[spoken], "POST"),
    ]
    assert len({one.peer_port for one in logged}) == 1


@pytest.mark.parametrize(("origin", "version", "spoken"), ASKED)
def test_hypercorn(
    run_wrapper: RunWrapper, asgi: AsgiServer, origin: str, version: str, spoken: str
) -> None:
    mark = f"asgi-{origin}-{version}-{run_wrapper.loop_name}"
    response = ask(run_wrapper, asgi, f"{getattr(asgi, origin)}/any?{mark}", version)
    assert (response.http_version, response.body) == (spoken, f"{spoken}\n".encode())
    logged = asgi.wait_requests(mark, 2)
    assert [(one.version, one.method) for one in logged] == [(spoken, "GET"), (spoken, "POST")]


@pytest.mark.parametrize(
    ("origin", "version", "spoken"), [one for one in ASKED if one[1] != "3" and one[0] == "https"]
)
def test_nginx(
    run_wrapper: RunWrapper, nginx: Nginx, origin: str, version: str, spoken: str
) -> None:
    mark = f"nginx-{origin}-{version}-{run_wrapper.loop_name}"
    url = f"{getattr(nginx, origin)}/sink?{mark}"

    async def body(wrapper: acurl.CurlWrapper) -> acurl._Response:
        session = wrapper.session(version, verify=str(nginx.ca_file), timeout=10)  # type: ignore[arg-type]
        return await session.post(url, data=b"x" * 100_000)

    response = run_wrapper(body)
    assert (response.http_version, response.body) == (spoken, b"100000\n")
    (logged,) = nginx.wait_requests(mark, 1)
    assert (logged.protocol, logged.method) == (LOGGED[spoken], "POST")


def test_http_3_carries_large_bodies_and_many_at_once(
    run_wrapper: RunWrapper, caddy: Caddy
) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session("3", verify=str(caddy.ca_file), timeout=20)
        urls = [f"{caddy.https}/large"] * 10 + [f"{caddy.https}/bulk"] * 50
        responses = await asyncio.gather(*map(session.get, urls))
        assert {one.http_version for one in responses} == {"3"}
        assert [len(one.body) for one in responses[:10]] == [1 << 20] * 10
        assert {one.body for one in responses[10:]} == {b"HTTP/3.0\n"}
        assert wrapper.stats().opened < 10

    run_wrapper(body)


def test_http_3_where_nobody_speaks_it(run_wrapper: RunWrapper, nginx: Nginx) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session("3", verify=str(nginx.ca_file), timeout=5)
        with pytest.raises(acurl.ConnectError, match=r"code 55: .*HTTP/3 \(over UDP\)"):
            await session.get(f"{nginx.https}/small")
        with pytest.raises(acurl.RequestError, match="needs https"):
            await session.get(f"{nginx.http}/small")

    run_wrapper(body)


def test_http_3_verifies_certificates(run_wrapper: RunWrapper, caddy: Caddy) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        with pytest.raises(acurl.TLSError) as caught:
            await wrapper.session("3", timeout=5).get(caddy.https)
        assert caught.value.code == 60
        assert "verify=CA_FILE" in str(caught.value)

    run_wrapper(body)


def test_an_idle_http_3_connection_ends_and_the_next_request_makes_a_new_one(
    run_wrapper: RunWrapper, caddy: Caddy
) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session("3", verify=str(caddy.ca_file), timeout=10)
        url = f"{caddy.https}/any?idle-{run_wrapper.loop_name}"
        first = await session.get(url)
        kept = await session.get(url)
        assert (kept.reused, kept.connection_id) == (True, first.connection_id)
        await until(lambda: wrapper.stats().closed_expired == 1)
        assert wrapper.stats().idle == 0
        fresh = await session.get(url)
        assert (fresh.http_version, fresh.reused, fresh.retries) == ("3", False, 0)
        assert fresh.connection_id != first.connection_id

    run_wrapper(body, keepalive_expiry=1.1)
    logged = caddy.wait_requests(f"idle-{run_wrapper.loop_name}", 3)
    assert len({one.peer_port for one in logged}) == 2


@pytest.mark.slow
def test_a_hundred_thousand_requests_over_http_3(run_async: RunAsync, caddy: Caddy) -> None:
    url = f"{caddy.https}/bulk"

    async def user(session: acurl.Session) -> int:
        right = 0
        for _ in range(MANY // USERS):
            response = await session.get(url)
            right += response.http_version == "3" and response.body == b"HTTP/3.0\n"
        return right

    async def main() -> int:
        with acurl.CurlWrapper(asyncio.get_running_loop()) as wrapper:
            session = wrapper.session("3", verify=str(caddy.ca_file), timeout=60)
            return sum(await asyncio.gather(*(user(session.twin()) for _ in range(USERS))))

    before = caddy.answered()
    assert run_async(main(), seconds=300) == MANY
    assert caddy.answered() - before == MANY


@pytest.mark.parametrize("version", ["1.1", "2", "3"])
def test_a_journey_changes_its_version_by_one_option(
    run_async: RunAsync, caddy: Caddy, version: Any
) -> None:
    @mite_http(http_version=version, verify=str(caddy.ca_file))
    async def journey(ctx: Context, mark: str) -> None:
        async with ctx.transaction("ask"):
            response = await ctx.http.get(f"{caddy.https}/any?{mark}")
        assert response.body == f"{LOGGED[version]}\n".encode()

    told = Told()
    mark = f"journey-{version}-{run_async.loop_name}"

    async def main() -> None:
        for _ in range(3):
            await journey(told.ctx, mark)
        await told.run.close()

    run_async(main())
    logged = caddy.wait_requests(mark, 3)
    assert [one.protocol for one in logged] == [LOGGED[version]] * 3
    assert [message["response_code"] for message in told.requests] == [200] * 3
