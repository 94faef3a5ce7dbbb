"""nginx with TLS 1.3 alone, which takes early data and tells in each answer what it saw."""

import os
import shutil
import socket
import subprocess
from pathlib import Path

from tests.servers.certificates import Certificate
from tests.servers.conditions import wait_until

CONFIG = """\
daemon off;
{user}
pid nginx.pid;
error_log error.log warn;
events {{ }}
http {{
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    ssl_certificate "{chain}";
    ssl_certificate_key "{key}";
    ssl_protocols TLSv1.3;
    ssl_early_data on;
    server {{
        listen 127.0.0.1:{port} ssl http2;
        return 200 "$request_method early=$ssl_early_data resumed=$ssl_session_reused\\n";
    }}
}}
"""


class Resuming:
    """A running nginx. `url` has no path; an answer is "GET early=1 resumed=r\\n"."""

    def __init__(self, directory: Path, certificate: Certificate) -> None:
        program = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
        assert program, "nginx is not installed (Debian: apt-get install nginx)"
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.port: int = listener.getsockname()[1]
            # Workers of a root's nginx become "nobody", who may not read a test's directory.
            user = "user root;" if os.geteuid() == 0 else ""
            text = CONFIG.format(
                chain=certificate.chain, key=certificate.key, port=self.port, user=user
            )
            (directory / "nginx.conf").write_text(text)
            self._process = subprocess.Popen(
                [program, "-e", "error.log", "-p", f"{directory}/", "-c", "nginx.conf"],
                env=os.environ | {"NGINX": f"{listener.fileno()};"},
                pass_fds=[listener.fileno()],
                stdin=subprocess.DEVNULL,
            )
            # Whoever connects from here on waits in the queue of this socket.
            wait_until((directory / "nginx.pid").exists, f"{self!r} to start")
        self.url = f"https://127.0.0.1:{self.port}"

    def __repr__(self) -> str:
        return f"<Resuming pid={self._process.pid} port={self.port}>"

    def close(self) -> None:
        """End it and wait for it."""
        self._process.terminate()
        self._process.wait(10)
