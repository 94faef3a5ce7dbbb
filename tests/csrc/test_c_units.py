"""Builds the engine's C tests under ASan and UBSan, with leak detection, and runs each program.

The programs are linked with the engine's own C files, not with the extension module, and bind to
the libcurl inside pycurl's wheel. One test of one program by hand: run it with the library's path
and the test's name.
"""

import os
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pycurl
import pytest

HERE = Path(__file__).parent
ENGINE = HERE.parents[1] / "acurl" / "csrc"
PROGRAMS = sorted(path.stem for path in HERE.glob("test_*.c"))
SUPPORT = [path for path in HERE.glob("*.c") if path.stem not in PROGRAMS]

COMPILER = os.environ.get("CC", "cc").split()
FLAGS = ["-std=gnu11", "-g", "-O1", "-Wall", "-Wextra", "-Werror", "-fno-omit-frame-pointer"]
SANITIZE = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
# Calls of ours that faults.c can make fail; -rdynamic lets a test stand in for libcurl's calls.
WRAPPED = ["malloc", "calloc", "realloc", "strdup", "epoll_ctl", "socket"]
LINK = [f"-Wl,--wrap={name}" for name in WRAPPED] + ["-rdynamic", "-pthread", "-ldl"]

OPTIONS = {
    "ASAN_OPTIONS": "detect_leaks=1:detect_stack_use_after_return=1:strict_string_checks=1",
    "UBSAN_OPTIONS": "print_stacktrace=1",
}

Build = Callable[[str], Path]


def run(*command: object) -> None:
    done = subprocess.run(
        [str(word) for word in command],
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        timeout=50,
        env=os.environ | OPTIONS,
    )
    assert done.returncode == 0, f"{command[0]} ended with {done.returncode}\n{done.stderr}"


def compiled(source: Path, directory: Path) -> Path:
    target = directory / f"{source.stem}.o"
    includes = [f"-I{ENGINE}", f"-I{HERE}"]
    run(*COMPILER, *FLAGS, *SANITIZE, *includes, "-c", source, "-o", target)
    return target


@pytest.fixture(scope="session")
def build(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """Links one test program and gives its path; what all programs share is compiled once."""
    directory = tmp_path_factory.mktemp("csrc")
    sources = [*ENGINE.glob("*.c"), *SUPPORT]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        objects = list(pool.map(lambda source: compiled(source, directory), sources))

    def link(name: str) -> Path:
        program = directory / name
        own = compiled(HERE / f"{name}.c", directory)
        run(*COMPILER, *SANITIZE, own, *objects, *LINK, "-o", program)
        return program

    return link


@pytest.fixture(scope="session")
def libcurl() -> Path:
    """The library inside pycurl's wheel."""
    beside = Path(pycurl.__file__).resolve().parents[1] / "pycurl.libs"
    return next(beside.glob("libcurl-*.so*"))


@pytest.mark.parametrize("name", PROGRAMS)
def test_c(name: str, build: Build, libcurl: Path) -> None:
    run(build(name), libcurl)
