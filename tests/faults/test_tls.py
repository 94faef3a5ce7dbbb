"""TLS that fails: each reason its own words, nothing sent in clear, and nobody else harmed."""

import re
import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import acurl
from tests.acurl.conftest import RunWrapper
from tests.conftest import RawServerFactory
from tests.faults.bystanders import meet
from tests.servers.certificates import Certificate, Certificates
from tests.servers.raw import Connection, Script

TIMES = 5


class Heads:
    """A script that answers, and keeps what requests it saw."""

    def __init__(self) -> None:
        self.seen: list[bytes] = []

    def __call__(self, connection: Connection) -> None:
        """Serve one connection."""
        while head := connection.read_head():
            self.seen.append(head)
            connection.respond()


def end_in_handshake(connection: Connection) -> None:
    assert connection.sock.recv(65536)[0] == 22, "a TLS handshake"
    connection.sock.shutdown(socket.SHUT_WR)
    connection.read_until_closed()


def reset_in_handshake(connection: Connection) -> None:
    assert connection.sock.recv(65536)[0] == 22, "a TLS handshake"
    connection.reset()


def another_protocol(connection: Connection) -> None:
    connection.send(b"SSH-2.0-OpenSSH_9.2\r\n")
    connection.read_until_closed()


def http_in_clear(connection: Connection) -> None:
    connection.sock.recv(65536)
    connection.respond(b"bad request", "400 Bad Request")
    connection.read_until_closed()


HANDSHAKES: dict[str, tuple[Script, str]] = {
    "end": (end_in_handshake, "the server ended the connection during the TLS handshake"),
    "reset": (reset_in_handshake, "the server ended the connection during the TLS handshake"),
    "another protocol": (another_protocol, "what answers does not speak TLS"),
    "HTTP in clear": (http_in_clear, "what answers does not speak TLS"),
}
CERTIFICATES = {
    "expired": ("the server's certificate has expired", "renew it"),
    "of_tomorrow": ("the server's certificate is not valid yet", "check the clocks"),
    "wrong_host": ("the server's certificate is for another host", "use a name that"),
    "of_a_stranger": ("nobody vouches for the server's certificate", "verify=CA_FILE"),
    "self_signed": ("the server's certificate is signed by itself", "verify=CA_FILE"),
}


def fail(
    run_wrapper: RunWrapper, url: str, certificates: Certificates, **options: Any
) -> acurl.AcurlError:
    """The one error that all requests for `url` end with, beside bystanders."""
    options = {"verify": str(certificates.ca_file), **options}
    errors = run_wrapper(lambda wrapper: meet(wrapper, url, times=TIMES, **options))
    assert len({(type(error), error.code, str(error)) for error in errors}) == 1
    return errors[0]


@pytest.mark.parametrize("fault", HANDSHAKES)
def test_handshakes_that_break(
    run_wrapper: RunWrapper, raw_server: RawServerFactory, certificates: Certificates, fault: str
) -> None:
    script, words = HANDSHAKES[fault]
    url = raw_server(script).url.replace("http:", "https:") + "/path"
    error = fail(run_wrapper, url, certificates)
    assert (type(error), error.code) == (acurl.TLSError, 35)
    assert words in str(error)
    assert "check that this port speaks TLS" in str(error)
    assert error.connect_time > 0
    assert error.appconnect_time == 0


@pytest.mark.parametrize("name", CERTIFICATES)
def test_certificates_that_are_not_trusted(
    run_wrapper: RunWrapper, raw_server: RawServerFactory, certificates: Certificates, name: str
) -> None:
    words, advice = CERTIFICATES[name]
    heads = Heads()
    error = fail(run_wrapper, raw_server(heads, getattr(certificates, name)).url, certificates)
    assert (type(error), error.code) == (acurl.TLSError, 60)
    assert re.search(f"{words}: .*; .*{advice}", str(error))
    assert heads.seen == []


@pytest.mark.parametrize("name", CERTIFICATES)
def test_verify_false_takes_them_all(
    run_wrapper: RunWrapper, raw_server: RawServerFactory, certificates: Certificates, name: str
) -> None:
    url = raw_server(Heads(), getattr(certificates, name)).url

    async def body(wrapper: acurl.CurlWrapper) -> None:
        assert (await wrapper.session(verify=False).get(url)).status_code == 200
        with pytest.raises(acurl.TLSError):  # and the connection that was not verified is not used
            await wrapper.session(verify=str(certificates.ca_file)).get(url)

    run_wrapper(body)


def only_tls_1_0(context: ssl.SSLContext) -> None:
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1"):
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1


