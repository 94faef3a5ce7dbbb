"""hypercorn as a real peer from PyPI: a second, independent HTTP/1.1, HTTP/2 and HTTP/3.

All sockets, the one for QUIC included, are bound here on port 0 and handed over open. Each path is
answered with the HTTP version that the application was told of.
"""

import os
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.servers.certificates import Certificates
from tests.servers.conditions import wait_until

REPOSITORY = Path(__file__).parents[2]
SOCKETS = 3


async def application(
    scope: dict[str, Any],
    receive: Callable[[], Awaitable[dict[str, Any]]],
    send: Callable[[dict[str, Any]], Awaitable[None]],
) -> None:
    """What the server process runs."""
    if scope["type"] != "http":
        return
    while (await receive()).get("more_body"):
        pass
    body = f"{scope['http_version']}\n".encode()
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@dataclass(frozen=True)
class AsgiRequest:
    """One request as hypercorn logged it."""

    method: str
    uri: str
    version: str
    """"1.1", "2" or "3"."""
    status: int


class AsgiServer:
    """A running hypercorn. URLs have no path."""

    def __init__(self, directory: Path, certificates: Certificates) -> None:
        self.ca_file = certificates.ca_file
        self._log = directory / "access.log"
        self._errors = directory / "error.log"
        tls, clear = (socket.create_server(("127.0.0.1", 0)) for _ in range(2))
        quic = socket.socket(type=socket.SOCK_DGRAM)
        with tls, clear, quic:
            quic.bind(tls.getsockname())
            self.https = f"https://127.0.0.1:{tls.getsockname()[1]}"
            """HTTP/1.1 and HTTP/2 by ALPN over TCP, HTTP/3 over UDP; `ca_file` vouches for it."""
            self.h2c = f"http://127.0.0.1:{clear.getsockname()[1]}"
            """HTTP/1.1, and HTTP/2 by prior knowledge."""
            self._process = self._run(certificates, tls.fileno(), quic.fileno(), clear.fileno())
        wait_until(self._is_decided, "hypercorn to start")
        assert self._process.poll() is None, f"hypercorn did not start: {self.output()}"

    def __repr__(self) -> str:
        return f"<AsgiServer pid={self._process.pid} https={self.https} h2c={self.h2c}>"

    def requests(self, text: str = "") -> list[AsgiRequest]:
        """Requests logged so far whose URI contains `text`, oldest first."""
        lines = self._log.read_text().split("\n")[:-1] if self._log.exists() else []
        logged = []
        for line in lines:
            method, uri, version, status = line.split(" ")[-4:]
            logged.append(AsgiRequest(method, uri, version, int(status)))
        return [request for request in logged if text in request.uri]

    def wait_requests(self, text: str, count: int) -> list[AsgiRequest]:
        """The requests whose URI contains `text`, once there are at least `count` of them."""
        wait_until(lambda: len(self.requests(text)) >= count, f"{count} log lines with {text!r}")
        return self.requests(text)

    def output(self) -> str:
        """What it said of itself."""
        return self._errors.read_text() if self._errors.exists() else ""

    def close(self) -> None:
        """End it, and wait for it."""
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _is_decided(self) -> bool:
        return self.output().count("Running on") == SOCKETS or self._process.poll() is not None

    def _run(
        self, certificates: Certificates, tls: int, quic: int, clear: int
    ) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", "hypercorn", f"--bind=fd://{tls}"]
        command += [f"--quic-bind=fd://{quic}", f"--insecure-bind=fd://{clear}"]
        command += [f"--certfile={certificates.good.chain}", f"--keyfile={certificates.good.key}"]
        # The request line ends with the version.
        command += [f"--access-logfile={self._log}", "--access-logformat=%(R)s %(s)s"]
        command += [f"--error-logfile={self._errors}", "--graceful-timeout=0", "--workers=0"]
        with self._errors.open("ab") as output:
            return subprocess.Popen(
                [*command, f"{__name__}:{application.__name__}"],
                cwd=REPOSITORY,
                env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
                pass_fds=(tls, quic, clear),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
