"""Many TLS origins: one nginx that listens on as many addresses of the loopback, HTTP/1.1 and 2."""

import os
import socket
from pathlib import Path
from string import Template

import trustme

from tests.servers.conditions import wait_until
from tests.servers.nginx import start_nginx

PAGE = b"0123456789abcdef" * (64 << 6)
"""64 KiB, more than the buffers of a TLS connection hold at once."""

CONFIGURATION = Template("""
daemon off;
worker_processes 1;
$user
pid nginx.pid;
error_log error.log warn;
worker_rlimit_nofile 16384;
events { worker_connections 8192; multi_accept on; }
http {
    access_log off;
    client_body_temp_path tmp;
    proxy_temp_path tmp;
    fastcgi_temp_path tmp;
    uwsgi_temp_path tmp;
    scgi_temp_path tmp;
    keepalive_timeout 600s;
    keepalive_requests 1000000;
    ssl_certificate chain.pem;
    ssl_certificate_key key.pem;
    server {
        $listeners
        root site;
    }
}
""")


class Origins:
    """`urls` are the origins, without a path; `/page` is PAGE; `ca_file` vouches for all."""

    def __init__(self, directory: Path, count: int) -> None:
        addresses = [f"127.0.1.{number}" for number in range(1, count + 1)]
        listeners = [socket.create_server((address, 0), backlog=1024) for address in addresses]
        for sock in listeners:  # nginx keeps their mode, and accepts until none is left
            sock.setblocking(False)
        places = [f"{host}:{port}" for host, port in (sock.getsockname() for sock in listeners)]
        self.urls = [f"https://{place}" for place in places]
        self.ca_file = str(directory / "ca.pem")
        self._errors = directory / "error.log"
        _write(directory, addresses, places)
        self._process = start_nginx(directory, listeners)
        for sock in listeners:
            sock.close()
        wait_until((directory / "nginx.pid").exists, "nginx to start")

    def __repr__(self) -> str:
        return f"<Origins {len(self.urls)} pid={self._process.pid}>"

    def close(self) -> None:
        """End it, and wait for it."""
        self._process.terminate()
        self._process.wait(10)


def _write(directory: Path, addresses: list[str], places: list[str]) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(directory / "ca.pem"))
    leaf = authority.issue_cert(*addresses)
    chain = b"".join(blob.bytes() for blob in leaf.cert_chain_pems)
    (directory / "chain.pem").write_bytes(chain)
    leaf.private_key_pem.write_to_path(str(directory / "key.pem"))
    (directory / "site").mkdir()
    (directory / "tmp").mkdir()
    (directory / "site" / "page").write_bytes(PAGE)
    configuration = CONFIGURATION.substitute(
        user="user root;" if os.geteuid() == 0 else "",
        listeners="\n".join(f"listen {place} ssl http2;" for place in places),
    )
    (directory / "nginx.conf").write_text(configuration)
