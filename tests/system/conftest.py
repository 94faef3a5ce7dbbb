"""The command line as a person meets it: processes, a real target, what they print and leave."""

import socket
from collections.abc import Iterator

import pytest

from tests.servers.target import Target
from tests.system.command import Mite


@pytest.fixture(scope="session")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """The demo target, over both of its ports."""
    with Target(tmp_path_factory.mktemp("target")) as running:
        yield running


@pytest.fixture
def mite(target: Target) -> Mite:
    """Runs `mite ...` in the repository, aimed at the target's plain port."""
    return Mite(target.environment(target.http))


@pytest.fixture
def dead_url() -> Iterator[str]:
    """A URL where nobody answers: its port is bound, and nobody listens."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{held.getsockname()[1]}"
