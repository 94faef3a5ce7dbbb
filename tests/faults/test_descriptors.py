"""A client with 64 descriptors for 200 users: it fails those it must, and recovers by itself."""

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import pytest

from tests.servers.counting import CountingServer

SCRIPT = Path(__file__).with_name("starved.py")
FEW, ENOUGH, USERS = 64, 4096, 200


class Client:
    """The script, and what it tells."""

    def __init__(self, url: str, ceiling: int) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(SCRIPT), url, str(USERS), str(ceiling)],
            env=os.environ | {"PYTHONPATH": str(SCRIPT.parents[2])},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._line() == "ready\n"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.stdin.close()  # type: ignore[union-attr]
        assert self._process.wait(20) == 0
        self._process.stdout.close()  # type: ignore[union-attr]

    def limit(self, descriptors: int) -> None:
        """How many it may have from now on."""
        resource.prlimit(self._process.pid, resource.RLIMIT_NOFILE, (descriptors, ENOUGH))

    def tell(self) -> Any:
        """What has become of its requests since this was last asked."""
        self._process.stdin.write("\n")  # type: ignore[union-attr]
        self._process.stdin.flush()  # type: ignore[union-attr]
        return json.loads(self._line())

    def tell_after(self, seconds: float) -> Any:
        """The same, for so many seconds."""
        self.tell()
        time.sleep(seconds)
        return self.tell()

    def _line(self) -> str:
        line: str = self._process.stdout.readline()  # type: ignore[union-attr]
        return line


@pytest.fixture
def server() -> Iterator[CountingServer]:
    with CountingServer() as server:
        yield server


@pytest.mark.slow
@pytest.mark.parametrize("attempt", range(3))
@pytest.mark.parametrize("ceiling", [0, 40])
def test_few_descriptors_for_many_users(server: CountingServer, ceiling: int, attempt: int) -> None:
    """Each answer takes half a second, so that places are rare and the client has little to do."""
    with Client(f"{server.url}/wait/500", ceiling) as client:
        client.limit(FEW)
        client.tell()
        time.sleep(1)
        starved = client.tell_after(3)
        places = ceiling or FEW
        assert starved["answered"] > 0.5 * 6 * min(places, 40), starved
        assert starved["cpu"] < 0.5 * starved["seconds"], starved
        assert server.peak_open <= places
        if ceiling:
            assert starved["failed"] == {}
        else:
            assert all("ConnectError" in name for name in starved["failed"]), starved
            assert all("descriptor" in name for name in starved["failed"]), starved
            assert sum(starved["failed"].values()) > USERS
        client.limit(ENOUGH)
        lifted = client.tell_after(2)
        assert lifted["stats"]["in_flight"] == USERS
        well = client.tell_after(2)
        assert well["failed"] == {}
        assert well["answered"] > (0.8 * 4 * ceiling if ceiling else 0.8 * 4 * USERS), well
