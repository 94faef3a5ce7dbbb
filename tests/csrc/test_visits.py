"""10,000 requests through the extension module: no invalid access, and nothing of ours lost."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from xml.etree.ElementTree import Element, parse

import pytest

from tests.servers.caddy import Caddy
from tests.servers.certificates import Certificates
from tests.servers.nginx import Nginx

VISITS = Path(__file__).with_name("visits.py")
ROOT = VISITS.parents[2]
OURS = ("/acurl/_engine", "/libcurl-")
SOURCES = "acurl/csrc/"
INIT = "PyInit__engine"
BUILD = [sys.executable, "setup.py", "-q", "build"]
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
    if any(frame.findtext("fn") == INIT for frame in error.iter("frame")):
        return False
    return any(mark in name for name in objects(error) for mark in OURS)


def described(error: Element) -> str:
    frames = [frame.findtext("fn") or frame.findtext("obj") or "?" for frame in error.iter("frame")]
    return f"{error.findtext('kind')}: {' < '.join(frames[:12])}"


def sanitizer_leaks(report: str) -> list[str]:
    """The leaks of LeakSanitizer's report that are ours, as above."""
    leaks = re.findall(
        r"^(?:Direct|Indirect) leak of.*?(?:\n\n|\Z)", report, re.MULTILINE | re.DOTALL
    )
    return [
        leak
        for leak in leaks
        if any(mark in leak for mark in (*OURS, SOURCES)) and INIT not in leak
    ]


class Visits:
    """visits.py and its servers; `run` gives what it wrote to stderr."""

    def __init__(self, nginx: Nginx, caddy: Caddy) -> None:
        origins = [nginx.http, nginx.https, nginx.h2c, caddy.https]
        self._command = [sys.executable, str(VISITS), *origins, str(nginx.ca_file)]

    def run(self, tool: list[str], **environment: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [*tool, *self._command],
            cwd=ROOT,
            env=os.environ | {"PYTHONMALLOC": "malloc", "PYTHONPATH": str(ROOT)} | environment,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=500,
        )
        assert done.stdout, done.stderr[-3000:]
        answered, failed, cancelled = map(int, done.stdout.split())
        assert (answered, failed + cancelled) == (9000, 1000)
        assert failed > 0 < cancelled
        return done


@pytest.fixture
def visits(nginx: Nginx, certificates: Certificates, tmp_path: Path) -> Iterator[Visits]:
    directory = tmp_path / "caddy"
    directory.mkdir()
    caddy = Caddy(directory, certificates)
    yield Visits(nginx, caddy)
    caddy.close()


@pytest.mark.slow
def test_visits_leave_no_trace_under_valgrind(visits: Visits, tmp_path: Path) -> None:
    report = tmp_path / "valgrind.xml"
    done = visits.run([*TOOL, f"--xml-file={report}"])
    assert done.returncode == 0, done.stderr[-3000:]
    errors = parse(report).getroot().findall("error")  # noqa: S314 - valgrind wrote it
    assert [described(error) for error in errors if is_ours(error)] == []


@pytest.fixture
def sanitized(tmp_path: Path) -> Path:
    """A directory to import acurl from, whose engine is built with ASan and UBSan."""
    library, objects = tmp_path / "library", tmp_path / "objects"
    flags = "-fsanitize=address,undefined -fno-omit-frame-pointer -g"
    subprocess.run(
        [*BUILD, f"--build-lib={library}", f"--build-temp={objects}"],
        cwd=ROOT,
        env=os.environ | {"CFLAGS": flags, "LDFLAGS": flags},
        check=True,
        capture_output=True,
    )
    return library


@pytest.mark.slow
def test_visits_leave_no_trace_under_sanitizers(
    visits: Visits, sanitized: Path, tmp_path: Path
) -> None:
    report = tmp_path / "asan"
    compiler = os.environ.get("CC", "cc").split()
    runtime = subprocess.check_output([*compiler, "-print-file-name=libasan.so"], text=True)
    done = visits.run(
        ["env", f"LD_PRELOAD={runtime.strip()}"],
        PYTHONPATH=f"{sanitized}:{ROOT}",
        ASAN_OPTIONS=f"detect_leaks=1:log_path={report}",
        UBSAN_OPTIONS=f"print_stacktrace=1:halt_on_error=1:log_path={report}",
    )
    told = "".join(path.read_text(errors="replace") for path in tmp_path.glob("asan.*"))
    # LeakSanitizer also ends the process with an error for what CPython loses.
    assert done.returncode in (0, 1), told[-3000:]
    assert "AddressSanitizer:" not in told.replace("SUMMARY: AddressSanitizer:", "")
    assert "runtime error" not in told
    assert sanitizer_leaks(told) == []
