"""The README's programs, typed in by someone who knows nothing else, work."""

import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers.conditions import wait_until
from tests.servers.target import Target

README = Path(__file__).parents[1] / "README.md"
SHOP = "http://127.0.0.1:8080"


def samples() -> dict[str, str]:
    """File name to content: a Python block belongs to the last file named before it."""
    text = README.read_text()
    found = {}
    for block in re.finditer(r"```python\n(.*?)```", text, re.DOTALL):
        names = re.findall(r"`(\w+\.py)`", text[: block.start()])
        found[names[-1]] = block[1]
    return found


def commands(beginning: str) -> list[list[str]]:
    """The commands shown that begin so, without their comments."""
    lines = re.findall(rf"^    ({beginning} .*)$", README.read_text(), re.MULTILINE)
    return [shlex.split(line, comments=True) for line in lines]


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    for name, content in samples().items():
        (tmp_path / name).write_text(content)
    return tmp_path


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    with Target(tmp_path_factory.mktemp("target")) as running:
        yield running


def start(command: list[str], directory: Path, target: Target) -> "subprocess.Popen[str]":
    assert command[0] == "mite"
    return subprocess.Popen(
        [sys.executable, "-m", *command],
        cwd=directory,
        env=os.environ | {"MITE_CONF_base_url": target.http},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_readme_has_all_samples() -> None:
    assert list(samples()) == ["shop.py", "evening.py", "fetch.py"]


@pytest.mark.parametrize("command", commands("mite journey run"), ids=" ".join)
def test_journey_runs_at_first_try(command: list[str], directory: Path, target: Target) -> None:
    before = target.received("GET /items/{id}")
    running = start(command, directory, target)
    out, err = running.communicate()
    assert (running.returncode, err) == (0, "")
    assert "verdict: " in out
    assert target.received("GET /items/{id}") == before + 1


@pytest.mark.parametrize("command", commands("mite journey test"), ids=" ".join)
def test_journey_runs_until_told_to_stop(
    command: list[str], directory: Path, target: Target
) -> None:
    enough = target.received("GET /items/{id}") + 10
    running = start(command, directory, target)
    try:
        wait_until(lambda: target.received("GET /items/{id}") >= enough, "two rounds of five users")
    finally:
        running.send_signal(signal.SIGINT)
        out, err = running.communicate()
    assert running.returncode == 105, err
    assert "  item" in out


def test_journey_counts_a_status_it_did_not_expect(directory: Path, target: Target) -> None:
    sample = directory / "shop.py"
    content = sample.read_text()
    assert "{shop}/items/{item}" in content
    sample.write_text(content.replace("{shop}/items/{item}", "{shop}/status/503"))
    running = start(["mite", "journey", "run", "shop:browse", "shop:items"], directory, target)
    out, _ = running.communicate()
    assert running.returncode == 1
    assert "MiteError: answered with 503, not 200" in out


def test_client_works_alone(directory: Path, target: Target) -> None:
    sample = directory / "fetch.py"
    content = sample.read_text()
    assert f'"{SHOP}/items"' in content
    sample.write_text(content.replace(SHOP, target.http))
    done = subprocess.run(
        [sys.executable, "fetch.py"], cwd=directory, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(r"200 \d\.\d{4} s \{'id': 1, .*\}\n", done.stdout)


@pytest.mark.slow
@pytest.mark.parametrize("command", commands("mite scenario"), ids=" ".join)
def test_scenario_runs_at_first_try(command: list[str], directory: Path, target: Target) -> None:
    before = target.received("GET /items/{id}")
    running = start(command, directory, target)
    out, err = running.communicate()
    assert running.returncode == 0, err
    assert "verdict: " in out
    assert target.received("GET /items/{id}") > before + 20
