"""What `pip install .` builds, from a source tree with spaces in its path, and what it says when
it cannot build."""

import configparser
import os
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = (
    "setup.cfg",
    "setup.py",
    "pyproject.toml",
    "README.md",
    "LICENSE",
    "acurl",
    "mite",
    "mite_http",
)

pytestmark = pytest.mark.slow


def copy_sources(destination: Path) -> Path:
    """A source tree as a clone would be: nothing built in it."""
    destination.mkdir(parents=True)
    built = shutil.ignore_patterns("*.so", "*.o", "__pycache__", "build", "*.egg-info")
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, destination / name, ignore=built)
        else:
            shutil.copy(ROOT / name, destination / name)
    return destination


def pip_wheel(tree: Path, to: Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "-w", to, tree],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("a path with spaces")
    done = pip_wheel(copy_sources(directory / "source tree"), directory / "built wheels")
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = (directory / "built wheels").glob("*.whl")
    return built


def test_one_wheel_serves_all_pythons(wheel: Path) -> None:
    assert wheel.name.startswith("mite_http-0.1.0-cp311-abi3-linux_")


def test_wheel_holds_the_three_packages_only(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names} == {
        "acurl",
        "mite",
        "mite_http",
        "mite_http-0.1.0.dist-info",
    }
    expected = {"acurl/_engine.abi3.so", "acurl/py.typed", "mite/py.typed", "mite_http/py.typed"}
    assert expected <= set(names)
    modules = {path.relative_to(ROOT).as_posix() for path in ROOT.glob("mite*/**/*.py")}
    assert modules <= set(names)


def test_wheel_announces_command_and_stats(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    announced = configparser.ConfigParser()
    announced.read_string(archive.read("mite_http-0.1.0.dist-info/entry_points.txt").decode())
    assert announced["console_scripts"]["mite"] == "mite.__main__:main"
    assert announced["mite_stats"]["mite_http"] == "mite_http.stats:STATS"


def test_installed_wheel_works_without_the_checkout(wheel: Path, tmp_path: Path) -> None:
    """In an environment that has the dependencies, and neither the checkout nor a compiler."""
    home = tmp_path / "an environment"
    venv.create(home, with_pip=False, system_site_packages=False)
    site = next(home.glob("lib/python*/site-packages"))
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    ours = Path(next(path for path in sys.path if (Path(path) / "pycurl").is_dir()))
    (site / "dependencies.pth").write_text(f"{ours}\n")
    program = "import acurl, mite, mite_http; print(acurl.__file__); print(acurl.libcurl_version())"
    done = subprocess.run(
        [home / "bin" / "python", "-P", "-c", program],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    where, version = done.stdout.splitlines()
    assert Path(where).is_relative_to(site)
    assert version.startswith("8.")


def test_missing_compiler_is_named_in_one_line(tmp_path: Path) -> None:
    empty = tmp_path / "bin"
    empty.mkdir()
    done = pip_wheel(copy_sources(tmp_path / "source"), tmp_path / "out", PATH=str(empty), CC="cc")
    assert done.returncode != 0
    assert "[1 lines of output]" in done.stderr
    said = [line for line in done.stderr.splitlines() if "mite-http needs" in line]
    assert len(said) == 1, done.stderr
    assert "a C compiler ('cc' is not on PATH)" in said[0]
    assert "apt-get install gcc python3-dev" in said[0]
    assert "Traceback" not in done.stderr
