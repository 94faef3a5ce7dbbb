"""The witness is only worth something if it is right itself."""

import ssl
import subprocess
import urllib.error
import urllib.request

import pytest

from tests.servers.nginx import Nginx


def get(url: str, ca_file: str | None = None) -> tuple[int, bytes]:
    """Status and body, by the standard library's client."""
    context = ssl.create_default_context(cafile=ca_file) if ca_file else None
    with urllib.request.urlopen(url, timeout=5, context=context) as answer:  # noqa: S310 - loopback
        return answer.status, answer.read()


def curl(*arguments: str) -> str:
    """Standard output of the curl program."""
    done = subprocess.run(
        ["curl", "--silent", "--show-error", "--max-time", "10", *arguments],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_small_body_is_logged(nginx: Nginx) -> None:
    assert get(f"{nginx.http}/small?nginx-logged") == (200, b"hello from nginx\n")
    (request,) = nginx.wait_requests("nginx-logged", 1)
    assert (request.method, request.status, request.protocol) == ("GET", 200, "HTTP/1.1")
    assert request.nth == 1


def test_large_body_is_one_mebibyte(nginx: Nginx) -> None:
    assert len(get(f"{nginx.http}/large")[1]) == 1 << 20


def test_status_codes(nginx: Nginx) -> None:
    with pytest.raises(urllib.error.HTTPError, match="418") as caught:
        get(f"{nginx.http}/status/418")
    caught.value.close()


def test_good_certificate_is_trusted_by_name_and_address(nginx: Nginx) -> None:
    assert get(f"{nginx.https}/small", str(nginx.ca_file))[0] == 200
    by_name = nginx.https.replace("127.0.0.1", "localhost")
    assert get(f"{by_name}/small", str(nginx.ca_file))[0] == 200


@pytest.mark.parametrize(
    ("origin", "reason"), [("expired", "has expired"), ("wrong_host", "IP address mismatch")]
)
def test_bad_certificates_are_refused(nginx: Nginx, origin: str, reason: str) -> None:
    with pytest.raises(urllib.error.URLError, match=reason):
        get(f"{getattr(nginx, origin)}/small", str(nginx.ca_file))


def test_http2_with_and_without_tls(nginx: Nginx) -> None:
    over_tls = curl("--http2", "--cacert", str(nginx.ca_file), f"{nginx.https}/mirror")
    in_clear = curl("--http2-prior-knowledge", f"{nginx.h2c}/mirror")
    assert over_tls.splitlines()[1] == in_clear.splitlines()[1] == "HTTP/2.0"


def test_mirror_shows_what_was_received(nginx: Nginx) -> None:
    shown = curl(
        "-X", "PATCH", "-H", "X-Test: seen", "-A", "me", "-d", "abc", f"{nginx.http}/mirror"
    )
    assert shown.splitlines() == ["PATCH", "HTTP/1.1", "3", "me", "seen"]


def test_sink_reads_the_whole_body(nginx: Nginx) -> None:
    assert curl("--data-binary", "x" * 100_000, f"{nginx.http}/sink") == "100000\n"


def test_cookies_auth_and_redirects(nginx: Nginx) -> None:
    assert curl("-b", "flavour=rye", f"{nginx.http}/cookie/show") == "flavour=rye\n"
    assert "scope=here" in curl("-i", f"{nginx.http}/cookie/set")
    assert "401" in curl("-i", f"{nginx.http}/auth")
    assert curl("-u", "ada:lovelace", f"{nginx.http}/auth") == "hello from nginx\n"
    assert curl("-L", f"{nginx.http}/chain/3") == "hello from nginx\n"
    assert curl("-L", f"{nginx.http}/redirect/308") == "hello from nginx\n"


def test_short_lived_connections_end_after_ten_requests(nginx: Nginx) -> None:
    curl(*[f"{nginx.short}/small?short-lived"] * 12)
    seen = nginx.wait_requests("short-lived", 12)
    assert [request.nth for request in seen] == [*range(1, 11), 1, 2]
    assert len({request.connection for request in seen}) == 2


def test_counters_count(nginx: Nginx) -> None:
    before = nginx.stub_status()
    curl(f"{nginx.http}/bulk", f"{nginx.http}/bulk")
    after = nginx.stub_status()
    assert (after.requests - before.requests, after.accepts - before.accepts) == (3, 2)


def test_bulk_leaves_no_log_and_nothing_went_wrong(nginx: Nginx) -> None:
    curl(f"{nginx.http}/bulk?unlogged", f"{nginx.http}/small?logged-after-bulk")
    nginx.wait_requests("logged-after-bulk", 1)
    assert nginx.requests("unlogged") == []
    assert "emerg" not in nginx.error_log()
