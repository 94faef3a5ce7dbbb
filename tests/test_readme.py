"""The README's journey and scenario, typed in by someone who knows nothing else, work."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers.target import Target

README = Path(__file__).parents[1] / "README.md"


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


def run(command: list[str], directory: Path, target: Target) -> "subprocess.CompletedProcess[str]":
    assert command[0] == "mite"
    return subprocess.run(
        [sys.executable, "-m", *command],
        cwd=directory,
        env=os.environ | {"MITE_CONF_base_url": target.http},
        capture_output=True,
        text=True,
        check=False,
    )


def test_readme_has_both_samples() -> None:
    assert list(samples()) == ["shop.py", "evening.py"]


@pytest.mark.parametrize("command", commands("mite journey"), ids=" ".join)
def test_journey_runs_at_first_try(command: list[str], directory: Path, target: Target) -> None:
    before = target.received("GET /items/{id}")
    done = run(command, directory, target)
    assert (done.returncode, done.stderr) == (0, "")
    assert target.received("GET /items/{id}") > before


@pytest.mark.slow
@pytest.mark.parametrize("command", commands("mite scenario"), ids=" ".join)
def test_scenario_runs_at_first_try(command: list[str], directory: Path, target: Target) -> None:
    before = target.received("GET /items/{id}")
    done = run(command, directory, target)
    assert done.returncode == 0, done.stderr
    assert "VALID" in done.stdout
    assert "INVALID" not in done.stdout
    assert target.received("GET /items/{id}") > before + 20
