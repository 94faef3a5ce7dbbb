"""Multipart forms: what arrives, what curl's own command sends for the same, what is refused."""

import io
import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import Message
from email.parser import BytesParser
from pathlib import Path
from typing import Any

import pytest

import acurl
from tests.acurl.conftest import RunWrapper
from tests.acurl.uploads import Upload, Uploads
from tests.conftest import RawServerFactory
from tests.servers.nginx import Nginx
from tests.servers.raw import Connection

NOBODY = 65534
# What is refused does not reach the loop: one kind of loop is enough.
one_loop = pytest.mark.parametrize("run_async", ["uvloop"], indirect=True)


@pytest.fixture
def uploads() -> Iterator[Uploads]:
    """A server that takes bodies of any framing."""
    with Uploads() as server:
        yield server
    assert server.failures == []


def boundary_of(upload: Upload) -> bytes:
    return upload.headers["content-type"].partition("boundary=")[2].encode()


def parts_of(upload: Upload) -> list[tuple[dict[str, str], bytes]]:
    """Headers by name and content of each part."""
    assert upload.headers["content-type"].startswith("multipart/form-data; boundary=")
    before, *parts, after = (b"\r\n" + upload.body).split(b"\r\n--" + boundary_of(upload))
    assert (before, after) == (b"", b"--\r\n")
    found = []
    for part in parts:
        head, _, content = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        lines = (line.partition(": ") for line in head.decode().split("\r\n"))
        found.append(({name.lower(): value for name, _, value in lines}, content))
    return found


def disposition(name: str, filename: str | None = None) -> str:
    return f'form-data; name="{name}"' + (f'; filename="{filename}"' if filename else "")


def test_kinds_of_fields_and_files(
    run_wrapper: RunWrapper, uploads: Uploads, tmp_path: Path
) -> None:
    text, empty = tmp_path / "ä b.txt", tmp_path / "empty"
    text.write_bytes(b"x\0y\r\n--z")
    empty.touch()

    async def body(wrapper: acurl.CurlWrapper) -> None:
        with text.open("rb") as opened:
            response = await wrapper.session().post(
                uploads.url,
                data={"a": "ä", "n": [1, 2.5, True], "b": b"\0\xff", "a2": bytearray(b"x")},
                files=[
                    ("same", b"in memory"),
                    ("same", "tëxt"),
                    ("path", text),
                    ("open", opened),
                    ("none", empty),
                    ("plain", (None, b"field")),
                    ("plain path", (None, text)),
                    ("named", ("other.html", text)),
                    ("typed", ("x", b"1", "image/png")),
                    ("more", ("x", io.BytesIO(b"2"), None, {"X-A": "é", "X-B": ""})),
                    ("proc", Path("/proc/sys/kernel/ostype")),
                ],
            )
        assert response.upload_size == int(uploads.received[-1].headers["content-length"])

    run_wrapper(body)
    content = text.read_bytes()
    (upload,) = uploads.received
    assert not {"expect", "transfer-encoding"} & upload.headers.keys()
    octets = {"content-type": "application/octet-stream"}
    plain = {"content-type": "text/plain"}

    def part(name: str, content: bytes, filename: str | None = None, **headers: str) -> Any:
        return {"content-disposition": disposition(name, filename)} | headers, content

    assert parts_of(upload) == [
        part("a", "ä".encode()),
        part("n", b"1"),
        part("n", b"2.5"),
        part("n", b"True"),
        part("b", b"\0\xff"),
        part("a2", b"x"),
        part("same", b"in memory", "same"),
        part("same", "tëxt".encode(), "same"),
        part("path", content, "ä b.txt", **plain),
        part("open", content, "ä b.txt", **plain),
        part("none", b"", "empty", **octets),
        part("plain", b"field"),
        part("plain path", content),
        part("named", content, "other.html", **{"content-type": "text/html"}),
        part("typed", b"1", "x", **{"content-type": "image/png"}),
        part("more", b"2", "x", **{"x-a": "é", "x-b": ""}),
        part("proc", b"Linux\n", "ostype"),
    ]


ODD_NAMES = ["plain", 'quo"te', "back\\slash", "ünïcode", "a;b", "  blank ", "%22", "\t", "/x/y"]


