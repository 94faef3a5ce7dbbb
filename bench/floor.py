"""The floor's program: built against the very libcurl that acurl runs on."""

import shutil
import subprocess
from pathlib import Path

from bench.environment import BENCH, Environment, InstallError

SOURCE = BENCH / "peers" / "floor.c"

ASK = """
import pycurl._pycurl
print(next(line.split(None, 5)[5] for line in open("/proc/self/maps") if "/libcurl" in line))
"""
"""Prints the path of the libcurl that pycurl has loaded."""


def library(environment: Environment) -> Path:
    """The libcurl inside the environment's pycurl wheel."""
    done = subprocess.run(
        [str(environment.python), "-c", ASK], check=False, capture_output=True, text=True
    )
    if done.returncode:
        raise InstallError("pycurl in this environment does not bring a libcurl of its own")
    return Path(done.stdout.strip())


def build(environment: Environment, source: Path = SOURCE) -> Path:
    """Compiles the floor into the environment and returns the program; raises InstallError."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        raise InstallError("there is no C compiler: apt-get install gcc libc6-dev")
    curl = library(environment)
    program = environment.folder / source.stem
    link = [str(curl), f"-Wl,-rpath,{curl.parent}", "-Wl,--allow-shlib-undefined"]
    done = subprocess.run(
        [compiler, "-O2", str(source), "-o", str(program), *link],
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        if "curl/curl.h" in done.stderr:
            raise InstallError(
                "libcurl's headers are missing: apt-get install libcurl4-openssl-dev"
            )
        raise InstallError(done.stderr.strip().splitlines()[0][:200])
    return program
