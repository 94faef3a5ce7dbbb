"""caddy as a real peer: HTTP/1.1, HTTP/2 and HTTP/3 on one address, HTTP/1.1 and h2c on another.

caddy takes no open sockets, but it binds with SO_REUSEPORT: the TCP ports are bound here first and
held, without listening, so that nobody else gets them. UDP it binds alone. That port is tried and
let go again, and should someone take it in between, caddy ends and is started on other ports.

Every path is answered with the protocol as caddy saw it, "HTTP/3.0\\n" and so on. /bulk counts but
is not logged; /large is 1 MiB.
"""

import json
import re
import shutil
import socket
import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from tests.servers.certificates import Certificates
from tests.servers.conditions import wait_until

START_ATTEMPTS = 5
READY = "serving initial configuration"
COUNTER = re.compile(
    r'^caddy_http_requests_total\{handler="static_response".*\} (\S+)$', re.MULTILINE
)


@dataclass(frozen=True)
class CaddyRequest:
    """One request as caddy logged it."""

    protocol: str
    """"HTTP/1.1", "HTTP/2.0" or "HTTP/3.0"."""
    method: str
    uri: str
    peer_port: int
    """The client's own port: requests with equal ones came over one connection."""
    status: int


class Caddy:
    """A running caddy. URLs have no path: `caddy.https + "/"`."""

    def __init__(self, directory: Path, certificates: Certificates) -> None:
        self.ca_file = certificates.ca_file
        self._directory = directory
        self._log = directory / "access.log"
        for _attempt in range(START_ATTEMPTS):
            if self._start(certificates):
                break
        else:
            message = f"caddy did not start in {START_ATTEMPTS} attempts: {self.output()}"
            raise AssertionError(message)

    def __repr__(self) -> str:
        return f"<Caddy pid={self._process.pid} https={self.https} h2c={self.h2c}>"

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def requests(self, text: str = "") -> list[CaddyRequest]:
        """Requests logged so far whose URI contains `text`, oldest first."""
        if not self._log.exists():
            return []
        lines = self._log.read_text().split("\n")[:-1]
        logged = [_parse(json.loads(line)) for line in lines if text in line]
        return [request for request in logged if text in request.uri]

    def wait_requests(self, text: str, count: int) -> list[CaddyRequest]:
        """The requests whose URI contains `text`, once there are at least `count` of them."""
        wait_until(lambda: len(self.requests(text)) >= count, f"{count} log lines with {text!r}")
        return self.requests(text)

    def answered(self) -> int:
        """Requests answered since the start, those for this figure left out."""
        context = ssl.create_default_context(cafile=self.ca_file)
        url = f"{self.https}/metrics"
        with urlopen(url, timeout=5, context=context) as answer:  # noqa: S310 - our own server
            counters = answer.read().decode()
        return sum(int(float(number)) for number in COUNTER.findall(counters))

    def output(self) -> str:
        """What caddy said of itself."""
        log = self._directory / "caddy.log"
        return log.read_text() if log.exists() else ""

    def close(self) -> None:
        """End it, and wait for it."""
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _start(self, certificates: Certificates) -> bool:
        with _reserve(also_udp=True) as tls, _reserve() as clear:
            ports = tls.getsockname()[1], clear.getsockname()[1]
            self.https = f"https://127.0.0.1:{ports[0]}"
            """HTTP/1.1 and HTTP/2 by ALPN over TCP, HTTP/3 over UDP; `ca_file` vouches for it."""
            self.h2c = f"http://127.0.0.1:{ports[1]}"
            """HTTP/1.1, and HTTP/2 by prior knowledge or upgrade."""
            config = self._directory / "caddy.json"
            config.write_text(json.dumps(_config(self._directory, certificates, *ports)))
            (self._directory / "caddy.log").unlink(missing_ok=True)
            self._process = _run(config)
            wait_until(self._is_decided, "caddy to start")
        return self._process.poll() is None

    def _is_decided(self) -> bool:
        return READY in self.output() or self._process.poll() is not None


def _reserve(*, also_udp: bool = False) -> socket.socket:
    """A TCP socket whose port nobody else gets, and whose number is free for UDP, too."""
    while True:
        held = socket.socket()
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        held.bind(("127.0.0.1", 0))
        if not also_udp:
            return held
        with socket.socket(type=socket.SOCK_DGRAM) as trial:
            try:
                trial.bind(held.getsockname())
            except OSError:
                held.close()
            else:
                return held


def _run(config: Path) -> "subprocess.Popen[bytes]":
    program = shutil.which("caddy")
    if program is None:
        message = "caddy is not installed: 'make test' says how (Debian: apt-get install caddy)"
        raise AssertionError(message)
    with (config.parent / "caddy.out").open("ab") as output:
        return subprocess.Popen(
            [program, "run", "--config", str(config)],
            cwd=config.parent,
            env={"HOME": str(config.parent), "PATH": "/usr/bin:/bin"},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )


def _parse(line: dict[str, Any]) -> CaddyRequest:
    request = line["request"]
    return CaddyRequest(
        protocol=request["proto"],
        method=request["method"],
        uri=request["uri"],
        peer_port=int(request["remote_port"]),
        status=line["status"],
    )


def _config(directory: Path, certificates: Certificates, tls: int, clear: int) -> dict[str, Any]:
    good = certificates.good
    pair = {"certificate": str(good.chain), "key": str(good.key)}
    return {
        "admin": {"disabled": True, "config": {"persist": False}},
        "storage": {"module": "file_system", "root": str(directory / "storage")},
        "logging": {"logs": _logs(directory)},
        "apps": {
            "http": {
                "grace_period": "1s",
                "servers": {
                    "tls": {
                        "protocols": ["h1", "h2", "h3"],
                        "tls_connection_policies": [{}],
                        **_server(directory, tls),
                    },
                    "clear": {"protocols": ["h1", "h2c"], **_server(directory, clear)},
                },
            },
            "tls": {"certificates": {"load_files": [pair]}},
        },
    }


def _logs(directory: Path) -> dict[str, Any]:
    def to_file(name: str) -> dict[str, Any]:
        return {"output": "file", "filename": str(directory / name), "roll": False}

    dropped = ("request>headers", "request>tls", "resp_headers")
    requests = {
        "include": ["http.log.access.requests"],
        "writer": to_file("access.log"),
        "encoder": {
            "format": "filter",
            "wrap": {"format": "json"},
            "fields": {field: {"filter": "delete"} for field in dropped},
        },
    }
    own = {"exclude": ["http.log.access"], "writer": to_file("caddy.log")}
    return {"requests": requests, "default": own}


def _server(directory: Path, port: int) -> dict[str, Any]:
    site = directory / "site"
    site.mkdir(exist_ok=True)
    (site / "large").write_bytes(b"0123456789abcdef" * (1 << 16))
    says_protocol = {"handler": "static_response", "body": "{http.request.proto}\n"}
    unlogged = {"handler": "vars", "skip_log": True}
    return {
        "listen": [f"127.0.0.1:{port}"],
        "automatic_https": {"disable": True},
        "logs": {"default_logger_name": "requests"},
        "metrics": {},
        "routes": [
            {"match": [{"path": ["/metrics"]}], "handle": [unlogged, {"handler": "metrics"}]},
            {"match": [{"path": ["/bulk"]}], "handle": [unlogged, says_protocol]},
            {
                "match": [{"path": ["/large"]}],
                "handle": [{"handler": "file_server", "root": str(site)}],
            },
            {"handle": [says_protocol]},
        ],
    }
