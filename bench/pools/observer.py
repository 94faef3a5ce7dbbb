"""The witness, seen from the benchmark: started, told the delay, asked what it saw."""

import json
import os
import subprocess
import sys
import time
from contextlib import AbstractContextManager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from bench.environment import CHECKOUT


class WitnessError(RuntimeError):
    """The witness did not start or has gone; the message says what it said last."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What the server saw of a burst: connections, requests, and seconds from request to answer.

    `kept` connections were open a second after the last answer.
    """

    accepted: int
    open: int
    peak_open: int
    running: int
    peak_running: int
    received: int
    answered: int
    busy: float
    kept: int | None

    @property
    def server_seconds(self) -> float:
        """Mean seconds that an answered request took inside the server."""
        return self.busy / self.answered if self.answered else 0.0


class Witness(AbstractContextManager["Witness"]):
    """The witness process, pinned to one core, from entering the context to leaving it."""

    def __init__(self, core: int) -> None:
        self._core = core
        self._process: subprocess.Popen[str] | None = None
        self._port = 0

    def __repr__(self) -> str:
        return f"<Witness on core {self._core}, port {self._port}>"

    def __enter__(self) -> Self:
        command = ["taskset", "-c", str(self._core), sys.executable, "-m", "bench.pools.witness"]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=CHECKOUT,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            start_new_session=True,
        )
        self._port = int(self._line())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        process = self._process
        if process is not None:
            try:
                process.communicate(timeout=5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()

    @property
    def url(self) -> str:
        """The address that clients ask for."""
        return f"http://127.0.0.1:{self._port}/"

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return self._port

    def begin(self, delay: float, limit: float = 10.0) -> None:
        """Waits until no connection is open, then counts from zero with this delay."""
        deadline = time.monotonic() + limit
        while self.look().open:
            if time.monotonic() > deadline:
                raise WitnessError(f"connections stay open {limit:g} s after their client ended")
            time.sleep(0.02)
        self._ask(f"reset {delay}")

    def look(self) -> Sight:
        """What was seen since `begin`."""
        return self._ask("look")

    def _ask(self, command: str) -> Sight:
        process = self._process
        if process is None or process.stdin is None:
            raise WitnessError("the witness is not running")
        process.stdin.write(f"{command}\n")
        process.stdin.flush()
        seen: dict[str, Any] = json.loads(self._line())
        return Sight(**seen)

    def _line(self) -> str:
        process = self._process
        if process is None or process.stdout is None:
            raise WitnessError("the witness is not running")
        line = process.stdout.readline()
        if not line:
            raise WitnessError(f"the witness ended with exit code {process.wait()}")
        return line
