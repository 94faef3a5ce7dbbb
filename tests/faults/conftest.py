"""Fixtures for servers that misbehave. What they do reaches the engine, not the loop: one kind of
loop, the one that mite uses, is enough here.

run_wrapper   run_wrapper(body, **options): awaits body(wrapper) on a new uvloop with a CurlWrapper
              of those options, which afterwards must have nothing in flight.
h2_server     h2_server(script, **options): an H2Server on a free port whose script(connection)
              says frame for frame what it does, in a thread.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.acurl.conftest import RunWrapper
from tests.servers.h2raw import H2Script, H2Server
from tests.servers.loops import RunAsync

H2ServerFactory = Callable[..., H2Server]


@pytest.fixture
def run_wrapper() -> RunWrapper:
    """Runs a coroutine function with a wrapper."""
    return RunWrapper(RunAsync("uvloop"))


@pytest.fixture
def h2_server() -> Iterator[H2ServerFactory]:
    """Makes HTTP/2 servers that do as told; a script that fails, fails the test."""
    servers: list[H2Server] = []

    def start(script: H2Script, **options: Any) -> H2Server:
        servers.append(H2Server(script, **options))
        return servers[-1]

    yield start
    for server in servers:
        server.close()
    failures = [failure for server in servers for failure in server.failures]
    assert not failures, failures
