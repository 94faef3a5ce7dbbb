"""acurl.Timeout, and the exception of each of its limits."""

import socket
from typing import Any

import pytest

import acurl
from tests.acurl.surface.conftest import Ask
from tests.conftest import RawServerFactory
from tests.servers.nginx import Nginx
from tests.servers.raw import Connection

SHORT = 0.1


def silent(connection: Connection) -> None:
    """Take all and answer nothing."""
    connection.read_until_closed()


def test_defaults() -> None:
    limits = acurl.Timeout()
    assert (limits.connect, limits.read, limits.write, limits.total) == (10.0, None, None, 60.0)


def test_the_positional_value_sets_all_but_total() -> None:
    assert acurl.Timeout(5) == acurl.Timeout(connect=5, read=5, write=5, total=60)


def test_none_is_never() -> None:
    limits = acurl.Timeout(None, total=None)
    assert (limits.connect, limits.read, limits.write, limits.total) == (None,) * 4


@pytest.mark.parametrize("name", ["connect", "read", "write", "total"])
def test_a_bad_limit_is_refused(name: str) -> None:
    bad: Any = {name: 0}
    with pytest.raises(acurl.RequestError, match=f"timeout {name}=0: must be above 0 seconds"):
        acurl.Timeout(**bad)


@pytest.mark.parametrize("given", [5, 0.5, None, acurl.Timeout(read=5)])
def test_what_a_request_takes(ask: Ask, nginx: Nginx, given: Any) -> None:
    assert ask("GET", f"{nginx.http}/small", timeout=given).status_code == 200


@pytest.mark.parametrize("given", ["5", 0, -1, (5, 5), True])
def test_what_a_request_refuses(ask: Ask, nginx: Nginx, given: Any) -> None:
    with pytest.raises(acurl.RequestError, match="timeout"):
        ask("GET", f"{nginx.http}/small", timeout=given)


def test_connect_timeout(ask: Ask) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        address = full.getsockname()
        # It accepts nobody, and these fill its queue.
        waiting = [socket.socket() for _ in range(3)]
        for sock in waiting:
            sock.setblocking(False)
            sock.connect_ex(address)
        with pytest.raises(acurl.ConnectTimeout):
            ask("GET", f"http://127.0.0.1:{address[1]}/", timeout=acurl.Timeout(connect=SHORT))
        for sock in waiting:
            sock.close()


def test_read_timeout(ask: Ask, raw_server: RawServerFactory) -> None:
    with pytest.raises(acurl.ReadTimeout):
        ask("GET", raw_server(silent).url, timeout=acurl.Timeout(read=SHORT))


def test_write_timeout(ask: Ask) -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:  # connects, and reads nothing
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}/"
        with pytest.raises(acurl.WriteTimeout):
            ask("POST", url, data=bytes(50_000_000), timeout=acurl.Timeout(write=SHORT))


def test_total_timeout(ask: Ask, raw_server: RawServerFactory) -> None:
    with pytest.raises(acurl.TotalTimeout):
        ask("GET", raw_server(silent).url, timeout=acurl.Timeout(total=SHORT))


@pytest.mark.parametrize(
    "kind",
    [
        acurl.ConnectTimeout,
        acurl.ReadTimeout,
        acurl.WriteTimeout,
        acurl.PoolTimeout,
        acurl.TotalTimeout,
    ],
)
def test_each_is_a_timeout_error(kind: type[Exception]) -> None:
    assert issubclass(kind, acurl.AcurlError)
    assert issubclass(kind, TimeoutError)


def test_a_pair_is_refused_with_what_to_write(ask: Ask, nginx: Nginx) -> None:
    pair: Any = (3, 10)
    with pytest.raises(acurl.RequestError, match=r"Timeout\(connect=3, read=10\)"):
        ask("GET", f"{nginx.http}/small", timeout=pair)