def test_names_are_sent_as_curl_sends_them(
    run_wrapper: RunWrapper, uploads: Uploads, tmp_path: Path
) -> None:
    content = tmp_path / "content.txt"
    content.write_bytes(b"1")

    async def body(wrapper: acurl.CurlWrapper) -> None:
        for name in ODD_NAMES:
            await wrapper.session().post(uploads.url, files={name: (name, content)})

    run_wrapper(body)
    for name in ODD_NAMES:
        quoted = name.replace("\\", "\\\\").replace('"', '\\"')
        form = f'{name}=@{content};filename="{quoted}"'
        subprocess.run(["curl", "-s", "-F", form, uploads.url], check=True, capture_output=True)
    ours, theirs = uploads.received[: len(ODD_NAMES)], uploads.received[len(ODD_NAMES) :]
    for mine, its in zip(ours, theirs, strict=True):
        assert mine.body.replace(boundary_of(mine), b"?") == its.body.replace(
            boundary_of(its), b"?"
        )


def test_another_parser_reads_it(run_wrapper: RunWrapper, uploads: Uploads) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        many = [(f"field{number}", f"value {number}") for number in range(500)]
        files = {"file": ("x.txt", "text")}
        await wrapper.session().post(uploads.url, data=many, files=files)
        await wrapper.session().post(uploads.url, data=many, files=files)

    run_wrapper(body)
    first, second = uploads.received
    assert boundary_of(first) != boundary_of(second)
    head = b"Content-Type: " + first.headers["content-type"].encode() + b"\r\n\r\n"
    parsed: Message = BytesParser().parsebytes(head + first.body)
    parts: Any = parsed.get_payload()
    assert len(parts) == 501
    assert parts[499].get_payload() == "value 499"
    assert (parts[500].get_filename(), parts[500].get_payload()) == ("x.txt", "text")


@one_loop
@pytest.mark.parametrize("status", [302, 307, 308])
def test_redirects(run_wrapper: RunWrapper, uploads: Uploads, tmp_path: Path, status: int) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * 100_000)

    async def body(wrapper: acurl.CurlWrapper) -> None:
        url = f"{uploads.url}/status/{status}?{uploads.url}/there"
        files = {"path": path, "memory": b"y" * 100_000}
        response = await wrapper.session().post(url, files=files)
        assert len(response.history) == 1

    run_wrapper(body)
    first, second = uploads.received
    contents = [content for _, content in parts_of(first)]
    assert contents == [b"x" * 100_000, b"y" * 100_000]
    if status == 302:
        assert (second.method, second.body) == ("GET", b"")
    else:
        assert [content for _, content in parts_of(second)] == contents


def test_digest_sends_the_form_again(
    run_wrapper: RunWrapper, raw_server: RawServerFactory, tmp_path: Path
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * 2_000_000)
    bodies: list[bytes] = []

    def script(connection: Connection) -> None:
        while head := connection.read_head():
            size = re.search(rb"(?i)\r\ncontent-length: (\d+)", head)
            body = connection.read_exactly(int(size[1]) if size else 0)
            if b"\r\nAuthorization: Digest" not in head:
                challenge = 'WWW-Authenticate: Digest realm="r", nonce="n", qop="auth"'
                connection.respond(b"", "401 Unauthorized", challenge)
                continue
            bodies.append(body)
            connection.respond()

    url = raw_server(script).url

    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session(auth=acurl.Digest("ada", "lovelace"))
        for _ in range(2):
            response = await session.post(url, files={"path": path, "memory": b"y" * 2_000_000})
            assert response.status_code == 200

    run_wrapper(body)
    assert len(bodies) == 2
    for arrived in bodies:
        assert arrived.count(b"x" * 2_000_000 + b"\r\n--") == 1
        assert arrived.count(b"y" * 2_000_000 + b"\r\n--") == 1


def test_a_connection_that_dies_has_the_form_sent_again(
    run_wrapper: RunWrapper, raw_server: RawServerFactory
) -> None:
    def script(connection: Connection) -> None:
        connection.read_head()
        if connection.number == 1:
            connection.respond()
            connection.read_head()
            connection.read_exactly(1000)
            return
        connection.respond(connection.read_exactly(1_000_000)[-10:])

    server = raw_server(script)

    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session()
        await session.get(server.url)
        response = await session.post(server.url, files={"f": b"0123456789" * 100_100})
        assert (response.status_code, server.accepted) == (200, 2)

    run_wrapper(body)


