"""Inputs that a fuzzer once found run again, without one: the targets themselves say what is wrong.

`make fuzz` looks for new ones.
"""

import subprocess
from pathlib import Path

import pytest

from tests.fuzz.targets import CORPUS, FUNCTIONS, TARGETS, build, environment, kept


@pytest.mark.parametrize("name", TARGETS)
def test_kept_inputs_of_c_targets(name: str, tmp_path: Path) -> None:
    inputs = kept(name)
    assert inputs
    program = build(name, tmp_path, guided=False)
    done = subprocess.run(
        [str(program), *map(str, inputs)],
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        timeout=50,
        env=environment(),
    )
    assert done.returncode == 0, done.stderr[-4000:]
    assert done.stdout == f"{len(inputs)} inputs\n"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_kept_inputs_of_python_targets(name: str) -> None:
    inputs = kept(name)
    assert inputs
    for path in inputs:
        FUNCTIONS[name](path.read_bytes())


def test_the_corpus_is_small() -> None:
    sizes = [path.stat().st_size for name in (*TARGETS, *FUNCTIONS) for path in kept(name)]
    assert len(sizes) < 300
    assert sum(sizes) < 300_000
    assert {path.name for path in CORPUS.iterdir()} == {*TARGETS, *FUNCTIONS}
