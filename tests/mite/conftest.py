import resource
import socket
from collections.abc import Callable, Iterator

import pytest


@pytest.fixture
def full_after() -> Iterator[Callable[[int], None]]:
    """``full_after(size)``: from now on no file of this process grows beyond ``size`` bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture
def dead_url() -> Iterator[str]:
    """A URL where nobody answers: its port is bound, and nobody listens."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{held.getsockname()[1]}"
