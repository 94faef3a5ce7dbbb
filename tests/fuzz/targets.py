"""What is fuzzed, and how each target is built.

Targets in C are LLVMFuzzerTestOneInput() over the engine's own files: `transfer` with a stand-in
for libcurl and for the system, `wire` with the real libcurl behind a socket. Targets in Python are
functions that take bytes. All know by themselves what is wrong, and none needs a fuzzer to run.
"""

import os
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pycurl

from tests.fuzz.cookies import try_cookies
from tests.fuzz.responses import try_response

HERE = Path(__file__).parent
CORPUS = HERE / "corpus"
ENGINE = HERE.parents[1] / "acurl" / "csrc"

WARN = ["-std=gnu11", "-g", "-Wall", "-Wextra", "-Werror", "-fno-omit-frame-pointer"]
SANITIZE = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
# Of the C library, what kernel.c takes the place of.
REPLACED = ["malloc", "calloc", "realloc", "strdup", "socket", "close", "shutdown", "recv", "read"]
REPLACED += ["epoll_create1", "epoll_ctl", "epoll_wait", "timerfd_create", "timerfd_settime"]
REPLACED += ["clock_gettime"]


@dataclass(frozen=True)
class Target:
    """A target in C: its files beside this one, and whether the system is replaced."""

    files: tuple[str, ...]
    replaced: bool


TARGETS = {
    "transfer": Target(
        (
            "fuzz_transfer",
            "understudy",
            "answers",
            "links",
            "parts",
            "body",
            "kernel",
            "input",
        ),
        True,
    ),
    "wire": Target(("fuzz_wire",), False),
}
FUNCTIONS: dict[str, Callable[[bytes], None]] = {
    "cookies": try_cookies,
    "responses": try_response,
}


def libcurl() -> Path:
    """The library inside pycurl's wheel, which the target `wire` binds to."""
    beside = Path(pycurl.__file__).resolve().parents[1] / "pycurl.libs"
    return next(beside.glob("libcurl-*.so*"))


def environment() -> dict[str, str]:
    """What the programs find in their environment."""
    return os.environ | {
        "PYTHONPATH": str(HERE.parents[1]),
        "ACURL_LIBCURL": str(libcurl()),
        "UBSAN_OPTIONS": "print_stacktrace=1",
        "ASAN_OPTIONS": "detect_leaks=1",
    }


def kept(name: str) -> list[Path]:
    """The inputs of a target that are kept, crashes of before among them."""
    return sorted((CORPUS / name).glob("*"))


def compile_all(commands: list[list[str]]) -> None:
    def run(command: list[str]) -> None:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{' '.join(command)}\n{done.stderr}"

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(run, commands))


def build(name: str, directory: Path, *, guided: bool) -> Path:
    """The program of a target: with clang's fuzzer in it, or by any compiler to replay inputs."""
    target = TARGETS[name]
    compiler = ["clang"] if guided else os.environ.get("CC", "cc").split()
    watched = ["-fsanitize=fuzzer-no-link"] if guided else []
    replaced = [f"-D{call}=kernel_{call}" for call in REPLACED] if target.replaced else []
    jobs = [(source, [*watched, *replaced]) for source in sorted(ENGINE.glob("*.c"))]
    jobs += [(HERE / f"{file}.c", []) for file in target.files]
    jobs += [] if guided else [(HERE / "replay.c", [])]
    directory.mkdir(parents=True, exist_ok=True)
    flags = [*WARN, *SANITIZE, "-O2" if guided else "-O0", f"-I{ENGINE}"]
    objects = [str(directory / f"{source.stem}.o") for source, _ in jobs]
    compile_all(
        [
            [*compiler, *flags, *extra, "-c", str(source), "-o", made]
            for (source, extra), made in zip(jobs, objects, strict=True)
        ]
    )
    program = directory / name
    fuzzer = ["-fsanitize=fuzzer"] if guided else []
    compile_all([[*compiler, *SANITIZE, *fuzzer, *objects, "-o", str(program), "-ldl", "-pthread"]])
    return program
