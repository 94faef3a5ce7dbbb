"""The server that misbehaves on purpose does nothing else wrong."""

import socket
import ssl

import pytest

from tests.conftest import RawServerFactory
from tests.servers.certificates import Certificates
from tests.servers.raw import Connection


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=5)


def test_script_answers_each_request_on_a_connection(raw_server: RawServerFactory) -> None:
    def script(connection: Connection) -> None:
        while head := connection.read_head():
            connection.respond(head.split()[1], "200 OK", "X-Number: 1")

    server = raw_server(script)
    with connect(server.port) as client:
        client.sendall(b"GET /first HTTP/1.1\r\n\r\nGET /second HTTP/1.1\r\n\r\n")
        received = b""
        while not received.endswith(b"/second"):
            received += client.recv(65536)
    assert received.count(b"X-Number: 1\r\n") == 2
    assert server.accepted == 1


def test_reset_reaches_the_client(raw_server: RawServerFactory) -> None:
    def script(connection: Connection) -> None:
        connection.read_head()
        connection.reset()

    with connect(raw_server(script).port) as client:
        client.sendall(b"GET / HTTP/1.1\r\n\r\n")
        with pytest.raises(ConnectionResetError):
            client.recv(1)


def test_tls(raw_server: RawServerFactory, certificates: Certificates) -> None:
    server = raw_server(lambda connection: connection.send(b"hi"), certificates.good)
    context = ssl.create_default_context(cafile=certificates.ca_file)
    with (
        connect(server.port) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as tls,
    ):
        assert tls.recv(2) == b"hi"


def test_closing_ends_a_script_that_waits_for_ever(raw_server: RawServerFactory) -> None:
    server = raw_server(lambda connection: connection.read_until_closed() and None)
    with connect(server.port):
        server.wait_accepted(1)
        server.close()
    assert server.failures == []
