"""`python -m acurl` whose output goes nowhere, or into few characters; and passwords in URLs."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import RawServerFactory
from tests.servers.nginx import Nginx
from tests.servers.raw import Connection

COMMAND = [sys.executable, "-m", "acurl"]


def end(url: str, output: int, **environment: str) -> tuple[int, str]:
    """Exit code, and what stood on standard error."""
    done = subprocess.run(
        [*COMMAND, url],
        cwd=Path(__file__).parents[3],
        env=os.environ | environment,
        stdout=output,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        timeout=30,
    )
    return done.returncode, done.stderr


@pytest.fixture
def closed_pipe() -> Iterator[int]:
    """A pipe that nobody reads from."""
    reading, writing = os.pipe()
    os.close(reading)
    yield writing
    os.close(writing)


def test_a_closed_pipe(nginx: Nginx, closed_pipe: int) -> None:
    assert end(f"{nginx.http}/small", closed_pipe) == (1, "")


def test_a_full_disk(nginx: Nginx) -> None:
    with open("/dev/full", "wb") as full:  # noqa: PTH123 - a Path would do no better
        code, told = end(f"{nginx.http}/small", full.fileno())
    assert (code, told) == (1, "python -m acurl: standard output: No space left on device\n")


def test_no_standard_output(nginx: Nginx) -> None:
    line = 'exec "$@" >&-'
    words = ["sh", "-c", line, "sh", *COMMAND, f"{nginx.http}/small"]
    done = subprocess.run(words, cwd=Path(__file__).parents[3], stderr=subprocess.PIPE, check=False)
    assert b"Traceback" not in done.stderr
    assert done.returncode in {0, 1}


def test_ascii_only(raw_server: RawServerFactory, tmp_path: Path) -> None:
    def script(connection: Connection) -> None:
        connection.read_head()
        connection.send(b"HTTP/1.1 200 OK\r\nX-A: \xff\r\nContent-Length: 0\r\n\r\n")

    path = tmp_path / "told"
    with path.open("wb") as file:
        assert end(raw_server(script).url, file.fileno(), PYTHONIOENCODING="ascii") == (0, "")
    assert b"X-A: \\xff\n" in path.read_bytes()


@pytest.mark.parametrize("port", ["nginx", "nobody"])
def test_json_without_the_password(nginx: Nginx, port: str) -> None:
    place = nginx.http.removeprefix("http://") if port == "nginx" else "127.0.0.1:1"
    done = subprocess.run(
        [*COMMAND, "--json", f"http://ada:sesame@{place}/small"],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        check=False,
        timeout=30,
    )
    assert json.loads(done.stdout)["url"] == f"http://ada:***@{place}/small"
    assert b"sesame" not in done.stdout + done.stderr
