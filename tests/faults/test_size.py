"""Servers that never stop, or send too much: each ends at a cap, and costs no memory."""

import itertools
import json
import subprocess
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

import acurl
from tests.acurl.conftest import RunWrapper
from tests.conftest import RawServerFactory
from tests.faults.bystanders import meet
from tests.servers.raw import Connection, Script

MEBIBYTE = 1 << 20
OK = b"HTTP/1.1 200 OK\r\n"
EMPTY = b"Content-Length: 0\r\n\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
MOST_LINES = 5000
BOMB_SIZE = 64 * MEBIBYTE
RSS_GROWTH = 16 * MEBIBYTE


def endless(start: bytes, piece: bytes) -> Script:
    """Says `start`, then `piece` for ever."""

    def script(connection: Connection) -> None:
        connection.read_head()
        connection.send(start)
        block = piece * (1 + 4000 // len(piece))
        for _ in itertools.count():
            connection.send(block)

    return script


def saying(*parts: bytes) -> Script:
    """Says these bytes, then waits for the client to go."""

    def script(connection: Connection) -> None:
        connection.read_head()
        connection.send(*parts)
        connection.read_until_closed()

    return script


def header_lines(count: int) -> bytes:
    """A head of so many lines, the status line left out, and no body."""
    return OK + b"".join(b"X-%d: y\r\n" % number for number in range(count - 1)) + EMPTY


HEADS: dict[str, Script] = {
    "endless headers": endless(OK, b"X-Endless: yes\r\n"),
    "endless header line": endless(OK + b"X-Endless: ", b"y"),
    "endless status line": endless(b"HTTP/1.1 200 ", b"y"),
    "endless 103": endless(b"", b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n"),
    "endless 100": endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "endless trailers": endless(CHUNKED + b"5\r\nhello\r\n0\r\n", b"X-Endless: yes\r\n"),
    "5,001 lines": saying(header_lines(MOST_LINES + 1)),
    "301 KiB in long lines": saying(OK + (b"X-Long: " + b"y" * 1014 + b"\r\n") * 301 + EMPTY),
}
BODIES: dict[str, Script] = {
    "endless body": endless(OK + b"\r\n", b"y"),
    "endless body of known length": endless(OK + b"Content-Length: %d\r\n\r\n" % 10**12, b"y"),
    "endless chunks": endless(CHUNKED, b"400\r\n" + b"y" * 1024 + b"\r\n"),
}


@pytest.mark.parametrize("fault", HEADS)
def test_heads_end_at_a_cap(
    run_wrapper: RunWrapper, raw_server: RawServerFactory, fault: str
) -> None:
    url = raw_server(HEADS[fault]).url
    limits = acurl.Timeout(None, total=None)
    (error,) = run_wrapper(lambda wrapper: meet(wrapper, url, timeout=limits))
    assert type(error) is acurl.ResponseTooLarge
    assert error.code in (23, 56, 100)
    assert "5,000 header lines, 300 KiB in all" in str(error)


@pytest.mark.parametrize("fault", BODIES)
def test_bodies_end_at_max_response_size(
    run_wrapper: RunWrapper, raw_server: RawServerFactory, fault: str
) -> None:
    url = raw_server(BODIES[fault]).url
    limits = acurl.Timeout(None, total=None)
    (error,) = run_wrapper(
        lambda wrapper: meet(wrapper, url, timeout=limits), max_response_size=MEBIBYTE
    )
    assert (type(error), error.code) == (acurl.ResponseTooLarge, 23)
    assert "the body is larger than max_response_size" in str(error)
    assert "raise max_response_size" in str(error)


def test_five_thousand_lines_are_allowed(
    run_wrapper: RunWrapper, raw_server: RawServerFactory
) -> None:
    url = raw_server(saying(header_lines(MOST_LINES))).url

    async def body(wrapper: acurl.CurlWrapper) -> int:
        return len((await wrapper.session().get(url)).headers_tuple)

    assert run_wrapper(body) == MOST_LINES


def test_a_thousand_cookies_are_no_error_and_do_not_grow(
    run_wrapper: RunWrapper, raw_server: RawServerFactory
) -> None:
    """libcurl keeps the first 50 of an answer, and sends no more than 150 or 8 KiB."""
    cookies = b"".join(b"Set-Cookie: c%d=crumb; Path=/\r\n" % number for number in range(1000))
    heads: list[bytes] = []

    def script(connection: Connection) -> None:
        while head := connection.read_head():
            heads.append(head)
            connection.send(OK + cookies + EMPTY)

    url = raw_server(script).url

    async def body(wrapper: acurl.CurlWrapper) -> dict[str, str]:
        session = wrapper.session()
        for _ in range(5):
            assert (await session.get(url)).status_code == 200
        return session.cookies()

    assert run_wrapper(body) == {f"c{number}": "crumb" for number in range(50)}
    assert {head.count(b"=crumb") for head in heads[1:]} == {50}


def test_exactly_max_response_size_is_allowed(
    run_wrapper: RunWrapper, raw_server: RawServerFactory
) -> None:
    async def body(wrapper: acurl.CurlWrapper, size: int) -> int:
        answer = OK + b"Content-Length: %d\r\n\r\n" % size + bytes(size)
        response = await wrapper.session().get(raw_server(saying(answer)).url)
        return len(response.body)

    size = run_wrapper(lambda wrapper: body(wrapper, MEBIBYTE), max_response_size=MEBIBYTE)
    assert size == MEBIBYTE
    with pytest.raises(acurl.ResponseTooLarge):
        run_wrapper(lambda wrapper: body(wrapper, MEBIBYTE + 1), max_response_size=MEBIBYTE)


# One request in a process of its own: how far its peak of memory rises, and how the request ends.
MEASURE = """
import asyncio, json, re, sys
from pathlib import Path
import acurl

def memory(field):
    status = Path("/proc/self/status").read_text()
    return int(re.search(field + r":\\s+(\\d+) kB", status)[1]) * 1024

async def main(harmless, url):
    with acurl.CurlWrapper(asyncio.get_running_loop(), max_response_size=1 << 20) as wrapper:
        session = wrapper.session(timeout=acurl.Timeout(None, total=60))
        await session.get(harmless)
        Path("/proc/self/clear_refs").write_text("5")  # the peak starts again from here
        before = memory("VmRSS")
        try:
            response = await session.get(url)
            end = f"{len(response.body)} bytes"
        except acurl.AcurlError as error:
            end = type(error).__name__
        return end, memory("VmHWM") - before

print(json.dumps(asyncio.run(main(*sys.argv[1:]))))
"""


def bomb(encoding: str) -> Iterator[bytes]:
    """Zeros at about 1:1000, in pieces."""
    packer = zlib.compressobj(9, wbits=31 if encoding == "gzip" else 15)
    for _ in range(BOMB_SIZE // MEBIBYTE):
        if packed := packer.compress(bytes(MEBIBYTE)):
            yield packed
    yield packer.flush()


@pytest.mark.parametrize("fault", ["gzip", "deflate", "endless body", "endless headers"])
def test_memory_does_not_follow_the_server(raw_server: RawServerFactory, fault: str) -> None:
    script = (BODIES | HEADS).get(fault)
    if script is None:
        packed = list(bomb(fault))
        head = OK + f"Content-Encoding: {fault}\r\n".encode()
        script = saying(head + b"Content-Length: %d\r\n\r\n" % sum(map(len, packed)), *packed)
        assert 900 < BOMB_SIZE / sum(map(len, packed)) < 1100
    harmless = raw_server(lambda connection: (connection.read_head(), connection.respond())[1])
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, harmless.url, raw_server(script).url],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    end, growth = json.loads(done.stdout)
    assert end == "ResponseTooLarge"
    assert growth < RSS_GROWTH, f"{growth / MEBIBYTE:.1f} MiB"
    print(f"{fault}: the peak of memory rose by {growth / 1024:.0f} KiB")