def only_an_old_cipher(context: ssl.SSLContext) -> None:
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("AES128-SHA256")


@pytest.mark.parametrize("restrict", [only_tls_1_0, only_an_old_cipher])
def test_servers_of_the_past(
    run_wrapper: RunWrapper,
    raw_server: RawServerFactory,
    certificates: Certificates,
    restrict: Callable[[ssl.SSLContext], None],
) -> None:
    heads = Heads()
    server = raw_server(heads, certificates.good)
    assert server.tls is not None
    restrict(server.tls)
    error = fail(run_wrapper, server.url, certificates)
    assert (type(error), error.code) == (acurl.TLSError, 35)
    assert re.search("refused the TLS handshake|agree on no TLS", str(error))
    assert heads.seen == []


def test_reasons_are_told_apart(
    run_wrapper: RunWrapper, raw_server: RawServerFactory, certificates: Certificates
) -> None:
    """Seven servers, seven sentences: what stands before libcurl's own words."""
    urls = [raw_server(Heads(), getattr(certificates, name)).url for name in CERTIFICATES]
    plain = [raw_server(HANDSHAKES[fault][0]).url for fault in ("end", "another protocol")]
    urls += [url.replace("http:", "https:") for url in plain]
    messages = [str(fail(run_wrapper, url, certificates)) for url in urls]
    assert len({message.split(": ")[1] for message in messages}) == len(messages) == 7


def test_a_certificate_may_be_renewed_while_we_run(
    run_wrapper: RunWrapper, raw_server: RawServerFactory, certificates: Certificates
) -> None:
    """New connections take the new one, resumed sessions of the old one included."""
    server = raw_server(closing_each, certificates.good)

    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session(verify=str(certificates.ca_file), timeout=10)
        assert server.tls is not None
        for certificate in (certificates.renewed, certificates.good, certificates.renewed):
            before = await session.get(server.url)
            server.tls.load_cert_chain(certificate.chain, certificate.key)
            after = await session.get(server.url)
            assert (before.status_code, after.status_code) == (200, 200)
            assert not after.reused

    run_wrapper(body)
    assert server.accepted == 6


def closing_each(connection: Connection) -> None:
    connection.read_head()
    connection.respond(b"ok", "200 OK", "Connection: close")


@pytest.fixture
def nonsense(tmp_path: Path) -> str:
    """A file that is no PEM file."""
    file = tmp_path / "nonsense.pem"
    file.write_text("nonsense\n")
    return str(file)


def pair(key: object, chain: object) -> tuple[str, str]:
    """What the option cert takes."""
    return str(key), str(chain)


def test_files_of_ours_that_cannot_be_used(
    run_wrapper: RunWrapper,
    raw_server: RawServerFactory,
    certificates: Certificates,
    nonsense: str,
) -> None:
    good, heads = certificates.good, Heads()
    url = raw_server(heads, good).url
    for cert, code in (
        (pair(nonsense, good.chain), 43),
        (pair(certificates.renewed.key, good.chain), 43),
        (pair(good.key, nonsense), 58),
    ):
        error = fail(run_wrapper, url, certificates, cert=cert)
        assert (type(error), error.code) == (acurl.TLSError, code)
        assert re.search("the client's (key|certificate) cannot be used", str(error))
        assert "cert=(key file, certificate file)" in str(error)
    error = fail(run_wrapper, url, certificates, verify=nonsense)
    assert (type(error), error.code) == (acurl.TLSError, 77)
    assert "PEM file of CA certificates" in str(error)
    assert heads.seen == []


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_server_that_wants_a_certificate_of_the_client(
    run_wrapper: RunWrapper,
    raw_server: RawServerFactory,
    certificates: Certificates,
    version: ssl.TLSVersion,
) -> None:
    heads = Heads()
    server = raw_server(heads, certificates.good)
    assert server.tls is not None
    server.tls.maximum_version = version
    server.tls.verify_mode = ssl.CERT_REQUIRED
    server.tls.load_verify_locations(certificates.ca_file)
    error = fail(run_wrapper, server.url, certificates)
    assert type(error) is acurl.TLSError
    assert re.search("refused the TLS handshake|wants a certificate of the client", str(error))
    assert heads.seen == []
    mine: Certificate = certificates.renewed

    async def body(wrapper: acurl.CurlWrapper) -> int:
        session = wrapper.session(verify=str(certificates.ca_file), timeout=10)
        return (await session.get(server.url, cert=pair(mine.key, mine.chain))).status_code

    assert run_wrapper(body) == 200
