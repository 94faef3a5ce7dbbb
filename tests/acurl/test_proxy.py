"""Proxies: HTTP, HTTPS and SOCKS, named in options or by the environment."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

import acurl
from tests.acurl.conftest import RunWrapper
from tests.acurl.echo import Echo, headers_of
from tests.servers.caddy import Caddy
from tests.servers.certificates import Certificate, Certificates
from tests.servers.nginx import Nginx
from tests.servers.proxy import Proxy

ProxyFactory = Callable[..., Proxy]


@pytest.fixture
def proxy_server() -> Iterator[ProxyFactory]:
    """Makes proxies: proxy_server(login, certificate)."""
    with ExitStack() as stack:
        servers: list[Proxy] = []

        def start(login: str | None = None, certificate: Certificate | None = None) -> Proxy:
            servers.append(stack.enter_context(Proxy(login, certificate)))
            return servers[-1]

        yield start
    assert [server.failures for server in servers if server.failures] == []


@pytest.fixture(scope="module")
def caddy(tmp_path_factory: pytest.TempPathFactory, certificates: Certificates) -> Iterator[Caddy]:
    """A server that speaks HTTP/3."""
    server = Caddy(tmp_path_factory.mktemp("caddy"), certificates)
    yield server
    server.close()


def fetch(run_wrapper: RunWrapper, url: str, **options: Any) -> Any:
    """The answer to one GET by a session of these options."""

    async def body(wrapper: acurl.CurlWrapper) -> Any:
        return await wrapper.session(**options).get(url)

    return run_wrapper(body)


def test_an_http_proxy_forwards(
    run_wrapper: RunWrapper, echo: Echo, proxy_server: ProxyFactory
) -> None:
    proxy = proxy_server()
    url = f"http://named.test:{echo.port}/here"
    response = fetch(run_wrapper, url, proxy=f"http://{proxy.address}")
    assert response.status_code == 200
    assert proxy.log == [f"GET {url}"]
    assert ("host", f"named.test:{echo.port}") in headers_of(echo.last())


def test_https_goes_through_a_tunnel(
    run_wrapper: RunWrapper, nginx: Nginx, proxy_server: ProxyFactory
) -> None:
    proxy = proxy_server()
    options = {"proxy": f"http://{proxy.address}", "verify": str(nginx.ca_file)}
    response = fetch(run_wrapper, f"{nginx.https}/small", **options)
    assert (response.status_code, response.http_version) == (200, "2")
    assert "200 Go" not in response.header
    assert proxy.log == [f"CONNECT {nginx.https.removeprefix('https://')}"]


def test_a_proxys_own_certificate_is_verified(
    run_wrapper: RunWrapper, echo: Echo, certificates: Certificates, proxy_server: ProxyFactory
) -> None:
    proxy = proxy_server(None, certificates.good)
    options: dict[str, Any] = {"proxy": f"https://{proxy.address}"}
    with pytest.raises(acurl.TLSError, match="certificate"):
        fetch(run_wrapper, echo.url, **options)
    assert proxy.log == []
    trusting: list[bool | str] = [False, str(certificates.ca_file)]
    for verify in trusting:
        assert fetch(run_wrapper, echo.url, **options, verify=verify).status_code == 200
    assert proxy.log == [f"GET {echo.url}/"] * 2


def test_a_proxys_certificate_must_be_its_own(
    run_wrapper: RunWrapper, echo: Echo, certificates: Certificates, proxy_server: ProxyFactory
) -> None:
    proxy = proxy_server(None, certificates.wrong_host)
    options: dict[str, Any] = {"proxy": f"https://{proxy.address}"}
    with pytest.raises(acurl.TLSError, match=r"127\.0\.0\.1"):
        fetch(run_wrapper, echo.url, **options, verify=str(certificates.ca_file))
    assert fetch(run_wrapper, echo.url, **options, verify=False).status_code == 200


@pytest.mark.parametrize(
    ("scheme", "seen"),
    [
        ("socks4", "SOCKS4 127.0.0.1"),
        ("socks4a", "SOCKS4 localhost"),
        ("socks5", "SOCKS5 127.0.0.1"),
        ("socks5h", "SOCKS5 localhost"),
    ],
)
def test_socks(
    run_wrapper: RunWrapper, echo: Echo, proxy_server: ProxyFactory, scheme: str, seen: str
) -> None:
    proxy = proxy_server()
    url = echo.url.replace("127.0.0.1", "localhost")
    options = {"proxy": f"{scheme}://{proxy.address}"}
    if scheme == "socks5":  # libcurl's first address of localhost may be ::1
        options["resolve"] = {f"localhost:{echo.port}": "127.0.0.1"}  # type: ignore[assignment]
    assert fetch(run_wrapper, url, **options).status_code == 200
    assert proxy.log == [f"{seen}:{echo.port}"]


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_http3_goes_over_udp(
    run_wrapper: RunWrapper,
    certificates: Certificates,
    caddy: Caddy,
    proxy_server: ProxyFactory,
    scheme: str,
) -> None:
    proxy = proxy_server("ada:lovelace", certificates.good if scheme == "https" else None)
    options = {
        "proxy": f"{scheme}://ada:lovelace@{proxy.address}",
        "verify": str(certificates.ca_file),
        "http_version": "3",
    }
    assert fetch(run_wrapper, caddy.https, **options).text == "HTTP/3.0\n"
    assert proxy.log == [f"UDP {caddy.https.removeprefix('https://')}"]


@pytest.mark.parametrize("scheme", ["http", "socks5h"])
def test_a_proxys_login(
    run_wrapper: RunWrapper, echo: Echo, nginx: Nginx, proxy_server: ProxyFactory, scheme: str
) -> None:
    proxy = proxy_server("ada:se cret")
    good = f"{scheme}://ada:se%20cret@{proxy.address}"
    assert fetch(run_wrapper, echo.url, proxy=good).status_code == 200
    https = fetch(run_wrapper, f"{nginx.https}/small", proxy=good, verify=False)
    assert https.status_code == 200
    assert set(proxy.logins) == {"ada:se cret"}
    assert b"Proxy-Auth" not in echo.last() or scheme == "http"


def test_a_proxys_refusal_shows_no_password(
    run_wrapper: RunWrapper, nginx: Nginx, proxy_server: ProxyFactory
) -> None:
    proxy = proxy_server("ada:lovelace")
    options = {"proxy": f"http://ada:wrongword@{proxy.address}", "verify": False}
    with pytest.raises(acurl.AcurlError, match="407") as caught:
        fetch(run_wrapper, f"{nginx.https}/small", **options)
    assert "wrongword" not in str(caught.value)
    plain = fetch(run_wrapper, f"{nginx.http}/small", **options)
    assert plain.status_code == 407
    assert set(proxy.logins) == {"ada:wrongword"}
    assert proxy.log == []


@pytest.mark.parametrize("scheme", ["http", "https", "socks4", "socks5h"])
def test_a_dead_proxy_is_named_without_its_password(
    run_wrapper: RunWrapper, nginx: Nginx, scheme: str
) -> None:
    proxy = f"{scheme}://ada:lovelace@127.0.0.1:1"
    with pytest.raises(acurl.ConnectError, match=r"proxy 127\.0\.0\.1") as caught:
        fetch(run_wrapper, f"{nginx.http}/small", proxy=proxy)
    assert "lovelace" not in str(caught.value)


@pytest.mark.parametrize("scheme", ["http", "socks5h"])
def test_who_one_is_to_a_proxy_is_not_shared(
    run_wrapper: RunWrapper, nginx: Nginx, proxy_server: ProxyFactory, scheme: str
) -> None:
    proxy = proxy_server()
    logins = ["ada:1", "bob:2", "ada:1", "bob:2"]

    async def body(wrapper: acurl.CurlWrapper) -> None:
        for login in logins:
            session = wrapper.session(proxy=f"{scheme}://{login}@{proxy.address}", verify=False)
            assert (await session.get(f"{nginx.https}/small")).status_code == 200
        assert proxy.logins == logins[:2]
        await wrapper.session(verify=False).get(f"{nginx.https}/small")
        assert len(proxy.log) == 2

    run_wrapper(body)


def test_one_request_may_go_through_a_proxy(
    run_wrapper: RunWrapper, echo: Echo, proxy_server: ProxyFactory
) -> None:
    proxy = proxy_server()

    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session()
        await session.get(echo.url)
        options: Any = {"proxy": f"http://{proxy.address}"}
        await session.get(f"{echo.url}/through", **options)
        assert (await session.get(echo.url)).reused

    run_wrapper(body)
    assert proxy.log == [f"GET {echo.url}/through"]


@pytest.mark.parametrize("variable", ["http_proxy", "all_proxy", "ALL_PROXY"])
def test_the_environments_proxy(
    run_wrapper: RunWrapper,
    echo: Echo,
    proxy_server: ProxyFactory,
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
) -> None:
    proxy = proxy_server()
    monkeypatch.setenv(variable, f"http://ada:lovelace@{proxy.address}")
    assert fetch(run_wrapper, f"{echo.url}/1").status_code == 200
    assert (proxy.log, proxy.logins) == ([f"GET {echo.url}/1"], ["ada:lovelace"])
    for options in ({"trust_env": False}, {"proxy": ""}, {"unix_socket": "/nowhere"}):
        if "unix_socket" in options:
            with pytest.raises(acurl.ConnectError, match="unix:///nowhere"):
                fetch(run_wrapper, f"{echo.url}/2", **options)
        else:
            assert fetch(run_wrapper, f"{echo.url}/2", **options).status_code == 200
    assert len(proxy.log) == 1


def test_a_wrapper_may_leave_the_environment_alone(
    run_wrapper: RunWrapper, echo: Echo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")

    async def body(wrapper: acurl.CurlWrapper) -> None:
        assert (await wrapper.session().get(echo.url)).status_code == 200
        with pytest.raises(acurl.ConnectError, match=r"proxy 127\.0\.0\.1"):
            await wrapper.session(trust_env=True).get(echo.url)

    run_wrapper(body, trust_env=False)


def test_the_environments_proxy_for_https(
    run_wrapper: RunWrapper,
    nginx: Nginx,
    certificates: Certificates,
    proxy_server: ProxyFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    proxy = proxy_server(None, certificates.good)
    monkeypatch.setenv("HTTPS_PROXY", f"https://{proxy.address}")
    url = f"{nginx.https}/small"
    assert fetch(run_wrapper, url, verify=str(nginx.ca_file)).status_code == 200
    assert proxy.log == [f"CONNECT {nginx.https.removeprefix('https://')}"]


@pytest.mark.parametrize("variable", ["no_proxy", "NO_PROXY"])
@pytest.mark.parametrize("value", ["127.0.0.1", "*", "elsewhere.test, 127.0.0.0/8"])
def test_hosts_that_the_environment_excepts(
    run_wrapper: RunWrapper,
    echo: Echo,
    proxy_server: ProxyFactory,
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
    value: str,
) -> None:
    proxy = proxy_server()
    monkeypatch.setenv("http_proxy", f"http://{proxy.address}")
    monkeypatch.setenv(variable, value)
    assert fetch(run_wrapper, echo.url).status_code == 200
    assert proxy.log == []
    # What was asked for by name has no exceptions.
    assert fetch(run_wrapper, echo.url, proxy=f"http://{proxy.address}").status_code == 200
    assert len(proxy.log) == 1


@pytest.mark.parametrize("addresses", ["127.0.0.1", ["127.0.0.1", "127.0.0.9"]])
def test_addresses_behind_a_proxy(
    run_wrapper: RunWrapper, nginx: Nginx, proxy_server: ProxyFactory, addresses: Any
) -> None:
    proxy = proxy_server()
    port = nginx.https.rpartition(":")[2]
    options = {
        "proxy": f"http://{proxy.address}",
        "verify": str(nginx.ca_file),
        "resolve": {f"localhost:{port}": addresses},
    }
    assert fetch(run_wrapper, f"https://localhost:{port}/small", **options).status_code == 200
    assert proxy.log == [f"CONNECT 127.0.0.1:{port}"]
