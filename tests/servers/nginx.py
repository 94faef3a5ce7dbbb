"""nginx as a real peer: HTTP/1.1, HTTP/2 over TLS and in clear, good and bad certificates.

Ports are bound here, on port 0, and handed to nginx as open descriptors: no port can be lost to
someone else between choosing and binding it. The list of what is served stands in nginx.conf.in.
"""

import os
import re
import shutil
import signal
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path
from string import Template

from tests.servers.certificates import Certificate, Certificates
from tests.servers.conditions import wait_until

TEMPLATES = Path(__file__).parent
LISTENERS = (
    *("http", "https", "h2c", "short", "short_tls", "twenty_tls", "thousand_tls", "hasty"),
    *("expired", "wrong_host"),
)
STATUS_CODES = (200, 201, 202, 204, 400, 401, 403, 404, 409, 410, 418, 429, 500, 502, 503, 504)
REDIRECT_CODES = (301, 302, 303, 307, 308)


@dataclass(frozen=True)
class LoggedRequest:
    """One request as nginx saw it: the witness beside what the client says."""

    connection: int
    """Serial number of the connection, for telling new ones from reused ones."""
    nth: int
    """1 for the first request on its connection."""
    method: str
    uri: str
    """Path and query as received, so a test finds its own requests by a query of its own."""
    status: int
    protocol: str
    """"HTTP/1.1" or "HTTP/2.0"."""


@dataclass(frozen=True)
class StubStatus:
    """nginx's own counters since its start, the asking request included."""

    active: int
    accepts: int
    handled: int
    requests: int


