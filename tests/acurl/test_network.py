"""Where connections go and how: addresses, sockets, interfaces, names."""

import asyncio
import os
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

import acurl
from tests.acurl.conftest import RunWrapper
from tests.acurl.echo import Echo, headers_of
from tests.servers.certificates import Certificates
from tests.servers.local import serving
from tests.servers.raw import RawServer


def fetch(run_wrapper: RunWrapper, url: str, **options: Any) -> Any:
    """The answer to one GET by a session of these options."""

    async def body(wrapper: acurl.CurlWrapper) -> Any:
        return await wrapper.session(**options).get(url)

    return run_wrapper(body)


def named(server: RawServer, name: str = "named.test") -> str:
    """The key of a server under a name that no name server knows."""
    return f"{name}:{server.port}"


@pytest.mark.parametrize("addresses", ["127.0.0.1", ["127.0.0.1"], ["127.0.0.9", "127.0.0.1"]])
def test_a_name_is_resolved_for_its_session_alone(
    run_wrapper: RunWrapper, echo: Echo, addresses: Any
) -> None:
    url = f"http://{named(echo)}/"

    async def body(wrapper: acurl.CurlWrapper) -> None:
        knowing = wrapper.session(resolve={named(echo): addresses})
        assert (await knowing.get(url)).primary_ip == "127.0.0.1"
        assert (await knowing.twin().get(url)).reused
        assert ("host", named(echo)) in headers_of(echo.last())
        with pytest.raises(acurl.ResolveError):
            await wrapper.session().get(url)
        with pytest.raises(acurl.ResolveError):
            await knowing.get(url.replace("named", "other"))
        assert (await knowing.get(echo.url)).primary_ip == "127.0.0.1"

    run_wrapper(body)


def test_sessions_that_resolve_differently_never_mix(run_wrapper: RunWrapper) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        async with serving("127.0.0.2") as second, serving("127.0.0.3", second.port):
            key = f"named.test:{second.port}"
            choices = ("127.0.0.2", "127.0.0.3", ["127.0.0.2", "::1"], ["127.0.0.3", "127.0.0.9"])
            sessions = [wrapper.session(resolve={key: choice}) for choice in choices]
            answers = [await session.get(f"http://{key}/") for session in sessions * 2]
            assert [answer.text for answer in answers] == ["127.0.0.2", "127.0.0.3"] * 4
            assert all(answer.reused for answer in answers[4:])

    run_wrapper(body)


def test_addresses_outlast_what_is_kept_of_names(run_wrapper: RunWrapper, echo: Echo) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        addresses = {named(echo): ["127.0.0.9", "127.0.0.1"]}
        session = wrapper.session(resolve=addresses, dns_ttl=0, connections="request")
        for _ in range(3):
            assert (await session.get(f"http://{named(echo)}/")).status_code == 200

    run_wrapper(body)


def test_a_message_names_the_host_behind_several_addresses(run_wrapper: RunWrapper) -> None:
    resolve = {"named.test:1": ["127.0.0.9", "127.0.0.8"]}
    with pytest.raises(acurl.ConnectError, match=r"named\.test:1 via named\.test\.\w+\.invalid:1"):
        fetch(run_wrapper, "http://named.test:1/", resolve=resolve)


def test_ipv6(run_wrapper: RunWrapper) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        async with serving("::1") as server:
            assert (await wrapper.session().get(f"http://[::1]:{server.port}/")).text == "::1"
            key = f"named.test:{server.port}"
            literal = f"[2001:db8::1]:{server.port}"
            for address in ("::1", "[::1]", ["::1", "127.0.0.9"]):
                session = wrapper.session(resolve={key: address, literal: address})
                assert (await session.get(f"http://{key}/")).primary_ip == "::1"
                assert (await session.get(f"http://{literal}/")).primary_ip == "::1"
            led = wrapper.session(connect_to={"named.test:80": f"[0::1]:{server.port}"})
            assert (await led.get("http://named.test/")).primary_ip == "::1"
            unbracketed = wrapper.session(resolve={"[0::1]:80": "127.0.0.1"})
            with pytest.raises(acurl.ConnectError):
                await unbracketed.get("http://[::1]/")

    run_wrapper(body)


def test_host_name_and_certificate_are_the_urls(
    run_wrapper: RunWrapper, certificates: Certificates
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.good.chain, certificates.good.key)
    names: list[str | None] = []
    context.sni_callback = lambda _sock, name, _context: names.append(name)

    async def body(wrapper: acurl.CurlWrapper) -> None:
        async with serving("127.0.0.2", tls=context) as server:
            trusting: Any = {"verify": str(certificates.ca_file)}
            good, bad = f"localhost:{server.port}", f"named.test:{server.port}"
            for way in (
                {"resolve": {good: "127.0.0.2", bad: "127.0.0.2"}},
                {"resolve": {good: ["127.0.0.2", "::1"], bad: ["127.0.0.2", "::1"]}},
                {"connect_to": {good: f"127.0.0.2:{server.port}", bad: f"127.0.0.2:{server.port}"}},
            ):
                session = wrapper.session(**trusting, **way)
                assert (await session.get(f"https://{good}/")).text == "127.0.0.2"
                with pytest.raises(acurl.TLSError, match=r"named\.test"):
                    await session.get(f"https://{bad}/")
            assert [head.split("\r\n")[1] for head in server.heads] == [f"Host: {good}"] * 3

    run_wrapper(body)
    assert set(names) == {"localhost", "named.test"}


