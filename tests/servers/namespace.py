"""A network of its own for one function: loopback, a link that swallows all, and our name server.

    isolated("tests.faults.test_names:no_such_name")

runs that function, with a `Network`, in a child Python in namespaces of its own, as root or as
whoever may make user namespaces. What the child raises, the parent's test fails with.
"""

import importlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers.conditions import wait_until

REPOSITORY = Path(__file__).parents[2]
SILENT_NETWORK = "10.77.0"
"""Addresses from .2 on are on a link without anybody: what is sent there vanishes."""
REFUSING_NETWORK = "127.0.1"
"""Addresses of ours where nobody listens, unless on all addresses."""
SILENT_DOMAIN = "silent.test"
"""Questions about it, and about names in it, are never answered."""
RESOLVER_FILES = {
    "resolv.conf": "nameserver 127.0.0.1\noptions timeout:5 attempts:2\n",
    "nsswitch.conf": "hosts: files dns\n",
    "hosts": "127.0.0.1 localhost\n",
    # What is alive comes last, where the rules of RFC 6724 would put it first.
    "gai.conf": (
        f"precedence ::ffff:{SILENT_NETWORK}.0/120 100\n"
        f"precedence ::ffff:{REFUSING_NETWORK}.0/120 100\n"
        "precedence ::ffff:0:0/96 10\n"
    ),
}


def isolated(target: str, seconds: float = 50.0) -> str:
    """What `target`, as "module:function", printed. AssertionError with all of it if it fails."""
    for program in ("unshare", "ip", "dnsmasq"):
        assert _find(program), f"{program} is not installed: 'make test' says how"
    command = [_find("unshare"), "--net", "--mount", "--pid", "--fork", "--kill-child"]
    # Processes have a namespace, too: whatever ends the child ends its name server.
    if os.geteuid() != 0:
        command.append("--map-root-user")
    possible = subprocess.run([*command, "true"], capture_output=True, text=True, check=False)
    assert possible.returncode == 0, (
        "this machine lets us make no network namespace, which tests of names need: run them as "
        f"root, or allow user namespaces ({possible.stderr.strip()})"
    )
    done = subprocess.run(
        [*command, sys.executable, "-W", "error", "-m", __name__, target],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    assert done.returncode == 0, f"{target} failed:\n{done.stdout}\n{done.stderr}"
    return done.stdout


class Network:
    """What there is inside: `add` names; all in `test` that are not added do not exist."""

    def __init__(self, directory: Path) -> None:
        self._names = directory / "names"
        self._names.touch()
        self._sink = socket.socket(type=socket.SOCK_DGRAM)
        self._sink.bind(("127.0.0.1", 0))
        self._process = self._start_name_server(self._sink.getsockname()[1])
        wait_until(self._answers, "dnsmasq to answer")

    def __repr__(self) -> str:
        return f"<Network dnsmasq={self._process.pid}>"

    def set(self, name: str, *addresses: str) -> None:
        """From now on these are the addresses of `name`."""
        lines = self._names.read_text().splitlines()
        kept = [line for line in lines if line.split()[1] != name]
        self._names.write_text("\n".join([*kept, *(f"{one} {name}" for one in addresses)]) + "\n")
        self._process.send_signal(1)  # dnsmasq reads its files again
        wait_until(lambda: _addresses(name) == set(addresses), f"the addresses of {name}")

    def close(self) -> None:
        """End the name server."""
        self._process.terminate()
        self._process.wait(10)
        self._sink.close()

    def _start_name_server(self, sink_port: int) -> "subprocess.Popen[bytes]":
        command = [_find("dnsmasq"), "--no-daemon", "--conf-file=/dev/null", "--no-resolv"]
        command += ["--no-hosts", f"--addn-hosts={self._names}", "--local=/test/", "--local-ttl=1"]
        command += ["--listen-address=127.0.0.1", "--bind-interfaces", "--pid-file="]
        command += [f"--server=/{SILENT_DOMAIN}/127.0.0.1#{sink_port}", "--dns-forward-max=1000"]
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def _answers(self) -> bool:
        assert self._process.poll() is None, f"dnsmasq ended with {self._process.returncode}"
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", 53)) == 0


def _addresses(name: str) -> set[str]:
    try:
        found = socket.getaddrinfo(name, 1, socket.AF_INET, socket.SOCK_STREAM)
    except socket.gaierror:
        return set()
    return {str(one[4][0]) for one in found}


def _find(program: str) -> str:
    return shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin") or ""


def _run(*command: str) -> None:
    subprocess.run([_find(command[0]), *command[1:]], check=True)


@contextmanager
def _network() -> Iterator[Network]:
    """Set the namespace up around this process."""
    _run("ip", "link", "set", "lo", "up")
    _run("ip", "link", "add", "silence", "type", "veth", "peer", "name", "nobody")
    _run("ip", "address", "add", f"{SILENT_NETWORK}.1/24", "dev", "silence")
    # Without ARP packets go out, to nobody, where they would be answered "unreachable".
    _run("ip", "link", "set", "silence", "arp", "off", "up")
    _run("ip", "link", "set", "nobody", "up")
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        for file, text in RESOLVER_FILES.items():
            if Path("/etc", file).exists():
                (directory / file).write_text(text)
                _run("mount", "--bind", str(directory / file), str(Path("/etc", file).resolve()))
        network = Network(directory)
        try:
            yield network
        finally:
            network.close()


def main(target: str) -> None:
    """The child's whole life."""
    module, _, function = target.partition(":")
    with _network() as network:
        getattr(importlib.import_module(module), function)(network)


if __name__ == "__main__":
    main(sys.argv[1])
