"""Names that have no address, too many, or none in time; each in a network of its own."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import uvloop

import acurl
from tests.faults.bystanders import meet
from tests.servers.namespace import (
    REFUSING_NETWORK,
    SILENT_DOMAIN,
    SILENT_NETWORK,
    Network,
    isolated,
)
from tests.servers.raw import Connection, RawServer

LIMIT = 0.5
EARLY, LATE = 0.05, 0.25
"""What the limit may be off on a busy machine; alone it strikes within 5 ms."""
ATTEMPT = 0.005
"""Seconds until the next address is tried as well; libcurl's own figure is 0.2."""
PROMPT = 0.25
"""Seconds in which a kept connection answers on a busy machine; alone it takes 5 ms at most."""


def run(body: Callable[[acurl.CurlWrapper], Awaitable[None]]) -> None:
    """A wrapper on a loop, in the child."""

    async def main() -> None:
        with acurl.CurlWrapper(asyncio.get_running_loop()) as wrapper:
            await body(wrapper)

    uvloop.run(main())


def serving(connection: Connection) -> None:
    """Answers all that comes."""
    while connection.read_head():
        connection.respond()


def no_such_name(_network: Network) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        for name in ("nowhere.test", "refused.example"):
            for error in await meet(wrapper, f"http://{name}/path", times=10):
                assert (type(error), error.code) == (acurl.ResolveError, 6)
                assert name in str(error)
                assert "check the host name and the name server" in str(error)
                assert error.namelookup_time == error.connect_time == 0

    run(body)


def test_a_name_that_does_not_exist() -> None:
    isolated("tests.faults.test_names:no_such_name")


def no_answer(_network: Network) -> None:
    limits = acurl.Timeout(None, connect=LIMIT, total=None)

    async def body(wrapper: acurl.CurlWrapper) -> None:
        errors = await meet(wrapper, f"http://{SILENT_DOMAIN}/", times=10, timeout=limits)
        assert {(type(error), error.code) for error in errors} == {(acurl.ConnectTimeout, 28)}
        late = [error.total_time - LIMIT for error in errors]
        print(f"{1000 * max(late):.1f} ms after the limit")
        assert min(late) >= -EARLY
        assert max(late) <= LATE

    run(body)


def test_a_name_server_that_does_not_answer() -> None:
    print(isolated("tests.faults.test_names:no_answer"))


def many_without_an_answer(network: Network) -> None:
    """More look-ups than libcurl has threads for them, and a connection that is known."""
    network.set("known.test", "127.0.0.1")
    limits = acurl.Timeout(None, connect=LIMIT, total=None)

    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session()
        with RawServer(serving) as server:
            known = server.url.replace("127.0.0.1", "known.test")
            await session.get(known)
            names = [f"http://n{number}.{SILENT_DOMAIN}/" for number in range(40)]
            hanging = asyncio.gather(
                *(session.get(name, timeout=limits) for name in names), return_exceptions=True
            )
            worst = 0.0
            while not hanging.done():
                begin = time.perf_counter()
                assert (await session.get(known)).reused
                worst = max(worst, time.perf_counter() - begin)
            results = await hanging
        assert {type(result) for result in results} == {acurl.ConnectTimeout}
        print(f"a kept connection answered within {1000 * worst:.1f} ms")
        assert worst < PROMPT

    run(body)


def test_many_names_without_an_answer_hold_up_no_connection() -> None:
    print(isolated("tests.faults.test_names:many_without_an_answer"))


def a_hundred_addresses(network: Network) -> None:
    dead = {
        "refusing.test": [f"{REFUSING_NETWORK}.{number}" for number in range(1, 100)],
        "swallowing.test": [f"{SILENT_NETWORK}.{number}" for number in range(2, 101)],
    }

    async def body(wrapper: acurl.CurlWrapper) -> None:
        with RawServer(serving) as server:
            for name, addresses in dead.items():
                network.set(name, *addresses, "127.0.0.1")
                session = wrapper.session(happy_eyeballs_timeout=ATTEMPT)
                response = await session.get(f"http://{name}:{server.port}/")
                assert (response.status_code, response.primary_ip) == (200, "127.0.0.1")
                print(f"{name}: connected after {1000 * response.connect_time:.0f} ms")
                assert response.connect_time < 5
            assert server.accepted == 2
            stats = wrapper.stats()
            assert stats.opened - stats.closed == stats.idle == 2
            patient = acurl.Timeout(None, connect=LIMIT, total=None)
            (error,) = await meet(wrapper, "http://swallowing.test:1/", timeout=patient)
            assert type(error) is acurl.ConnectTimeout
            assert -EARLY <= error.total_time - LIMIT <= LATE

    run(body)


def test_a_hundred_addresses_of_which_one_lives() -> None:
    print(isolated("tests.faults.test_names:a_hundred_addresses"))


def moving_name(network: Network) -> None:
    """Who keeps no address follows a name at once; who keeps it a minute stays."""
    places = "127.0.0.1", f"{REFUSING_NETWORK}.7"

    async def body(wrapper: acurl.CurlWrapper) -> None:
        with RawServer(serving, address="0.0.0.0") as server:  # noqa: S104 - its own network
            url = f"http://moving.test:{server.port}/"
            for dns_ttl, expected in ((0, places), (60, (places[0],) * 2)):
                session = wrapper.session(dns_ttl=dns_ttl, connections="request")
                seen = []
                for place in places:
                    network.set("moving.test", place)
                    seen += [(await session.get(url)).primary_ip for _ in range(5)]
                assert seen == [expected[0]] * 5 + [expected[1]] * 5, f"{dns_ttl=}"

    run(body)


def test_a_name_that_moves() -> None:
    isolated("tests.faults.test_names:moving_name")
