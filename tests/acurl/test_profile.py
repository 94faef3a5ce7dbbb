"""HTTP versions and trust in certificates, as the options of a session decide."""

import asyncio
import ssl
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import acurl
from acurl.options import Options
from acurl.profile import Profile
from tests.acurl.conftest import RunWrapper
from tests.acurl.echo import Echo
from tests.conftest import RawServerFactory
from tests.servers.caddy import Caddy
from tests.servers.certificates import Certificates
from tests.servers.nginx import Nginx
from tests.servers.raw import Connection


@pytest.fixture(scope="module")
def caddy(tmp_path_factory: pytest.TempPathFactory, certificates: Certificates) -> Iterator[Caddy]:
    """A server that speaks HTTP/3."""
    server = Caddy(tmp_path_factory.mktemp("caddy"), certificates)
    yield server
    server.close()


def fetch(run_wrapper: RunWrapper, url: str, wrapper_options: Any = None, **options: Any) -> Any:
    """The answer to one GET by a session of these options."""

    async def body(wrapper: acurl.CurlWrapper) -> Any:
        return await wrapper.session(**options).get(url)

    return run_wrapper(body, **(wrapper_options or {}))


def tls_only(certificates: Certificates, *protocols: str) -> Callable[[Connection], None]:
    """A script that speaks HTTP/1.1 over TLS, and says so by ALPN when protocols are given."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.good.chain, certificates.good.key)
    if protocols:
        context.set_alpn_protocols(list(protocols))

    def script(connection: Connection) -> None:
        with context.wrap_socket(connection.sock, server_side=True) as secure:
            connection.sock = secure
            while (head := connection.read_head()) and not head.startswith(b"PRI "):
                connection.respond()
            # To what is no request of theirs, HTTP/1.1 servers answer once and hang up.
            connection.respond(b"", "400 Bad Request", "Connection: close")

    return script


@pytest.mark.parametrize(
    ("version", "origin", "spoken"),
    [
        ("auto", "http", "1.1"),
        ("auto", "https", "2"),
        ("1.1", "http", "1.1"),
        ("1.1", "https", "1.1"),
        ("2", "https", "2"),
        ("2-prior-knowledge", "h2c", "2"),
        ("2-prior-knowledge", "https", "2"),
    ],
)
def test_versions_that_are_spoken(
    run_wrapper: RunWrapper, nginx: Nginx, version: Any, origin: str, spoken: str
) -> None:
    url = f"{getattr(nginx, origin)}/mirror"
    response = fetch(run_wrapper, url, http_version=version, verify=str(nginx.ca_file))
    assert response.http_version == spoken
    assert response.text.splitlines()[1] == {"2": "HTTP/2.0"}.get(spoken, f"HTTP/{spoken}")


def test_auto_falls_back(
    run_wrapper: RunWrapper, raw_server: RawServerFactory, certificates: Certificates
) -> None:
    server = raw_server(tls_only(certificates, "http/1.1"))
    url = server.url.replace("http:", "https:")
    assert fetch(run_wrapper, url, verify=str(certificates.ca_file)).http_version == "1.1"


@pytest.mark.parametrize("protocols", [("http/1.1",), ()])
@pytest.mark.parametrize("version", ["2", "2-prior-knowledge"])
def test_a_server_without_http2_is_refused_in_one_sentence(
    run_wrapper: RunWrapper,
    raw_server: RawServerFactory,
    certificates: Certificates,
    version: Any,
    protocols: tuple[str, ...],
) -> None:
    server = raw_server(tls_only(certificates, *protocols))
    url = server.url.replace("http:", "https:")
    with pytest.raises((acurl.ProtocolError, acurl.TLSError)) as caught:
        fetch(run_wrapper, url, http_version=version, verify=False, timeout=5)
    message = str(caught.value)
    assert message.startswith(f"curl failed with code {caught.value.code}: ")
    assert "HTTP/2" in message
    assert "\n" not in message


def test_prior_knowledge_is_refused_by_an_http1_server(
    run_wrapper: RunWrapper, nginx: Nginx
) -> None:
    with pytest.raises(acurl.ProtocolError, match=r"^curl failed with code "):
        fetch(run_wrapper, f"{nginx.http}/small", http_version="2-prior-knowledge", timeout=5)


def test_version_3(run_wrapper: RunWrapper, caddy: Caddy) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session("3", verify=str(caddy.ca_file))
        answers = [await session.get(f"{caddy.https}/profile-3") for _ in range(2)]
        assert [(a.text, a.http_version, a.reused) for a in answers] == [
            ("HTTP/3.0\n", "3", False),
            ("HTTP/3.0\n", "3", True),
        ]
        # The others' connections are no way to a version that was not asked for.
        assert (await wrapper.session(verify=False).get(caddy.https)).http_version == "2"

    run_wrapper(body)


def test_version_3_verifies_certificates(run_wrapper: RunWrapper, caddy: Caddy) -> None:
    with pytest.raises(acurl.TLSError, match="certificate"):
        fetch(run_wrapper, caddy.https, http_version="3")


def test_version_3_never_falls_back(run_wrapper: RunWrapper, nginx: Nginx) -> None:
    options: dict[str, Any] = {"http_version": "3", "verify": False, "timeout": 5}
    with pytest.raises((acurl.ConnectError, acurl.ConnectTimeout)) as caught:
        fetch(run_wrapper, f"{nginx.https}/small?version-3", **options)
    assert str(caught.value).startswith("curl failed with code ")
    assert nginx.requests("version-3") == []


def test_version_3_is_refused_by_a_libcurl_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    # Its name leads to the function acurl.options().
    monkeypatch.setattr(sys.modules["acurl.options"], "has_http3", lambda: False)
    with pytest.raises(acurl.RequestError) as caught:
        Options(http_version="3")
    version = acurl.libcurl_version()
    assert str(caught.value) == f"http_version='3': libcurl {version} was built without HTTP/3"


@pytest.mark.parametrize("with_options", [False, True])
def test_version_2_is_not_for_http_urls(
    run_wrapper: RunWrapper, nginx: Nginx, with_options: bool
) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session("2")
        options: Any = {"headers": {"A": "1"}} if with_options else {}
        with pytest.raises(acurl.RequestError, match="for http:// use '2-prior-knowledge'"):
            await session.get(f"{nginx.http}/small", **options)

    run_wrapper(body)


def test_a_redirect_to_http_is_refused_under_version_2(
    run_wrapper: RunWrapper, nginx: Nginx
) -> None:
    with pytest.raises(acurl.RequestError, match="for http:// use '2-prior-knowledge'"):
        fetch(run_wrapper, f"{nginx.https}/away", http_version="2", verify=False)


def test_options_of_a_request_win_over_the_sessions(run_wrapper: RunWrapper, nginx: Nginx) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session("1.1")
        url = f"{nginx.https}/small"
        with pytest.raises(acurl.TLSError):
            await session.get(url)
        trusted = await session.get(url, verify=str(nginx.ca_file))
        assert trusted.http_version == "1.1"
        both = await session.get(url, verify=str(nginx.ca_file), http_version="2")
        assert both.http_version == "2"
        with pytest.raises(acurl.TLSError):
            await session.get(url)

    run_wrapper(body)


@pytest.mark.parametrize(
    ("origin", "reason"),
    [("https", "certificate"), ("expired", "expired"), ("wrong_host", "127.0.0.1")],
)
def test_bad_certificates(run_wrapper: RunWrapper, nginx: Nginx, origin: str, reason: str) -> None:
    verify = True if origin == "https" else str(nginx.ca_file)
    with pytest.raises(acurl.TLSError) as caught:
        fetch(run_wrapper, f"{getattr(nginx, origin)}/small", verify=verify)
    assert caught.value.code == 60
    message = str(caught.value)
    assert message.startswith("curl failed with code 60: ")
    assert reason in message
    assert "\n" not in message


@pytest.mark.parametrize("origin", ["https", "expired", "wrong_host"])
def test_verification_can_be_turned_off(run_wrapper: RunWrapper, nginx: Nginx, origin: str) -> None:
    url = f"{getattr(nginx, origin)}/small"
    assert fetch(run_wrapper, url, verify=False).status_code == 200


def test_a_host_is_verified_by_name_too(run_wrapper: RunWrapper, nginx: Nginx) -> None:
    url = nginx.https.replace("127.0.0.1", "localhost") + "/small"
    assert fetch(run_wrapper, url, verify=str(nginx.ca_file)).status_code == 200


def test_a_ca_file_of_another_authority(
    run_wrapper: RunWrapper, nginx: Nginx, certificates: Certificates
) -> None:
    with pytest.raises(acurl.TLSError):
        fetch(run_wrapper, f"{nginx.https}/small", verify=str(certificates.other_ca_file))


def test_a_ca_file_that_is_none(run_wrapper: RunWrapper, nginx: Nginx, tmp_path: Path) -> None:
    nonsense = tmp_path / "ca file.pem"
    nonsense.write_text("no certificate here\n")
    with pytest.raises(acurl.TLSError, match=r"^curl failed with code 77: .*ca file.pem"):
        fetch(run_wrapper, f"{nginx.https}/small", verify=str(nonsense))


def test_the_ca_file_of_the_environment(
    run_wrapper: RunWrapper, nginx: Nginx, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(nginx.ca_file))
    assert fetch(run_wrapper, f"{nginx.https}/small").status_code == 200


def test_a_connection_that_was_not_verified_is_not_trusted_later(
    run_wrapper: RunWrapper, nginx: Nginx
) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        url = f"{nginx.https}/small"
        assert (await wrapper.session(verify=False).get(url)).status_code == 200
        with pytest.raises(acurl.TLSError):
            await wrapper.session().get(url)
        verified = await wrapper.session(verify=str(nginx.ca_file)).get(url)
        again = await wrapper.session(verify=False).get(url)
        assert (verified.connection_id, again.connection_id) == (2, 0)

    run_wrapper(body)


def test_a_client_certificate_stays_with_its_request(
    run_wrapper: RunWrapper, raw_server: RawServerFactory, certificates: Certificates
) -> None:
    seen: list[bool] = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.good.chain, certificates.good.key)
    context.load_verify_locations(certificates.ca_file)
    context.verify_mode = ssl.CERT_OPTIONAL

    def script(connection: Connection) -> None:
        with context.wrap_socket(connection.sock, server_side=True) as secure:
            connection.sock = secure
            while connection.read_head():
                seen.append(bool(secure.getpeercert()))
                connection.respond()

    url = raw_server(script).url.replace("http:", "https:")
    pair = (str(certificates.good.key), str(certificates.good.chain))

    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session("1.1", verify=False)
        for options in ({"cert": pair}, {}, {"cert": pair}, {}):
            await session.get(url, **options)  # type: ignore[arg-type]
        # Of a whole session, where None is as the session has it.
        known = wrapper.session("1.1", verify=False, cert=pair, connections="session")
        await known.get(url)
        await known.get(url, cert=None, timeout=9)
        await session.get(url)

    run_wrapper(body)
    assert seen == [True, False, True, False, True, True, False]


def test_profiles_can_be_dropped_while_requests_run(run_wrapper: RunWrapper, echo: Echo) -> None:
    key = f"named.test:{echo.port}"

    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session()
        for start in range(0, 400, 20):
            # Lists too, which libcurl does not copy; and more than the wrapper keeps.
            options: list[Any] = [
                {"resolve": {key: ["127.0.0.1", f"127.0.1.{number % 200}"]}, "dns_ttl": number}
                for number in range(start, start + 20)
            ]
            requests = (session.get(f"http://{key}/", **option) for option in options)
            answers = await asyncio.gather(*requests)
            assert {answer.primary_ip for answer in answers} == {"127.0.0.1"}

    run_wrapper(body)
    Profile(Options(), tls=True)
