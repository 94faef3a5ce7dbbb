"""The server under load: nginx with one worker, on ports of its own, and what it counted."""

import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.request
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from bench.cell import SIZE_NAMES, SMALL, Cell

BODY = b"thirty-four bytes of a small body\n"

SEARCH = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin"
"""Where programs are looked for; Debian keeps nginx out of a plain user's PATH."""

CONFIGURATION = """\
{user}
worker_processes 1;
worker_rlimit_nofile {files};
daemon off;
pid {folder}/pid;
error_log {folder}/error.log crit;
events {{ worker_connections {connections}; multi_accept on; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  keepalive_timeout 600s;
  keepalive_requests 1000000000;
  tcp_nodelay on;
  sendfile on;
  open_file_cache max=100 inactive=1h;
  open_file_cache_valid 1h;
  ssl_certificate {folder}/certificate.pem;
  ssl_certificate_key {folder}/key.pem;
  server {{
    listen 127.0.0.1:{plain};
    listen 127.0.0.1:{tls} ssl http2;
    root {folder}/files;
    default_type application/octet-stream;
    location = /status {{ stub_status; }}
    {held}
  }}
}}
"""

HELD = """\
listen 127.0.0.1:{h2c} http2;
    http2_max_concurrent_streams 128;
    proxy_http_version 1.1;
    proxy_buffering off;
    proxy_read_timeout 600s;
    location /held/ {{
      proxy_pass http://127.0.0.1:{port};
      proxy_set_header Connection "";
      proxy_set_header X-Peer $remote_addr:$remote_port;
    }}
    location = /cookie {{
      add_header Set-Cookie "session=0123456789abcdef0123456789abcdef; Path=/; HttpOnly";
      try_files /34 =500;
    }}
    location = /once {{ keepalive_timeout 0; try_files /34 =500; }}
"""
"""What measurements of memory need besides: a server's locations, and HTTP/2 without TLS."""


class ServerError(RuntimeError):
    """The server cannot be set up or has gone; the message says why."""


@dataclass(frozen=True, slots=True)
class Count:
    """Connections accepted and requests read since the server started; connections open now."""

    accepts: int
    requests: int
    active: int


class Server(AbstractContextManager["Server"]):
    """nginx pinned to one core, from entering the context to leaving it.

    With `held`, the port of a Holder, it also has what HELD says.
    """

    def __init__(self, core: int, *, held: int = 0) -> None:
        self._core = core
        self._held = held
        self._questions = 0
        self._folder = Path(tempfile.mkdtemp(prefix="mite-bench-"))
        self._process: subprocess.Popen[bytes] | None = None
        self._plain = _listener()
        self._tls = _listener()
        self._h2c = _listener()

    def __repr__(self) -> str:
        ports = f"{self._port(self._plain)} and {self._port(self._tls)}"
        return f"<Server nginx on core {self._core}, ports {ports}>"

    def __enter__(self) -> Self:
        for program in ("nginx", "openssl", "taskset"):
            if shutil.which(program, path=SEARCH) is None:
                raise ServerError(f"{program} is missing: apt-get install nginx openssl util-linux")
        try:
            self._write_files()
            self._make_certificate()
            self._start()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop()

    def url(self, cell: Cell) -> str:
        """The address that the cell's clients ask for."""
        if cell.protocol == "h1":
            return f"http://127.0.0.1:{self._port(self._plain)}/{cell.size}"
        return f"https://127.0.0.1:{self._port(self._tls)}/{cell.size}"

    def addresses(self) -> dict[str, str]:
        """Where it is reached, without a path: "http", "https" and "h2c", if there is that."""
        ports = {"http": self._plain, "https": self._tls, "h2c": self._h2c}
        secure = {"https"}
        return {
            name: f"{'https' if name in secure else 'http'}://127.0.0.1:{self._port(listener)}"
            for name, listener in ports.items()
        }

    @property
    def certificate(self) -> tuple[Path, Path]:
        """The certificate, which vouches for itself, and its key."""
        return self._folder / "certificate.pem", self._folder / "key.pem"

    def count(self) -> Count:
        """What the server has seen, this question included."""
        url = f"http://127.0.0.1:{self._port(self._plain)}/status"
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(url, timeout=10) as answer:
            text = answer.read().decode()
        self._questions += 1
        numbers = [int(number) for number in re.findall(r"\d+", text)]
        return Count(accepts=numbers[1], requests=numbers[3], active=numbers[0])

    def accepted(self) -> int:
        """Connections accepted since the server started, those of our questions left out."""
        return self.count().accepts - self._questions

    def settle(self, seconds: float = 10.0) -> None:
        """Waits until no connection but the question's own is open."""
        limit = time.monotonic() + seconds
        while self.count().active > 1:
            if time.monotonic() > limit:
                raise ServerError(
                    f"nginx still has connections open {seconds:g} s after their client ended"
                )
            time.sleep(0.02)

    def _start(self) -> None:
        listeners = (self._plain, self._tls, *((self._h2c,) if self._held else ()))
        descriptors = tuple(listener.fileno() for listener in listeners)
        inherited = "".join(f"{number};" for number in descriptors)
        environ = {**os.environ, "PATH": SEARCH, "NGINX": inherited}
        nginx = ["nginx", "-p", str(self._folder), "-c", str(self._folder / "conf")]
        command = ["taskset", "-c", str(self._core), *nginx]
        with (self._folder / "output").open("wb") as output:
            self._process = subprocess.Popen(
                command,
                env=environ,
                pass_fds=descriptors,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self._wait(self._process)

    def _stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)
        self._plain.close()
        self._tls.close()
        self._h2c.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _wait(self, process: subprocess.Popen[bytes]) -> None:
        limit = time.monotonic() + 10
        while True:
            try:
                self.count()
            except OSError as error:
                if process.poll() is not None or time.monotonic() > limit:
                    said = (self._folder / "output").read_text(errors="replace").strip()
                    raise ServerError(f"nginx did not start: {said or error}") from error
                time.sleep(0.02)
            else:
                return

    def _write_files(self) -> None:
        files = self._folder / "files"
        files.mkdir()
        for size in SIZE_NAMES:
            (files / str(size)).write_bytes(BODY if size == SMALL else b"x" * size)
        configuration = CONFIGURATION.format(
            user="user root;" if os.geteuid() == 0 else "",
            folder=self._folder,
            files=20000,
            connections=8192,
            plain=self._port(self._plain),
            tls=self._port(self._tls),
            held=HELD.format(h2c=self._port(self._h2c), port=self._held) if self._held else "",
        )
        (self._folder / "conf").write_text(configuration)

    def _make_certificate(self) -> None:
        curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        names = [
            "-subj",
            "/CN=localhost",
            "-addext",
            "subjectAltName=DNS:localhost,IP:127.0.0.1",
            "-days",
            "2",
        ]
        paths = [
            "-keyout",
            str(self._folder / "key.pem"),
            "-out",
            str(self._folder / "certificate.pem"),
        ]
        subprocess.run(
            ["openssl", "req", "-x509", *curve, *names, *paths], check=True, capture_output=True
        )

    @staticmethod
    def _port(listener: socket.socket) -> int:
        return int(listener.getsockname()[1])


def _listener() -> socket.socket:
    """A listening socket on a free port; nginx inherits it, so nobody can take the port in between.

    It must not block: nginx accepts until nothing is left, and keeps an inherited socket's mode.
    """
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.setblocking(False)
    listener.listen(4096)
    return listener
