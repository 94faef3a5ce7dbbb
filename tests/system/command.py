"""Running `mite` as a process, and seeing that nothing of it stays."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.servers.conditions import wait_until
from tests.servers.target import REPOSITORY

COMMAND = [sys.executable, "-m", "mite"]
SECONDS = 50


@dataclass(frozen=True)
class Ended:
    """What an ended process said and how it ended."""

    code: int
    out: str
    err: str

    @property
    def said(self) -> str:
        """Both streams."""
        return self.out + self.err


class Mite:
    """`mite("journey", "run", spec)` runs it to its end; `interrupted` sends it a signal first."""

    def __init__(self, environment: Mapping[str, str], directory: Path = REPOSITORY) -> None:
        self.environment = {**environment, "PYTHONPATH": str(REPOSITORY)}
        self.directory = directory

    def __call__(self, *arguments: str, **environment: str) -> Ended:
        """Run to the end."""
        return self.ended(self.start(*arguments, **environment))

    def interrupted(
        self, *arguments: str, after: Callable[[], bool], number: signal.Signals
    ) -> Ended:
        """Run until `after()` is true, send the signal, and wait for the end."""
        process = self.start(*arguments)
        try:
            wait_until(lambda: after() or process.poll() is not None, "the run to be under way")
        except AssertionError:
            process.kill()
            process.communicate()
            raise
        assert process.poll() is None, process.communicate()
        process.send_signal(number)
        return self.ended(process)

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        """Start it, in a session of its own that whatever it starts can be told by."""
        return subprocess.Popen(
            [*COMMAND, *arguments],
            cwd=self.directory,
            env={**self.environment, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def ended(self, process: subprocess.Popen[str]) -> Ended:
        """Wait for its end, and see that nothing of it stays."""
        try:
            out, err = process.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            raise
        assert of_session(process.pid) == [], "the command left processes behind"
        return Ended(process.returncode, out, err)


def of_session(session: int) -> list[str]:
    """Command lines of the running processes in a session."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            if int(fields[3]) == session and fields[0] != "Z":
                found.append((entry / "cmdline").read_text().replace("\0", " "))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found
