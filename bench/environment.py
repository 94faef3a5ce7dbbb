"""The peers' virtual environments, each made when first needed, and kept while it fits."""

import hashlib
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import venv
from collections.abc import Iterable
from pathlib import Path

BENCH = Path(__file__).resolve().parent
CHECKOUT = BENCH.parent

DISTRIBUTION = "mite-http"
"""What the checkout's packages are installed as."""

FILES = ("setup.cfg", "setup.py", "pyproject.toml", "README.md", "LICENSE")
PACKAGES = ("acurl", "mite", "mite_http")
"""What of the checkout gets installed."""

INSTALL_LIMIT = 900
"""Seconds that one installation may take."""


class InstallError(RuntimeError):
    """A peer cannot be installed; the message gives the reason in a line."""


class Environment:
    """One virtual environment, `bench/.venv-NAME`; in it, the checkout is importable, but last.

    A stamp file beside the packages tells what is installed, so that nothing is done twice.
    """

    def __init__(self, name: str, *requirements: str) -> None:
        self.folder = BENCH / f".venv-{name}"
        self._requirements = requirements

    def __repr__(self) -> str:
        return f"<Environment {self.folder.name}: {' '.join(self._requirements)}>"

    @property
    def python(self) -> Path:
        """The environment's interpreter."""
        return self.folder / "bin" / "python"

    @property
    def packages(self) -> Path:
        """The folder that packages are installed into."""
        prefix = {"base": str(self.folder), "platbase": str(self.folder)}
        return Path(sysconfig.get_path("platlib", "venv", prefix))

    def ensure(self) -> None:
        """Installs the requirements, unless that is done; raises InstallError."""
        wanted = f"{sys.version} {CHECKOUT} {' '.join(self._requirements)}"
        if self._stamped("requirements", wanted):
            return
        shutil.rmtree(self.folder, ignore_errors=True)
        venv.create(self.folder, with_pip=True)
        self.pip("install", *self._requirements)
        (self.packages / "bench.pth").write_text(f"{CHECKOUT}\n")
        self._stamp("requirements", wanted)

    def ensure_checkout(self) -> None:
        """Installs the checkout, unless its sources are as they were; raises InstallError."""
        wanted = _digest(_sources())
        if self._stamped("checkout", wanted):
            return
        with tempfile.TemporaryDirectory(prefix="mite-bench-") as folder:
            _copy_checkout(Path(folder))
            self.pip("uninstall", "--yes", DISTRIBUTION)
            self.pip("install", folder)
        self._stamp("checkout", wanted)

    def pip(self, *arguments: str) -> None:
        """Runs the environment's pip; raises InstallError with the line that tells most."""
        command = [str(self.python), "-m", "pip", "--disable-pip-version-check", *arguments]
        try:
            done = subprocess.run(
                command,
                check=False,
                capture_output=True,
                text=True,
                timeout=INSTALL_LIMIT,
                cwd=self.folder,
            )
        except subprocess.TimeoutExpired as error:
            raise InstallError(f"pip took more than {INSTALL_LIMIT} s") from error
        if done.returncode:
            raise InstallError(_reason(done.stdout + done.stderr))

    def _stamped(self, what: str, wanted: str) -> bool:
        stamp = self.folder / f"{what}.stamp"
        return stamp.exists() and stamp.read_text() == wanted

    def _stamp(self, what: str, wanted: str) -> None:
        (self.folder / f"{what}.stamp").write_text(wanted)


def _sources() -> Iterable[Path]:
    for name in FILES[:3]:
        yield CHECKOUT / name
    for path in sorted((CHECKOUT / "acurl").rglob("*")):
        if path.suffix in (".py", ".c", ".h"):
            yield path


def _copy_checkout(folder: Path) -> None:
    """Copies what gets installed: a build is to use and leave nothing else in the checkout."""
    for name in FILES:
        if (CHECKOUT / name).exists():
            shutil.copy(CHECKOUT / name, folder)
    for name in PACKAGES:
        if (CHECKOUT / name).exists():
            shutil.copytree(
                CHECKOUT / name, folder / name, ignore=shutil.ignore_patterns("*.so", "__pycache__")
            )


def _digest(paths: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        if path.exists():
            digest.update(f"{path}\n".encode() + path.read_bytes())
    return digest.hexdigest()


def _reason(output: str) -> str:
    """The line of an installer's output that says most: a missing header, else its last error."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    marks = ("fatal error:", "No such file", "Could not resolve host")
    telling = [line for line in lines if any(mark in line for mark in marks)]
    errors = [line for line in lines if "error" in line.lower()]
    return (telling or errors or lines or ["pip failed without a word"])[0][:200]
