"""Fixtures for what acurl promises against real servers of more than one make.

run_wrapper   as in tests/acurl/conftest.py: each test runs on asyncio and on uvloop.
caddy, asgi   tests.servers.caddy.Caddy and tests.servers.asgi.AsgiServer, one of each for a module.
"""

from collections.abc import Iterator

import pytest

from tests.acurl.conftest import run_wrapper
from tests.servers.asgi import AsgiServer
from tests.servers.caddy import Caddy
from tests.servers.certificates import Certificates

__all__ = ["run_wrapper"]


@pytest.fixture(scope="module")
def caddy(tmp_path_factory: pytest.TempPathFactory, certificates: Certificates) -> Iterator[Caddy]:
    """HTTP/1.1, HTTP/2 and HTTP/3 on one address."""
    server = Caddy(tmp_path_factory.mktemp("caddy"), certificates)
    yield server
    server.close()


@pytest.fixture(scope="module")
def asgi(
    tmp_path_factory: pytest.TempPathFactory, certificates: Certificates
) -> Iterator[AsgiServer]:
    """The same, by hypercorn."""
    server = AsgiServer(tmp_path_factory.mktemp("asgi"), certificates)
    yield server
    server.close()
