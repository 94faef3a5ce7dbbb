"""What runs in a namespace sees nothing of the machine's network, and its failure is told."""

import socket
from pathlib import Path

import pytest

from tests.servers.namespace import SILENT_NETWORK, Network, isolated


def look_around(network: Network) -> None:
    assert "nameserver 127.0.0.1" in Path("/etc/resolv.conf").read_text()
    with pytest.raises(socket.gaierror):
        socket.getaddrinfo("nowhere.test", 80)
    network.set("here.test", "127.0.0.1", f"{SILENT_NETWORK}.2")
    found = {one[4][0] for one in socket.getaddrinfo("here.test", 80, socket.AF_INET)}
    assert found == {"127.0.0.1", f"{SILENT_NETWORK}.2"}
    assert {name for _, name in socket.if_nameindex()} == {"lo", "silence", "nobody"}
    with socket.socket() as client:  # nobody answers, and nobody says so
        client.settimeout(0.1)
        with pytest.raises(TimeoutError):
            client.connect((f"{SILENT_NETWORK}.2", 80))
    print("seen")


def fail(_network: Network) -> None:
    raise ValueError("on purpose")


def test_a_world_of_its_own() -> None:
    before = Path("/etc/resolv.conf").read_bytes()
    assert isolated("tests.servers.test_namespace:look_around") == "seen\n"
    assert Path("/etc/resolv.conf").read_bytes() == before
    assert "silence" not in {name for _, name in socket.if_nameindex()}


def test_failures_are_told() -> None:
    with pytest.raises(AssertionError, match="ValueError: on purpose"):
        isolated("tests.servers.test_namespace:fail")
