import resource
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
