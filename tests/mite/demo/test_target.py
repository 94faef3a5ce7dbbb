"""The target's life as a process: what it says, leaves and takes away again."""

import json
import signal
import socket
import subprocess
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from mite.exitcodes import ExitCode
from tests.servers.conditions import wait_until
from tests.servers.target import COMMAND, REPOSITORY, Target

REFUSED = ExitCode.CONFIGURATION


def refusal(*options: str) -> str:
    """What the target says on standard error when it does not start; one line."""
    command = [*COMMAND, *options]
    done = subprocess.run(
        command, cwd=REPOSITORY, capture_output=True, text=True, check=False, timeout=20
    )
    assert done.returncode == REFUSED
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    return done.stderr


def can_connect(url: str) -> bool:
    place = urlsplit(url)
    try:
        socket.create_connection((place.hostname, place.port), 1).close()
    except OSError:
        return False
    return True


def children(pid: int) -> str:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text()


def test_says_where_it_is_and_how_to_trust_it(tmp_path: Path) -> None:
    with Target(tmp_path) as target:
        said = target.output()
        for word in (target.http, target.https, f"SSL_CERT_FILE={target.ca_file}", "/stats"):
            assert word in said
        assert set(json.loads(target.ready_file.read_text())) == {"urls", "ca_file", "pid"}
        assert sorted(path.name for path in tmp_path.iterdir()) == [
            "ready.json",
            "target.err",
            "target.out",
        ]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_leaves_nothing_behind(tmp_path: Path, number: signal.Signals) -> None:
    target = Target(tmp_path)
    assert children(target.process.pid) == ""
    assert Path(target.ca_file).exists()
    assert target.stop(number) == 0
    assert target.errors() == ""
    assert not Path(target.ca_file).parent.exists()
    assert not target.ready_file.exists()
    assert not can_connect(target.http)
    assert not can_connect(target.https)


def test_stops_within_two_seconds_whatever_is_under_way(tmp_path: Path) -> None:
    target = Target(tmp_path)
    base = ["curl", "-s", "--cacert", target.ca_file, "-o", "/dev/null"]
    slow = ["--limit-rate", "10k"]
    commands = [[*base, f"{url}/delay/60000"] for url in (target.http, target.https)]
    commands += [[*base, *slow, f"{url}/bytes/100000000"] for url in (target.http, target.https)]
    clients = [subprocess.Popen(command) for command in commands]
    wait_until(lambda: target.stats()["total"] == len(clients), "the requests to arrive")
    began = time.monotonic()
    code = target.stop(signal.SIGTERM)
    took = time.monotonic() - began
    for client in clients:
        client.kill()
        client.wait()
    assert (code, target.errors()) == (0, "")
    assert took < 2


def test_a_certificate_directory_is_used_and_kept(tmp_path: Path) -> None:
    kept = tmp_path / "kept here"
    with Target(tmp_path, f"--cert-dir={kept}") as target:
        assert target.ca_file == str(kept / "ca.pem")
        assert f"SSL_CERT_FILE='{kept}/ca.pem'" in target.output()
    assert sorted(path.name for path in kept.iterdir()) == ["ca.pem", "server.key", "server.pem"]


def test_listens_on_loopback_only_unless_told(tmp_path: Path) -> None:
    with Target(tmp_path, "--host=127.0.0.9") as target:
        place = urlsplit(target.http)
        assert place.hostname == "127.0.0.9"
        assert not can_connect(f"http://127.0.0.1:{place.port}")
        assert target.stats()["total"] == 0


def test_a_busy_port_is_named(tmp_path: Path) -> None:
    with Target(tmp_path) as target:
        for option, other, url in (
            ("--port", "--tls-port", target.http),
            ("--tls-port", "--port", target.https),
        ):
            port = urlsplit(url).port
            said = refusal(f"{option}={port}", f"{other}=0")
            expected = f"cannot serve on 127.0.0.1 port {port}: Address already in use; "
            advice = f"choose another {option}, or 0 for any free one\n"
            assert said == f"mite demo-target: {expected}{advice}"


def test_a_bad_option_is_one_sentence(tmp_path: Path) -> None:
    assert refusal("--port=http").startswith("mite demo-target: --port is 'http': ")
    assert "is no address of this machine" in refusal("--host=no.such.host.invalid")
    assert "cannot be made a directory" in refusal("--cert-dir=/dev/null/x")
    assert "must name a file" in refusal(f"--ready-file={tmp_path}/no/such/file")
