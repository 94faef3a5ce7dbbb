"""The programs of docs/clients.md keep to ten connections, and its tables say what is installed."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.pools.clients import NIQUESTS
from bench.pools.observer import Sight, Witness

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "clients.md"
ADDRESS = "http://127.0.0.1:8080/items"
REQUESTS, CEILING = 50, 10
DELAY = 0.01
"""Seconds the server takes: enough that requests have to wait for each other."""

HERE = ("httpx", "urllib3", "aiohttp", "pycurl", "acurl")
"""Clients of the extra `test`; niquests would overwrite one of the others."""


JOURNEY = "@mite_http("


def blocks() -> Iterator[tuple[str, str]]:
    """What stands before each Python block, and the block."""
    text = PAGE.read_text()
    for block in re.finditer(r"```python\n(.*?)```", text, re.DOTALL):
        assert ADDRESS in block[1]
        yield text[: block.start()], block[1]


def programs() -> list[Any]:
    """Each program, named by its client and line; niquests takes an environment of its own."""
    found = []
    for before, block in blocks():
        client = re.findall(r"^### (\w+)", before, re.MULTILINE)[-1]
        mark = [pytest.mark.slow] if client == "niquests" else []
        name = f"{client}, line {before.count(chr(10)) + 2}"
        if JOURNEY not in block:
            found.append(pytest.param(client, block, id=name, marks=mark))
    return found


def table(first: str) -> list[list[str]]:
    """The cells of the table whose first heading that is."""
    lines = PAGE.read_text().splitlines()
    start = next(at for at, line in enumerate(lines) if line.startswith(f"| {first} |"))
    rows = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split("|")])
    return rows


def interpreter(client: str) -> str:
    if client != "niquests":
        return sys.executable
    NIQUESTS.ensure()
    return str(NIQUESTS.python)


def facts(*clients: str) -> dict[str, Any]:
    """What tests/clients/defaults.py finds, all of them in one environment."""
    done = subprocess.run(
        [interpreter(clients[0]), ROOT / "tests" / "clients" / "defaults.py", *clients],
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def witness() -> Iterator[Witness]:
    with Witness(max(os.sched_getaffinity(0))) as running:
        yield running


@pytest.fixture
def server(witness: Witness) -> Witness:
    witness.begin(DELAY)
    return witness


@pytest.fixture(scope="module")
def installed() -> dict[str, Any]:
    return facts(*HERE)


def run(client: str, program: str, place: Path, *options: str) -> str:
    """What the program, or a module given it, printed."""
    (place / "pool.py").write_text(program)
    command = [interpreter(client), *(options or ("pool.py",))]
    done = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def assert_bounded(sight: Sight) -> None:
    assert sight.answered == REQUESTS
    assert 1 < sight.peak_running <= sight.peak_open <= CEILING
    assert sight.accepted == sight.peak_open, "a connection was closed and opened again"


def program_of(client: str) -> str:
    """The client's first program."""
    found: str = next(param.values[1] for param in programs() if param.values[0] == client)
    return found


@pytest.mark.parametrize(("client", "program"), programs())
def test_program_keeps_to_its_pool(
    client: str, program: str, server: Witness, tmp_path: Path
) -> None:
    out = run(client, program.replace(ADDRESS, server.url), tmp_path)
    assert out.splitlines() == re.findall(r"^ *print\(.*\)  # (.+)$", program, re.MULTILINE)
    assert_bounded(server.look())


def test_journey_keeps_to_its_pool(server: Witness, tmp_path: Path) -> None:
    journey = ("-m", "mite", "journey", "run", "pool:visit", "pool:links")
    (program,) = (block for _, block in blocks() if JOURNEY in block)
    assert "verdict: " in run("acurl", program.replace(ADDRESS, server.url), tmp_path, *journey)
    assert_bounded(server.look())


def rows_of(*clients: str) -> dict[str, list[str]]:
    rows = {row[0].partition(",")[0]: row[2:] for row in table("library")}
    return {client: rows[client] for client in clients}


def test_defaults_are_those_of_what_is_installed(installed: dict[str, Any]) -> None:
    assert {client: found["row"] for client, found in installed.items()} == rows_of(*HERE)


def test_versions_are_not_newer_than_what_is_installed(installed: dict[str, Any]) -> None:
    named = dict(re.findall(r"(httpx|urllib3|aiohttp|pycurl) (\d[\d.]*\d)", PAGE.read_text()))
    assert len(named) == len(HERE) - 1
    assert {c: v for c, v in named.items() if numbers(v) > numbers(installed[c]["version"])} == {}


def numbers(version: str) -> list[int]:
    return [int(part) for part in re.findall(r"\d+", version)]


def options() -> dict[str, list[tuple[set[str], set[str]]]]:
    """Per client, the names in "theirs" and in "ours" of each row."""
    found: dict[str, list[tuple[set[str], set[str]]]] = {}
    client = ""
    for theirs, ours, _ in table("theirs"):
        client = re.findall(r"^\*\*(\w+)\*\*", theirs)[0] if theirs.startswith("**") else client
        found.setdefault(client, []).append((words(theirs), words(ours)))
    return found


def words(cell: str) -> set[str]:
    """Names in backticks: `Timeout(pool=)` names two, `block=True` one."""
    spans = re.findall(r"`([^`]+)`", cell)
    return {name for span in spans for name in re.findall(r"\w+(?=[=(])|^\w+$", span)}


@pytest.mark.parametrize("client", HERE[:-1])
def test_their_options_exist(client: str, installed: dict[str, Any]) -> None:
    known = set(installed[client]["options"])
    named = {name for theirs, _ in options()[client] for name in theirs}
    assert named - known == set()


def test_our_options_exist(installed: dict[str, Any]) -> None:
    known = set(installed["acurl"]["options"])
    named = {name for rows in options().values() for _, ours in rows for name in ours}
    assert len(named) > 8
    assert named - known == set()


@pytest.mark.slow
def test_niquests_is_as_the_page_says() -> None:
    found = facts("niquests")["niquests"]
    assert found["row"] == rows_of("niquests")["niquests"]
    assert {name for theirs, _ in options()["niquests"] for name in theirs} <= set(found["options"])


def test_pycurl_has_no_limit_of_its_own(server: Witness, tmp_path: Path) -> None:
    program = program_of("pycurl")
    unbounded = re.sub(r"^multi\.setopt\(.*\)\n", "", program, flags=re.MULTILINE)
    assert unbounded != program
    run("pycurl", unbounded.replace(ADDRESS, server.url), tmp_path)
    assert server.look().peak_open == REQUESTS


def test_urllib3_opens_more_than_it_keeps(server: Witness, tmp_path: Path) -> None:
    loose = program_of("urllib3").replace("block=True", "block=False")
    (tmp_path / "pool.py").write_text(loose.replace(ADDRESS, server.url))
    subprocess.run([sys.executable, "pool.py"], cwd=tmp_path, check=True, capture_output=True)
    assert server.look().peak_open > CEILING