def test_connect_to_leads_elsewhere(run_wrapper: RunWrapper) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        async with serving() as one, serving("127.0.0.2") as other:
            url = f"http://127.0.0.1:{one.port}/"
            led = {f"127.0.0.1:{one.port}": f"127.0.0.2:{other.port}"}
            sessions = [wrapper.session(connect_to=led), wrapper.session()]
            for session, name in zip(sessions * 2, ["127.0.0.2", "127.0.0.1"] * 2, strict=True):
                assert (await session.get(url)).text == name
            assert len(one.peers) == len(other.peers) == 1
            assert other.heads[0].split("\r\n")[1] == f"Host: 127.0.0.1:{one.port}"

    run_wrapper(body)


def test_connect_to_a_name_that_is_resolved(run_wrapper: RunWrapper, echo: Echo) -> None:
    addresses: list[Any] = ["127.0.0.1", ["127.0.0.9", "127.0.0.1"]]
    for address in addresses:
        options = {
            "connect_to": {"Shop.Test:80": named(echo)},
            "resolve": {named(echo): address},
        }
        assert fetch(run_wrapper, "http://shop.test/", **options).status_code == 200
        assert ("host", "shop.test") in headers_of(echo.last())


@pytest.mark.parametrize("interface", ["127.0.0.5", "127.0.0.6"])
def test_a_local_address(run_wrapper: RunWrapper, interface: str) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        async with serving() as server:
            url = f"http://127.0.0.1:{server.port}/"
            for session in (wrapper.session(), wrapper.session(interface=interface)) * 2:
                assert (await session.get(url)).status_code == 200
            assert [peer[0] for peer in server.peers] == ["127.0.0.1", interface]

    run_wrapper(body)


def test_an_interface_by_name(run_wrapper: RunWrapper) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        async with serving("127.0.0.7") as server:
            session = wrapper.session(interface="lo")
            assert (await session.get(f"http://127.0.0.7:{server.port}/")).status_code == 200
            # Without the option the address is that of the server.
            assert server.peers[0][0] == "127.0.0.1"

    run_wrapper(body)


def test_a_unix_socket(run_wrapper: RunWrapper, tmp_path: Path) -> None:
    path = tmp_path / "a socket"

    async def body(wrapper: acurl.CurlWrapper) -> None:
        async with serving(path) as unix, serving() as tcp:
            url = f"http://127.0.0.1:{tcp.port}/"
            sessions = [wrapper.session(unix_socket=str(path)), wrapper.session()] * 2
            answers = [await session.get(url) for session in sessions]
            assert [answer.text for answer in answers] == [str(path), "127.0.0.1"] * 2
            assert [answer.reused for answer in answers] == [False, False, True, True]
            assert len(unix.peers) == len(tcp.peers) == 1
            assert unix.heads[0].split("\r\n")[1] == f"Host: 127.0.0.1:{tcp.port}"

    run_wrapper(body)


def test_a_unix_socket_whose_path_is_no_utf8(
    run_wrapper: RunWrapper, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = "\udcff"

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
        writer.close()

    async def body(wrapper: acurl.CurlWrapper) -> None:
        async with await asyncio.start_unix_server(answer, path):
            response = await wrapper.session().get("http://any.test/", unix_socket=path)
            assert response.primary_ip == response.figures()[-1] == path

    run_wrapper(body)


def test_two_unix_sockets_are_two_servers(run_wrapper: RunWrapper, tmp_path: Path) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        async with serving(tmp_path / "1") as one, serving(tmp_path / "2") as other:
            sessions = [wrapper.session(unix_socket=server.name) for server in (one, other)] * 2
            answers = [await session.get("http://same.test/") for session in sessions]
            assert [answer.text for answer in answers] == [one.name, other.name] * 2

    run_wrapper(body)


def test_tls_over_a_unix_socket(
    run_wrapper: RunWrapper, certificates: Certificates, tmp_path: Path
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.good.chain, certificates.good.key)

    async def body(wrapper: acurl.CurlWrapper) -> None:
        async with serving(tmp_path / "tls", tls=context) as server:
            session = wrapper.session(unix_socket=server.name, verify=str(certificates.ca_file))
            assert (await session.get("https://localhost/")).text == server.name
            with pytest.raises(acurl.TLSError, match=r"elsewhere\.test"):
                await session.get("https://elsewhere.test/")

    run_wrapper(body)


def test_a_unix_socket_that_is_not_there(run_wrapper: RunWrapper, tmp_path: Path) -> None:
    path = tmp_path / "nobody"
    with pytest.raises(acurl.ConnectError, match=f"over unix://{path}"):
        fetch(run_wrapper, "http://127.0.0.1/", unix_socket=str(path))


def client_socket(server_port: int) -> socket.socket:
    """A second descriptor of the one socket of this process that is connected to a port."""
    for path in list(Path("/proc/self/fd").iterdir()):
        try:
            sock = socket.socket(fileno=os.dup(int(path.name)))
        except OSError:
            continue
        try:
            if sock.getpeername()[1] == server_port:
                return sock
        except (OSError, IndexError):
            pass
        sock.close()
    raise AssertionError(f"no socket is connected to port {server_port}")


@pytest.mark.parametrize(
    ("options", "expected"),
    [({}, (0, None, None)), ({"tcp_keepalive": (77, 13)}, (1, 77, 13))],
)
def test_keepalive_probes(
    run_wrapper: RunWrapper, echo: Echo, options: Any, expected: tuple[int, Any, Any]
) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        await wrapper.session(**options).get(echo.url)
        with client_socket(echo.port) as sock:
            is_on = sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
            idle = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE)
            interval = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL)
        assert (is_on, idle if is_on else None, interval if is_on else None) == expected

    run_wrapper(body)


