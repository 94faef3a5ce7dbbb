import logging

import pytest

from mite.run import Run
from tests.servers.loops import RunAsync


def test_closes_newest_first_even_if_one_fails(
    run_async: RunAsync, caplog: pytest.LogCaptureFixture
) -> None:
    closed: list[int] = []
    run = Run()

    async def asynchronous() -> None:
        closed.append(2)

    def broken() -> None:
        raise ValueError("stuck")

    run.at_end(lambda: closed.append(1))
    run.at_end(asynchronous)
    run.at_end(broken)
    assert repr(run) == "Run(seed=None, 3 to close)"
    with caplog.at_level(logging.ERROR):
        run_async(run.close())
        run_async(run.close())
    assert closed == [2, 1]
    assert "stuck" in caplog.text
