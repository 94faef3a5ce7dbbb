"""`python -m acurl` as a process: what it prints, and how it ends."""

import json
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import acurl
from tests.servers.certificates import Certificates
from tests.servers.nginx import Nginx
from tests.servers.proxy import Proxy
from tests.servers.raw import Connection, RawServer

COMMAND = [sys.executable, "-m", "acurl"]
REPOSITORY = Path(__file__).parents[2]
PHASES = ("namelookup", "connect", "appconnect", "pretransfer", "starttransfer", "total")

RawServerFactory = Callable[..., RawServer]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )


def answer(*arguments: str) -> list[str]:
    """Lines printed about an answer."""
    done = run(*arguments)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


def document(*arguments: str) -> dict[str, Any]:
    """What --json prints about an answer."""
    done = run("--json", *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def complaint(code: int, *arguments: str) -> str:
    """The one sentence of a run that ends with `code` and prints nothing else."""
    done = run(*arguments)
    assert done.returncode == code, done
    assert done.stdout == ""
    last = done.stderr.splitlines()[-1]
    assert code == 2 or done.stderr == f"{last}\n"
    assert "Traceback" not in done.stderr
    return last


def test_shows_the_response_line_headers_phases_and_libcurl(nginx: Nginx) -> None:
    lines = answer(f"{nginx.http}/small")
    assert lines[0] == "HTTP/1.1 200 OK"
    assert "content-length: 17" in [line.lower() for line in lines]
    assert lines[lines.index("") + 1] == "17 bytes of body from 127.0.0.1"
    timed = [line.rsplit(maxsplit=2)[0].strip() for line in lines if line.endswith(" ms")]
    assert timed == ["name resolved", "connected", "ready to send", "first byte", "last byte"]
    assert "time since the start" in lines
    assert re.search(r"^  TLS agreed +-$", "\n".join(lines), re.MULTILINE)
    assert lines[-1] == f"libcurl {acurl.libcurl_version()}"


def test_speaks_http2_under_a_ca_of_ones_own(nginx: Nginx) -> None:
    lines = answer("--cacert", str(nginx.ca_file), f"{nginx.https}/small")
    assert lines[0] == "HTTP/2 200"
    assert any(line.startswith("  TLS agreed ") and line.endswith(" ms") for line in lines)


def test_speaks_the_version_asked_for(nginx: Nginx) -> None:
    trusted = ["--cacert", str(nginx.ca_file)]
    assert document(*trusted, "--http-version=1.1", f"{nginx.https}/small")["http_version"] == "1.1"
    assert document(*trusted, "--http-version=2", f"{nginx.https}/small")["http_version"] == "2"
    in_clear = document("--http-version=2-prior-knowledge", f"{nginx.h2c}/small")
    assert in_clear["http_version"] == "2"


def test_says_where_to_connect(nginx: Nginx) -> None:
    trusted = ["--cacert", str(nginx.ca_file)]
    port = nginx.https.rpartition(":")[2]
    resolved = document(
        *trusted, f"--resolve=localhost:{port}=127.0.0.1", f"https://localhost:{port}/small"
    )
    assert (resolved["primary_ip"], resolved["status"]) == ("127.0.0.1", 200)
    led = document(*trusted, f"--connect-to=localhost:443=127.0.0.1:{port}", "https://localhost/")
    assert led["url"] == "https://localhost/"
    assert "unix:///nowhere" in complaint(1, "--unix-socket=/nowhere", "http://localhost/")


def test_goes_through_a_proxy(nginx: Nginx) -> None:
    with Proxy("ada:lovelace") as proxy:
        options = [f"--proxy=http://ada:lovelace@{proxy.address}", f"{nginx.http}/small"]
        assert document(*options)["status"] == 200
        assert proxy.log == [f"GET {nginx.http}/small"]


def test_insecure_accepts_any_certificate(nginx: Nginx) -> None:
    assert answer("--insecure", f"{nginx.expired}/small")[0] == "HTTP/2 200"


def test_json_has_everything_for_machines(nginx: Nginx) -> None:
    url = f"{nginx.https}/status/404?main-json"
    found = document("--cacert", str(nginx.ca_file), url)
    assert found["url"] == url
    assert (found["status"], found["http_version"], found["body_bytes"]) == (404, "2", 4)
    assert found["primary_ip"] == "127.0.0.1"
    assert found["libcurl"] == acurl.libcurl_version()
    assert "content-type" in [name.lower() for name, _ in found["headers"]]
    times = [found["times"][phase] for phase in PHASES]
    assert times == sorted(times)
    assert 0 < times[-1] < 10


def test_a_redirect_is_shown_not_followed(nginx: Nginx) -> None:
    lines = answer(f"{nginx.http}/redirect/302?main-redirect")
    assert lines[0].startswith("HTTP/1.1 302")
    assert any(line.lower().startswith("location: ") for line in lines)


def test_sends_method_headers_and_data_as_given(raw_server: RawServerFactory) -> None:
    seen: list[bytes] = []

    def script(connection: Connection) -> None:
        seen.append(connection.read_head())
        seen.append(connection.read_exactly(7))
        connection.respond()

    url = raw_server(script).url
    options = ["-X", "put", "-H", "X-One: 1", "-H", "X-Two: b: c", "-d", '{"a":1}']
    answer(*options, f"{url}/here?a=b")
    head, body = seen
    lines = head.decode().split("\r\n")
    assert lines[0] == "PUT /here?a=b HTTP/1.1"
    assert "X-One: 1" in lines
    assert "X-Two: b: c" in lines
    assert body == b'{"a":1}'


@pytest.mark.parametrize(("options", "method"), [([], "GET"), (["-d", "x"], "POST")])
def test_data_makes_it_a_post(nginx: Nginx, options: list[str], method: str) -> None:
    mark = f"main-method-{method}"
    answer(*options, f"{nginx.http}/sink?{mark}")
    assert [request.method for request in nginx.wait_requests(mark, 1)] == [method]


def test_a_dead_server_is_one_sentence() -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{held.getsockname()[1]}/"
        said = complaint(1, url)
        assert said.startswith("python -m acurl: curl failed with code 7")
        done = run("--json", url)
    assert done.returncode == 1
    told = json.loads(done.stdout)
    assert (told["kind"], told["code"], told["url"]) == ("ConnectError", 7, url)
    assert f"python -m acurl: {told['error']}\n" == done.stderr


def test_a_refused_certificate_is_one_sentence(
    nginx: Nginx, certificates: Certificates, tmp_path: Path
) -> None:
    assert "certificate" in complaint(1, f"{nginx.https}/small")
    trusted = ["--cacert", str(certificates.ca_file)]
    assert "code 60" in complaint(1, *trusted, f"{nginx.expired}/small")
    assert "code 60" in complaint(1, *trusted, f"{nginx.wrong_host}/small")
    empty = tmp_path / "empty.pem"
    empty.touch()
    assert "code 77" in complaint(1, "--cacert", str(empty), f"{nginx.https}/small")


def test_a_server_that_hangs_up_is_one_sentence(raw_server: RawServerFactory) -> None:
    url = raw_server(lambda connection: None).url
    assert complaint(1, url).startswith("python -m acurl: curl failed with code ")


def test_an_interrupt_ends_it_without_a_traceback(raw_server: RawServerFactory) -> None:
    server = raw_server(lambda connection: connection.read_until_closed())
    # A shell that runs the tests in the background has SIGINT ignored, and children inherit that.
    process = subprocess.Popen(
        ["env", "--default-signal=INT", *COMMAND, server.url],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    server.wait_accepted(1)
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=10) == (b"", b"")
    assert process.returncode == 130


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "the following arguments are required: URL"),
        (["ftp://127.0.0.1/"], "ftp"),
        (["not a url"], "not a url"),
        (["-H", "no-colon", "http://127.0.0.1/"], "'no-colon' is not a header"),
        (["-X", "GE T", "http://127.0.0.1/"], "'GE T' is not a method"),
        (["--cacert", "/no/such.pem", "http://127.0.0.1/"], "there is no file '/no/such.pem'"),
        (["--http-version", "4", "http://127.0.0.1/"], "invalid choice: '4'"),
        (["--insecure", "--cacert", "setup.cfg", "http://127.0.0.1/"], "not allowed with"),
        (["--http-version=3", "http://127.0.0.1/"], "http_version='3' needs https://"),
        (["--resolve", "a:80", "http://127.0.0.1/"], "'a:80' has no '=' between"),
        (["--resolve", "a:80=b", "http://127.0.0.1/"], "resolve: 'b' must be an IP address"),
        (["--proxy", "a:b@c:1", "http://127.0.0.1/"], "proxy='***@c:1': must begin with one of"),
        (["--nonsense", "http://127.0.0.1/"], "unrecognized arguments: --nonsense"),
    ],
)
def test_a_usage_error_names_what_is_wrong(arguments: list[str], sentence: str) -> None:
    assert sentence in complaint(2, *arguments)


def test_help_teaches() -> None:
    lines = answer("--help")
    text = "\n".join(lines)
    for option in (
        "-X",
        "-H",
        "-d",
        "--http-version",
        "--insecure",
        "--cacert",
        "--proxy",
        "--resolve",
    ):
        assert option in text
    assert "examples:" in lines
    assert "exit code 0" in text
