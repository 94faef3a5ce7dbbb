"""Fixtures for all tests; the classes behind them stand in tests/servers, and give the types.

    nginx         tests.servers.nginx.Nginx, one for the whole run. URLs: nginx.http, .https, .h2c,
                  .short, .short_tls, .expired, .wrong_host, each without a path; nginx.conf.in
                  beside it lists the paths. Witnesses: nginx.wait_requests("my-test", 3) reads the
                  access log, nginx.stub_status() the counters.
    certificates  tests.servers.certificates.Certificates: ca_file, good, expired, wrong_host.
    raw_server    raw_server(script) or raw_server(script, certificate): a RawServer on a free port
                  whose script(connection) says byte for byte what it answers, in a thread.
    run_async     run_async(coroutine) on a new event loop; each test that asks for it runs twice,
                  on asyncio and on uvloop. run_async.loop_name tells which.
    wait_until    wait_until(condition, "what for"): in place of sleeping. (In coroutines poll with
                  asyncio.sleep(0.005) under asyncio.timeout.)

Tests that ask for a server get it running; what is missing on the machine is an error, not a skip.
Settings in the environment of whoever runs the tests (proxies, CA files, MITE_*) are out of reach.
A test that takes over 60 s (600 s if marked slow) fails where it stands.
"""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

import pytest

from tests.servers import conditions
from tests.servers.certificates import Certificate, Certificates, make_certificates
from tests.servers.loops import LOOP_FACTORIES, RunAsync
from tests.servers.nginx import Nginx
from tests.servers.raw import RawServer, Script

HANG_SECONDS = 60
SLOW_HANG_SECONDS = 600


FOREIGN_SETTINGS = ("SSL_CERT_FILE", "SSL_CERT_DIR", "NO_COLOR", "FORCE_COLOR", "COLUMNS")


@pytest.fixture(scope="session", autouse=True)
def plain_environment() -> Iterator[None]:
    """What the tests see does not depend on whose shell started them."""
    with pytest.MonkeyPatch.context() as patch:
        for name in os.environ:
            foreign = name in FOREIGN_SETTINGS or name.startswith(("MITE_", "ACURL_"))
            if foreign or name.lower().endswith("_proxy"):
                patch.delenv(name)
        # What a terminal can do is asked of this; a log's "dumb" can do nothing.
        patch.setenv("TERM", "xterm-256color")
        yield


@pytest.fixture(autouse=True)
def hang_guard(request: pytest.FixtureRequest) -> Iterator[None]:
    """Turn a test that hangs into one that fails, with its stack."""
    slow = request.node.get_closest_marker("slow") is not None
    seconds = SLOW_HANG_SECONDS if slow else HANG_SECONDS

    def fail(_signal: int, _frame: FrameType | None) -> None:
        pytest.fail(f"the test took over {seconds} s")

    previous = signal.signal(signal.SIGALRM, fail)
    signal.alarm(seconds)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, previous)


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """A CA of this run and certificates that are good, expired, for another host."""
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="session")
def nginx(tmp_path_factory: pytest.TempPathFactory, certificates: Certificates) -> Iterator[Nginx]:
    """The run's nginx."""
    directory: Path = tmp_path_factory.mktemp("nginx")
    server = Nginx(directory, certificates)
    yield server
    server.close()


RawServerFactory = Callable[..., RawServer]


@pytest.fixture
def raw_server() -> Iterator[RawServerFactory]:
    """Makes servers that misbehave as told; a script that fails, fails the test."""
    servers: list[RawServer] = []

    def start(script: Script, certificate: Certificate | None = None) -> RawServer:
        servers.append(RawServer(script, certificate))
        return servers[-1]

    yield start
    for server in servers:
        server.close()
    failures = [failure for server in servers for failure in server.failures]
    assert not failures, failures


@pytest.fixture(params=sorted(LOOP_FACTORIES))
def run_async(request: pytest.FixtureRequest) -> RunAsync:
    """Runs a coroutine to its end, once on each kind of loop."""
    return RunAsync(request.param)


@pytest.fixture
def wait_until() -> Callable[..., None]:
    """Waits for a condition, with a bound."""
    return conditions.wait_until
