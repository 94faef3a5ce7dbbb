"""caddy as the server of HTTP/3: it passes all requests on to a backend."""

import json
import os
import shutil
import socket
import subprocess
import time
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from bench.server import SEARCH, ServerError

READY = "serving initial configuration"
START_LIMIT = 10.0


class Caddy(AbstractContextManager["Caddy"]):
    """Serves `backend`, a port, over HTTP/3 with nginx's certificate; files go into `folder`."""

    def __init__(self, core: int, backend: int, chain: Path, key: Path, folder: Path) -> None:
        self._core = core
        self._folder = folder
        self._port = _free_port()
        self.url = f"https://127.0.0.1:{self._port}"
        self._config = _config(self._port, backend, chain, key, folder)

    def __repr__(self) -> str:
        return f"<Caddy {self.url} on core {self._core}>"

    def __enter__(self) -> Self:
        program = shutil.which("caddy", path=SEARCH)
        if program is None:
            raise ServerError("caddy is missing: apt-get install caddy")
        self._folder.mkdir(parents=True)
        config, output = self._folder / "caddy.json", self._folder / "output"
        config.write_text(json.dumps(self._config))
        with output.open("wb") as sink:
            self._process = subprocess.Popen(
                ["taskset", "-c", str(self._core), program, "run", "--config", str(config)],
                cwd=self._folder,
                env={"HOME": str(self._folder), "PATH": os.environ.get("PATH", os.defpath)},
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=sink,
            )
        limit = time.monotonic() + START_LIMIT
        while READY not in output.read_text(errors="replace"):
            if self._process.poll() is not None or time.monotonic() > limit:
                self._stop()
                raise ServerError(f"caddy did not start: {output.read_text(errors='replace')}")
            time.sleep(0.02)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop()

    def _stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _free_port() -> int:
    """One that was free for TCP and UDP a moment ago: caddy takes no open sockets."""
    while True:
        with socket.socket() as stream, socket.socket(type=socket.SOCK_DGRAM) as datagram:
            stream.bind(("127.0.0.1", 0))
            port = int(stream.getsockname()[1])
            try:
                datagram.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def _config(port: int, backend: int, chain: Path, key: Path, folder: Path) -> dict[str, Any]:
    proxy = {
        "handler": "reverse_proxy",
        "flush_interval": -1,
        "upstreams": [{"dial": f"127.0.0.1:{backend}"}],
        "headers": {"request": {"set": {"X-Peer": ["{http.request.remote}"]}}},
    }
    server = {
        "listen": [f"127.0.0.1:{port}"],
        "protocols": ["h1", "h2", "h3"],
        "automatic_https": {"disable": True},
        "tls_connection_policies": [{}],
        "routes": [{"handle": [proxy]}],
    }
    pair = {"certificate": str(chain), "key": str(key)}
    return {
        "admin": {"disabled": True, "config": {"persist": False}},
        "storage": {"module": "file_system", "root": str(folder / "storage")},
        "apps": {
            "http": {"grace_period": "1s", "servers": {"tls": server}},
            "tls": {"certificates": {"load_files": [pair]}},
        },
    }
