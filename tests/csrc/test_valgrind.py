"""The built extension module under valgrind: no invalid access, and nothing of ours lost."""

import os
import subprocess
import sys
from pathlib import Path
from xml.etree.ElementTree import Element, parse

import pytest

from tests.servers.nginx import Nginx

VISITS = Path(__file__).with_name("visits.py")
ROOT = VISITS.parents[2]
OURS = ("/acurl/_engine", "/libcurl-")
TOOL = ["valgrind", "--xml=yes", "--leak-check=full", "--show-leak-kinds=definite", "--quiet"]
# Freed blocks are held back longer, so that a late use of one is seen.
TOOL += ["--freelist-vol=200000000", "--num-callers=30"]


def objects(error: Element) -> list[str]:
    """The programs and libraries on an error's stacks."""
    return [frame.text or "" for frame in error.iter("obj")]


def is_ours(error: Element) -> bool:
    """Whether an error counts: CPython loses a few blocks of its own at its end.

    So does cffi, which gives every module that it makes a method table for good.
    """
    if any(frame.findtext("fn") == "PyInit__engine" for frame in error.iter("frame")):
        return False
    return any(mark in name for name in objects(error) for mark in OURS)


def described(error: Element) -> str:
    frames = [frame.findtext("fn") or frame.findtext("obj") or "?" for frame in error.iter("frame")]
    return f"{error.findtext('kind')}: {' < '.join(frames[:12])}"


@pytest.mark.slow
def test_visits_leave_no_trace(nginx: Nginx, tmp_path: Path) -> None:
    report = tmp_path / "valgrind.xml"
    visits = [sys.executable, str(VISITS), nginx.http, nginx.https, str(nginx.ca_file)]
    done = subprocess.run(
        [*TOOL, f"--xml-file={report}", *visits],
        cwd=ROOT,
        env=os.environ | {"PYTHONMALLOC": "malloc", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=500,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    answered, failed, cancelled = map(int, done.stdout.split())
    assert (answered, failed + cancelled) == (1600, 400)
    assert failed > 0 < cancelled
    errors = parse(report).getroot().findall("error")  # noqa: S314 - valgrind wrote it
    assert [described(error) for error in errors if is_ours(error)] == []
