"""Words of the command line that make sense, and those that do not."""

from pathlib import Path

import pytest

from mite.demo.errors import TargetError
from mite.demo.options import parse


def test_nothing_said_is_loopback_and_the_usual_ports() -> None:
    options = parse({})
    assert (options.host, options.address) == ("127.0.0.1", "127.0.0.1")
    assert (options.port, options.tls_port) == (8080, 8443)
    assert options.cert_dir is None
    assert options.ready_file is None


def test_everything_said_is_heard(tmp_path: Path) -> None:
    said = {
        "--host": "localhost",
        "--port": "0",
        "--tls-port": "0",
        "--cert-dir": str(tmp_path / "made" / "here"),
        "--ready-file": str(tmp_path / "ready.json"),
    }
    options = parse(said)
    assert (options.host, options.address) == ("localhost", "127.0.0.1")
    assert (options.port, options.tls_port) == (0, 0)
    assert options.cert_dir == tmp_path / "made" / "here"
    assert options.cert_dir.is_dir()
    assert options.ready_file == tmp_path / "ready.json"


@pytest.mark.parametrize("port", ["x", "-1", "65536", "1e3", "", "\u0664", "999999"])
def test_a_bad_port_is_named_with_what_is_allowed(port: str) -> None:
    with pytest.raises(TargetError) as caught:
        parse({"--tls-port": port})
    expected = f"--tls-port is {port!r}: it must be a port from 1 to 65535, or 0 for any free one"
    assert str(caught.value) == expected


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ({"--port": "8443"}, "--port and --tls-port are both 8443"),
        ({"--host": "no.such.host.invalid"}, "--host is 'no.such.host.invalid'"),
        ({"--cert-dir": "/dev/null/x"}, "--cert-dir is '/dev/null/x'"),
        ({"--ready-file": "/dev"}, "--ready-file is '/dev'"),
        ({"--ready-file": "/dev/null"}, "--ready-file is '/dev/null'"),
        ({"--ready-file": "x" * 300}, "--ready-file is 'xxx"),
        ({"--ready-file": "/no/such/place/file"}, "--ready-file is '/no/such/place/file'"),
    ],
)
def test_what_cannot_be_is_refused_by_name(said: dict[str, str], sentence: str) -> None:
    with pytest.raises(TargetError) as caught:
        parse(said)
    assert str(caught.value).startswith(sentence)
