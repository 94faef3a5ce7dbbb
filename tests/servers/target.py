"""The embedded target as a process of its own, started and stopped as a person would."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.request import urlopen

from tests.servers.conditions import wait_until

COMMAND = [sys.executable, "-m", "mite", "demo-target"]
REPOSITORY = Path(__file__).parents[2]


class Target:
    """A running `mite demo-target` on free ports; `http` and `https` are URLs without a path."""

    def __init__(self, directory: Path, *options: str) -> None:
        ready_file = directory / "ready.json"
        self._output = directory / "target.out"
        self._errors = directory / "target.err"
        command = [*COMMAND, "--port=0", "--tls-port=0", f"--ready-file={ready_file}", *options]
        with self._output.open("wb") as output, self._errors.open("wb") as errors:
            self.process = subprocess.Popen(
                command, cwd=REPOSITORY, stdout=output, stderr=errors, stdin=subprocess.DEVNULL
            )
        wait_until(lambda: ready_file.exists() or self.process.poll() is not None, "the target")
        assert self.process.poll() is None, f"the target did not start: {self.errors()}"
        ready: dict[str, Any] = json.loads(ready_file.read_text())
        self.http: str = ready["urls"]["http"]
        self.https: str = ready["urls"]["https"]
        self.ca_file: str = ready["ca_file"]
        self.ready_file = ready_file
        assert ready["pid"] == self.process.pid

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End it with SIGTERM, wait, and see that it had nothing to complain of."""
        self.stop(signal.SIGTERM)
        assert self.errors() == ""

    def stop(self, number: signal.Signals) -> int:
        """Send a signal and wait; the exit code. A target that stays is killed and fails."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            return self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise

    def stats(self) -> dict[str, Any]:
        """What reached it so far."""
        with urlopen(f"{self.http}/stats", timeout=5) as answer:  # noqa: S310 - our own target
            counted: dict[str, Any] = json.load(answer)
        return counted

    def received(self, route: str) -> int:
        """How many requests for a route such as `GET /items` reached it."""
        count: int = self.stats()["routes"].get(route, {"received": 0})["received"]
        return count

    def environment(self, base_url: str) -> dict[str, str]:
        """Variables under which mite, run as a process, aims at this target and trusts it."""
        return {**os.environ, "MITE_CONF_base_url": base_url, "SSL_CERT_FILE": self.ca_file}

    def output(self) -> str:
        """What it has printed."""
        return self._output.read_text()

    def errors(self) -> str:
        """What it has complained of."""
        return self._errors.read_text()