def test_http2(run_wrapper: RunWrapper, nginx: Nginx) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session(verify=str(nginx.ca_file))
        response = await session.post(f"{nginx.https}/sink", files={"f": b"x" * 3_000_000})
        assert response.http_version == "2"
        assert int(response.text) == response.upload_size > 3_000_000

    run_wrapper(body)


@contextmanager
def a_nobody() -> Iterator[None]:
    """Root may read everything."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(user)


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"files": 5}, "files: must be a dict or pairs, not 5"),
    ({"files": ["ab", "cde"]}, r"files: must be a dict or pairs, not \['ab', 'cde'\]"),
    ({"files": {5: b""}}, "files: the name must be a str, not int"),
    ({"files": {"a\r\nb": b""}}, r"files: the name 'a\\r\\nb': must not contain CR, LF or NUL"),
    ({"files": {"a\0b": b""}}, r"files: the name 'a\\x00b': must not contain CR, LF or NUL"),
    ({"files": {"\ud800": b""}}, "files: the name: 'utf-8' codec can't encode"),
    ({"files": {"f": None}}, r"files: 'f': content must be bytes, .* not NoneType"),
    ({"files": {"f": 5}}, r"files: 'f': content must be bytes, str, a Path or .*, not int"),
    ({"files": {"f": "\ud800"}}, "files: 'f': 'utf-8' codec can't encode"),
    ({"files": {"f": (b"x",)}}, r"files: 'f': must be \(filename, content\[, type\[, headers\]\]"),
    ({"files": {"f": (5, b"x")}}, "files: 'f': file name must be a str, not int"),
    ({"files": {"f": ("a\nb", b"")}}, r"files: 'f': file name 'a\\nb': must not contain CR, LF"),
    ({"files": {"f": ("a", b"", 5)}}, "files: 'f': type must be a str, not int"),
    ({"files": {"f": ("a", b"", "a\r\nb: c")}}, r"files: 'f': type 'a\\r\\nb: c': must not"),
    ({"files": {"f": ("a", b"", None, 5)}}, "files: 'f': headers: must be a dict or pairs, not 5"),
    ({"files": {"f": ("a", b"", None, {"a b": ""})}}, "header name 'a b': must have no blank"),
    ({"files": {"f": ("a", b"", None, {"a:": ""})}}, "header name 'a:': must have no blank"),
    ({"files": {"f": ("a", b"", None, {"": ""})}}, "header name '': must have no blank"),
    ({"files": {"f": ("a", b"", None, {"a": "\r\n"})}}, "header a: must not contain CR"),
    ({"files": {"f": ("a", b"", None, {"a": 5})}}, "files: 'f': header a must be a str, not int"),
    ({"files": {"f": Path("/nowhere")}}, "files: 'f': No such file or directory: '/nowhere'"),
    ({"files": {"f": Path("/proc")}}, "files: 'f': '/proc' must be a file, not a directory"),
    ({"files": {"f": Path("/dev/zero")}}, "files: 'f': '/dev/zero' must be a file"),
    ({"files": {"f": b""}, "json": {}}, "give files or json, not both"),
    ({"files": {"f": b""}, "data": b"x"}, r"data: with files it must be a dict .*, not b'x'"),
    ({"files": {"f": b""}, "data": "x"}, r"data: with files it must be a dict .*, not 'x'"),
    ({"files": {"f": b""}, "data": {"a": None}}, r"data: field 'a': content .* not NoneType"),
    ({"files": {"f": b""}, "data": ["ab", 5]}, r"data: must be a dict or pairs, not \['ab', 5\]"),
]


@one_loop
def test_refusals(run_wrapper: RunWrapper, uploads: Uploads, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"x")
    secret.chmod(0)
    closed = io.BytesIO()
    closed.close()
    unreadable = {"files": {"f": secret}}
    refused = [*REFUSED, (unreadable, r"files: 'f': Permission denied: '/.*/secret'")]
    refused.append(({"files": {"f": closed}}, r"files: 'f': <_io.BytesIO .*>: I/O operation on"))

    async def body(wrapper: acurl.CurlWrapper) -> None:
        for options, message in refused:
            with pytest.raises(acurl.RequestError, match=message), a_nobody():
                await wrapper.session().post(uploads.url, **options)

    run_wrapper(body)
    assert uploads.received == []