@pytest.fixture
def deaf_port(echo: Echo) -> Iterator[int]:
    """The port of `echo`, on which ::1 takes no connection and refuses none."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.socket(socket.AF_INET6))
        listener.bind(("::1", echo.port))
        listener.listen(0)
        while True:  # until the queue is full, and further ones are dropped
            sock = stack.enter_context(socket.socket(socket.AF_INET6))
            sock.settimeout(0.1)
            try:
                sock.connect(("::1", echo.port))
            except TimeoutError:
                break
        yield echo.port


def test_when_the_next_address_is_tried(run_wrapper: RunWrapper, deaf_port: int) -> None:
    key = f"named.test:{deaf_port}"

    async def body(wrapper: acurl.CurlWrapper) -> None:
        async def connect_time(**options: Any) -> float:
            session = wrapper.session(
                resolve={key: ["::1", "127.0.0.1"]}, connections="request", **options
            )
            response = await session.get(f"http://{key}/")
            assert response.primary_ip == "127.0.0.1"
            return response.connect_time

        assert await connect_time(happy_eyeballs_timeout=0.6) >= 0.55
        assert await connect_time(happy_eyeballs_timeout=0.01) < 0.5

    run_wrapper(body)


# Every name is 127.0.0.1, and whoever asks is written down.
RESOLVER = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdlib.h>
#include <unistd.h>

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                struct addrinfo **found) {
  int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **) =
      dlsym(RTLD_NEXT, "getaddrinfo");
  int log = open(getenv("LOOKUPS"), O_WRONLY | O_APPEND | O_CREAT, 0600);
  if(write(log, "x", 1) < 0)
    abort();
  close(log);
  return real("127.0.0.1", service, hints, found);
}
"""
ASK = """
import asyncio, os, sys
import acurl

async def main(url, ttl, pause, count):
    async with acurl.open_session(dns_ttl=ttl, connections="request") as session:
        for number in range(count):
            await asyncio.sleep(number and pause)
            await session.get(url)

asyncio.run(main(sys.argv[1], *map(eval, sys.argv[2:])))
"""


@pytest.fixture(scope="module")
def resolver(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library that takes the place of the system's resolver, by LD_PRELOAD."""
    directory = tmp_path_factory.mktemp("resolver")
    source, library = directory / "resolver.c", directory / "resolver.so"
    source.write_text(RESOLVER)
    compiler = os.environ.get("CC", "cc")
    subprocess.run(
        [compiler, "-shared", "-fPIC", "-o", str(library), str(source), "-ldl"], check=True
    )
    return library


def lookups(
    url: str, resolver: Path, log: Path, ttl: int | None, count: int = 3, pause: float = 0
) -> int:
    """How often a name is looked up by requests on new connections."""
    environment = os.environ | {"LD_PRELOAD": str(resolver), "LOOKUPS": str(log)}
    arguments = [url, str(ttl), str(pause), str(count)]
    subprocess.run([sys.executable, "-c", ASK, *arguments], env=environment, check=True, timeout=30)
    return len(log.read_bytes())


def test_how_long_a_name_is_known(echo: Echo, resolver: Path, tmp_path: Path) -> None:
    url = f"http://{named(echo)}/"
    once = lookups(url, resolver, tmp_path / "1", ttl=60, count=1)
    assert once >= 1
    assert lookups(url, resolver, tmp_path / "2", ttl=60) == once
    assert lookups(url, resolver, tmp_path / "3", ttl=None) == once
    assert lookups(url, resolver, tmp_path / "4", ttl=0) == 3 * once


@pytest.mark.slow
def test_a_name_is_looked_up_again_in_time(echo: Echo, resolver: Path, tmp_path: Path) -> None:
    url = f"http://{named(echo)}/"
    once = lookups(url, resolver, tmp_path / "1", ttl=None, count=2, pause=2.1)
    assert lookups(url, resolver, tmp_path / "2", ttl=1, count=2, pause=2.1) == 2 * once