class Nginx:
    """A running nginx. URLs have no path: `nginx.http + "/small"`."""

    def __init__(self, directory: Path, certificates: Certificates) -> None:
        self.ca_file = certificates.ca_file
        self._log = directory / "access.log"
        self._errors = directory / "error.log"
        self._directory = directory
        # Bound and never listening: the ports stay ours while nginx is down.
        self._claims = {name: _claim_port() for name in LISTENERS}
        ports = {name: sock.getsockname()[1] for name, sock in self._claims.items()}
        self.http = f"http://127.0.0.1:{ports['http']}"
        """HTTP/1.1."""
        self.https = f"https://127.0.0.1:{ports['https']}"
        """HTTP/1.1 or HTTP/2, by ALPN; `ca_file` vouches for it."""
        self.h2c = f"http://127.0.0.1:{ports['h2c']}"
        """HTTP/2 without TLS, by prior knowledge only."""
        self.short = f"http://127.0.0.1:{ports['short']}"
        """HTTP/1.1; closes each connection after 10 requests."""
        self.short_tls = f"https://127.0.0.1:{ports['short_tls']}"
        """As `https`; says GOAWAY, or closes, after 10 requests."""
        self.twenty_tls = f"https://127.0.0.1:{ports['twenty_tls']}"
        """As `https`; says GOAWAY, or closes, after 20 requests."""
        self.thousand_tls = f"https://127.0.0.1:{ports['thousand_tls']}"
        """As `https`; says GOAWAY, or closes, after 1,000 requests."""
        self.hasty = f"http://127.0.0.1:{ports['hasty']}"
        """HTTP/1.1; closes each connection after 20 requests, or one idle second."""
        self.expired = f"https://127.0.0.1:{ports['expired']}"
        """Its certificate has expired."""
        self.wrong_host = f"https://127.0.0.1:{ports['wrong_host']}"
        """Its certificate is for another host."""
        _write_site(directory)
        _write_config(directory, certificates, ports)
        self._process = self._started()

    def __repr__(self) -> str:
        return f"<Nginx pid={self._process.pid} http={self.http} https={self.https}>"

    @property
    def pid(self) -> int:
        """The master's process id; it has one worker."""
        return self._process.pid

    def requests(self, text: str = "") -> list[LoggedRequest]:
        """Requests logged so far whose URI contains `text`, oldest first; /bulk is never logged.

        nginx writes its line after it sent the answer: use `wait_requests` to count.
        """
        if not self._log.exists():
            return []
        lines = self._log.read_text().splitlines()
        logged = (_parse(line) for line in lines)
        return [request for request in logged if text in request.uri]

    def wait_requests(self, text: str, count: int) -> list[LoggedRequest]:
        """The requests whose URI contains `text`, once there are at least `count` of them."""
        wait_until(lambda: len(self.requests(text)) >= count, f"{count} log lines with {text!r}")
        return self.requests(text)

    def stub_status(self) -> StubStatus:
        """nginx's counters now; asking costs one connection and one request."""
        host, port = self.http.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=5) as sock:
            sock.sendall(b"GET /stub_status HTTP/1.0\r\n\r\n")
            answer = b"".join(iter(lambda: sock.recv(65536), b""))
        numbers = [int(number) for number in re.findall(rb"\d+", answer.partition(b"\r\n\r\n")[2])]
        return StubStatus(*numbers[:4])

    def error_log(self) -> str:
        """What nginx had to complain about."""
        return self._errors.read_text() if self._errors.exists() else ""

    def reload(self) -> None:
        """Have a new worker take over; the old one ends its connections in order."""
        self._process.send_signal(signal.SIGHUP)

    def kill(self) -> None:
        """End master and worker in the middle of whatever they do: connections are reset."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def start(self) -> None:
        """Serve again, on the same ports; for one that was killed."""
        self._process = self._started()

    def close(self) -> None:
        """End master and worker, and wait for them."""
        for sock in self._claims.values():
            sock.close()
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def _started(self) -> "subprocess.Popen[bytes]":
        listeners = [
            socket.create_server(sock.getsockname(), backlog=4096) for sock in self._claims.values()
        ]
        self._process = start_nginx(self._directory, listeners)
        for sock in listeners:
            sock.close()
        self._wait_answering()
        return self._process

    def _wait_answering(self) -> None:
        def answering() -> bool:
            if self._process.poll() is not None:
                message = f"nginx ended with {self._process.returncode}: {self.error_log()}"
                raise AssertionError(message)
            try:
                return self.stub_status().accepts > 0
            except OSError:
                return False

        wait_until(answering, "nginx to answer")


def _claim_port() -> socket.socket:
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("127.0.0.1", 0))
    return sock


def _parse(line: str) -> LoggedRequest:
    connection, nth, status, protocol, method, uri = line.split(" ", 5)
    return LoggedRequest(int(connection), int(nth), method, uri, int(status), protocol)


def start_nginx(directory: Path, listeners: list[socket.socket]) -> "subprocess.Popen[bytes]":
    """nginx with the `nginx.conf` of a directory, in which it finds the listeners open."""
    program = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if program is None:
        message = "nginx is not installed: 'make test' says how (Debian: apt-get install nginx)"
        raise AssertionError(message)
    descriptors = [sock.fileno() for sock in listeners]
    # The way nginx hands listening sockets to its own successor: names of open descriptors.
    environment = os.environ | {"NGINX": "".join(f"{number};" for number in descriptors)}
    with (directory / "error.log").open("ab") as output:
        return subprocess.Popen(
            [program, "-e", "error.log", "-p", f"{directory}/", "-c", "nginx.conf"],
            env=environment,
            pass_fds=descriptors,
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )


def _write_site(directory: Path) -> None:
    site = directory / "site"
    site.mkdir()
    (site / "small").write_bytes(b"hello from nginx\n")
    (site / "large").write_bytes(b"0123456789abcdef" * (1 << 16))
    (site / "text").write_text("a line that compresses well\n" * 1000)
    (directory / "passwords").write_text("ada:{PLAIN}lovelace\n")
    (directory / "tmp").mkdir()


def _write_config(directory: Path, certificates: Certificates, ports: dict[str, int]) -> None:
    values: dict[str, object] = {f"port_{name}": port for name, port in ports.items()}
    values |= {"site": directory / "site", "locations": _locations()}
    # Workers of a root's nginx become "nobody", who may not read a test's directory.
    values["user"] = "user root;" if os.geteuid() == 0 else ""
    for name in ("good", "expired", "wrong_host"):
        certificate: Certificate = getattr(certificates, name)
        values |= {f"{name}_chain": certificate.chain, f"{name}_key": certificate.key}
    for file in ("nginx.conf", "site.conf"):
        template = Template((TEMPLATES / f"{file}.in").read_text())
        (directory / file).write_text(template.substitute(values))


def _locations() -> str:
    """The locations that come in rows: nginx wants each return code as a literal."""
    statuses = [
        f'location = /status/{code} {{ return {code} "{code}\\n"; }}' for code in STATUS_CODES
    ]
    redirects = [
        f"location = /redirect/{code} {{ return {code} /small; }}" for code in REDIRECT_CODES
    ]
    chain = [f"location = /chain/{hop} {{ return 302 /chain/{hop - 1}; }}" for hop in range(1, 11)]
    end = ["location = /chain/0 { try_files /small =500; }"]
    return "\n".join(statuses + redirects + chain + end)
