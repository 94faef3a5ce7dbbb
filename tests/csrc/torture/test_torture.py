"""One call of the engine or of libcurl fails: for memory, on a socket, of epoll, of the timer.

Whichever it is, requests end well or with an error that says so; nothing crashes, hangs or leaks,
and the engine works afterwards. All that happens in a process of its own, sweep.py.
"""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.csrc.torture.scenarios import SCENARIOS
from tests.servers.caddy import Caddy
from tests.servers.certificates import Certificates
from tests.servers.nginx import Nginx

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
FLAGS = ["-std=gnu11", "-O2", "-g", "-Wall", "-Wextra", "-Werror", "-fPIC", "-shared"]
# Those with several transfers at once wait for time limits more often than others.
SLOWEST = ("together", "http2", "http2_in_clear", "http3", "queued", "lanes", "resized")


@pytest.fixture(scope="module")
def interpose(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library that is preloaded."""
    library = tmp_path_factory.mktemp("torture") / "interpose.so"
    compiler = os.environ.get("CC", "cc").split()
    source = HERE / "interpose.c"
    subprocess.run([*compiler, *FLAGS, source, "-o", library, "-ldl", "-pthread"], check=True)
    return library


@pytest.fixture(scope="module")
def caddy(tmp_path_factory: pytest.TempPathFactory, certificates: Certificates) -> Iterator[Caddy]:
    """A server that speaks HTTP/3."""
    server = Caddy(tmp_path_factory.mktemp("caddy"), certificates)
    yield server
    server.close()


@pytest.fixture
def closed_port() -> Iterator[int]:
    """Bound, so that nobody else gets it, and not listening."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        yield sock.getsockname()[1]


class Torture:
    """What all sweeps have in common."""

    def __init__(
        self, nginx: Nginx, caddy: Caddy, interpose: Path, closed_port: int, directory: Path
    ) -> None:
        origins = {"http": nginx.http, "https": nginx.https, "h2c": nginx.h2c}
        origins |= {"quic": caddy.https}
        self._status = directory / "status"
        self._interpose = str(interpose)
        self._plan = {
            "origins": origins | {"closed": f"http://127.0.0.1:{closed_port}/"},
            "ca_file": str(nginx.ca_file),
            "interpose": self._interpose,
            "status": str(self._status),
        }

    def sweep(self, scenarios: list[str], **choice: object) -> dict[str, tuple[int, int]]:
        """Points tried and points struck, by scenario."""
        plan = self._plan | {"scenarios": scenarios} | choice
        done = subprocess.run(
            [sys.executable, str(HERE / "sweep.py"), json.dumps(plan)],
            # What is freed is overwritten, so that a late use of it is seen.
            env=os.environ
            | {"LD_PRELOAD": self._interpose, "PYTHONPATH": str(ROOT), "MALLOC_PERTURB_": "165"},
            capture_output=True,
            text=True,
            check=False,
            timeout=400,
        )
        last = self._status.read_text() if self._status.exists() else "none"
        told = f"exit {done.returncode}, last point {last}\n{done.stderr[:6000]}"
        assert done.returncode == 0, told
        words = [line.split() for line in done.stdout.splitlines()]
        return {name: (int(tried), int(struck)) for name, tried, struck in words}


@pytest.fixture
def torture(
    nginx: Nginx, caddy: Caddy, interpose: Path, closed_port: int, tmp_path: Path
) -> Torture:
    return Torture(nginx, caddy, interpose, closed_port, tmp_path)


def test_a_sample_of_failures_does_no_harm(torture: Torture) -> None:
    quick = [name for name in SCENARIOS if name not in SLOWEST]
    told = torture.sweep(quick, memory=False, sample=8, seed=1)
    assert set(told) == set(quick)
    # Answers come in other pieces at other times, so the last calls need not come again.
    assert sum(struck for _tried, struck in told.values()) > 80


@pytest.mark.slow
@pytest.mark.parametrize("name", SCENARIOS)
def test_no_single_failure_does_harm(torture: Torture, name: str) -> None:
    ((tried, struck),) = torture.sweep([name], memory=False, sample=None).values()
    assert struck == tried - 1 > 80


@pytest.mark.slow
def test_memory_that_stays_out_does_no_harm(torture: Torture) -> None:
    told = torture.sweep(list(SCENARIOS), memory=True, sample=40, seed=2)
    assert all(struck > 25 for _tried, struck in told.values()), told
