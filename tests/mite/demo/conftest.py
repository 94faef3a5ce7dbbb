"""One running target for all tests of it."""

from collections.abc import Iterator

import pytest

from tests.servers.target import Target


@pytest.fixture(scope="session")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """The target, over both of its ports."""
    with Target(tmp_path_factory.mktemp("target")) as running:
        yield running
