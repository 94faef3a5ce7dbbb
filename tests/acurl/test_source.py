"""Bodies that are sent piece by piece: what they may come from, and what is refused."""

import asyncio
import io
import os
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import acurl
from acurl.source import Source, piece
from tests.acurl.conftest import RunWrapper
from tests.acurl.uploads import Uploads
from tests.servers.nginx import Nginx

# What is refused does not reach the loop: one kind of loop is enough.
one_loop = pytest.mark.parametrize("run_async", ["uvloop"], indirect=True)

PIECES = [b"ab", b"c\0d", b"", b"efg"]
WHOLE = b"".join(PIECES)


@pytest.fixture
def uploads() -> Iterator[Uploads]:
    """A server that takes bodies of any framing."""
    with Uploads() as server:
        yield server
    assert server.failures == []


def plain() -> Iterator[bytes]:
    yield from PIECES


async def coming() -> AsyncIterator[bytes]:
    for given in PIECES:
        await asyncio.sleep(0)
        yield given


class Often:
    """An iterable that can be begun again, and knows nothing of its length."""

    def __iter__(self) -> Iterator[bytes]:
        return plain()


class OftenComing:
    """The same, asynchronous."""

    def __aiter__(self) -> AsyncIterator[bytes]:
        return coming()


class Readable:
    """What can be read, and nothing else."""

    def __init__(self) -> None:
        self._pieces = [*filter(None, PIECES), b""]

    def read(self, _size: int) -> bytes:
        return self._pieces.pop(0)


def opened(path: Path, skipped: int = 0) -> io.BufferedReader:
    file = path.open("rb")
    file.seek(skipped)
    return file


UNKNOWN: dict[str, Callable[[], Any]] = {
    "generator": plain,
    "async generator": coming,
    "list": lambda: list(PIECES),
    "list of kinds": lambda: [b"ab", bytearray(b"c\0"), "d", memoryview(b"efg")],
    "iterator": lambda: iter(PIECES),
    "iterable": Often,
    "async iterable": OftenComing,
    "function": lambda: plain,
    "async function": lambda: coming,
    "function of a list": lambda: lambda: PIECES,
    "readable": Readable,
}
KNOWN: dict[str, Callable[[Path], Any]] = {
    "Path": lambda path: path,
    "file": opened,
    "BytesIO": lambda path: io.BytesIO(path.read_bytes()),
}


@pytest.mark.parametrize("kind", UNKNOWN)
def test_unknown_lengths_are_chunked(run_wrapper: RunWrapper, uploads: Uploads, kind: str) -> None:
    methods = ["POST", "PUT", "PATCH", "DELETE", "GET", "POST"]

    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session()
        for method in methods:
            response = await session.request(method, uploads.url, data=UNKNOWN[kind]())
            assert response.upload_size >= len(WHOLE)
        assert wrapper.stats().opened == 1

    run_wrapper(body)
    assert [upload.method for upload in uploads.received] == methods
    for upload in uploads.received:
        assert (upload.body, upload.complete) == (WHOLE, True)
        assert upload.headers["transfer-encoding"] == "chunked"
        assert not {"content-length", "expect", "content-type"} & upload.headers.keys()


@pytest.mark.parametrize("kind", KNOWN)
@pytest.mark.parametrize("size", [0, 65536, 300_001])
def test_files_have_lengths(
    run_wrapper: RunWrapper, uploads: Uploads, tmp_path: Path, kind: str, size: int
) -> None:
    path = tmp_path / "body"
    path.write_bytes(os.urandom(size))
    data = KNOWN[kind](path)

    async def body(wrapper: acurl.CurlWrapper) -> None:
        for _ in range(2):
            response = await wrapper.session().put(uploads.url, data=data)
            assert (response.status_code, response.upload_size) == (200, size)
            if not isinstance(data, Path):
                data.seek(0)  # it has been read to its end

    run_wrapper(body)
    if not isinstance(data, Path):
        assert not data.closed
        data.close()
    for upload in uploads.received:
        assert upload.body == path.read_bytes()
        assert upload.headers["content-length"] == str(size)
        assert not {"transfer-encoding", "expect"} & upload.headers.keys()


def test_a_file_is_sent_from_where_it_stands(
    run_wrapper: RunWrapper, uploads: Uploads, tmp_path: Path
) -> None:
    path = tmp_path / "body"
    path.write_bytes(WHOLE)

    async def body(wrapper: acurl.CurlWrapper) -> None:
        with opened(path, 3) as file:
            await wrapper.session().put(uploads.url, data=file)
        made: list[io.BufferedReader] = []

        def make() -> io.BufferedReader:
            made.append(opened(path, 3))
            return made[-1]

        await wrapper.session().put(uploads.url, data=make)
        assert [file.closed for file in made] == [True]  # nobody else would

    run_wrapper(body)
    assert [upload.body for upload in uploads.received] == [WHOLE[3:]] * 2


def test_what_a_file_gets_meanwhile_is_not_sent(
    run_wrapper: RunWrapper, uploads: Uploads, tmp_path: Path
) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"abc")

    async def body(wrapper: acurl.CurlWrapper) -> None:
        waiting = wrapper.session().put(uploads.url, data=path)
        with path.open("ab") as file:
            file.write(b"def")
        await waiting
        shrunk = wrapper.session().put(uploads.url, data=path)
        path.write_bytes(b"ab")
        with pytest.raises(acurl.RequestError, match="it ended after 2 bytes, and said 6"):
            await shrunk

    run_wrapper(body)
    assert uploads.received[0].body == b"abc"


def test_files_of_proc_have_no_length(run_wrapper: RunWrapper, uploads: Uploads) -> None:
    path = Path("/proc/version")

    async def body(wrapper: acurl.CurlWrapper) -> None:
        await wrapper.session().put(uploads.url, data=path)

    run_wrapper(body)
    assert uploads.received[0].body == path.read_bytes()


def test_a_pipe_is_read_to_its_end(run_wrapper: RunWrapper, uploads: Uploads) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        out, into = os.pipe()
        os.write(into, WHOLE)
        os.close(into)
        with os.fdopen(out, "rb") as pipe:
            await wrapper.session().post(uploads.url, data=pipe)

    run_wrapper(body)
    assert uploads.received[0].body == WHOLE


def test_a_stream_of_asyncio(run_wrapper: RunWrapper, uploads: Uploads) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        reader = asyncio.StreamReader()
        reader.feed_data(b"one\ntwo\n")
        reader.feed_eof()
        await wrapper.session().post(uploads.url, data=reader)

    run_wrapper(body)
    assert uploads.received[0].body == b"one\ntwo\n"


def test_the_users_own_length(run_wrapper: RunWrapper, uploads: Uploads) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session()
        length = {"Content-Length": str(len(WHOLE))}
        await session.post(uploads.url, data=plain(), headers=length)
        for data, wrong in ((plain(), "it gave 8 bytes, and said 5"), ([b"abc"], "after 3 bytes")):
            with pytest.raises(acurl.RequestError, match=wrong):
                await session.post(uploads.url, data=data, headers={"Content-Length": "5"})

    run_wrapper(body)
    first = uploads.received[0]
    assert first.body == WHOLE
    assert first.headers["content-length"] == str(len(WHOLE))
    assert "transfer-encoding" not in first.headers
    assert not any(upload.complete for upload in uploads.received[1:])


def test_http2_uploads(run_wrapper: RunWrapper, nginx: Nginx) -> None:
    data = b"0123456789abcdef" * 40_000

    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session(verify=str(nginx.ca_file))
        for source in (iter([data[:100_000], data[100_000:]]), io.BytesIO(data), [data]):
            response = await session.post(f"{nginx.https}/sink", data=source)
            assert (response.http_version, response.text) == ("2", f"{len(data)}\n")
            assert response.upload_size == len(data)
        assert wrapper.stats().opened == 1

    run_wrapper(body)


class Coming:
    """An asynchronous iterable that is none."""

    def __aiter__(self) -> int:
        return 5


REFUSED: list[tuple[Any, str]] = [
    (5, r"data must be bytes, str, a dict \(sent as a form\), a file or an iterator.*, not 5$"),
    ([b"ab", 5], r"data: the iterator gave 5, must be bytes or str"),
    ([b"ab", None], r"data: the iterator gave None, must be bytes or str"),
    (["\ud800"], r"data: the iterator gave '\\ud800': 'utf-8' codec can't encode"),
    ([[b"x"] * 10_000], r"^.{30,200}must be bytes or str$"),
    (lambda: 5, r"data: the function gave 5, must be an iterable of bytes"),
    (lambda: b"x" * 10_000, r"^data: the function gave b'xxx.{1,200}, must be an iterable"),
    (Coming(), r"data: the body's iterator failed after 0 bytes: TypeError"),
    (io.StringIO("text"), r"data: <_io.StringIO .*> must be opened in binary mode \('rb'\)"),
    (Path("/nowhere/at/all"), r"data: No such file or directory: '/nowhere/at/all'"),
    (Path("/proc"), r"data: '/proc' must be a file, not a directory or a device"),
    (Path("/dev/zero"), r"data: '/dev/zero' must be a file, not a directory or a device"),
    (Path("a\0b"), r"data: embedded null byte: 'a\\x00b'"),
]


@one_loop
@pytest.mark.parametrize(("data", "message"), REFUSED)
def test_refusals(run_wrapper: RunWrapper, uploads: Uploads, data: Any, message: str) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        with pytest.raises(acurl.RequestError, match=message):
            await wrapper.session().post(uploads.url, data=data)

    run_wrapper(body)
    assert not any(upload.complete for upload in uploads.received)


def test_a_closed_file(run_wrapper: RunWrapper, uploads: Uploads, tmp_path: Path) -> None:
    path = tmp_path / "body"
    path.write_bytes(b"abc")
    file = opened(path)
    file.close()

    async def body(wrapper: acurl.CurlWrapper) -> None:
        with pytest.raises(acurl.RequestError, match=r"data: <.*/body'>: .* closed file"):
            await wrapper.session().post(uploads.url, data=file)
        with path.open("ab") as written:
            written.seek(0)
            with pytest.raises(acurl.RequestError, match=r"after 0 bytes: UnsupportedOperation"):
                await wrapper.session().post(uploads.url, data=written)

    run_wrapper(body)


def test_a_used_up_iterator_is_refused_before_a_byte_leaves(
    run_wrapper: RunWrapper, uploads: Uploads
) -> None:
    source = Source(plain())
    assert list(source.open()) == PIECES  # type: ignore[arg-type]
    with pytest.raises(acurl.RequestError, match=r"used up .*; give bytes, a file, a list, or a"):
        source.open()
    again = Source(Often())
    assert list(again.open()) == list(again.open()) == PIECES  # type: ignore[arg-type]


def test_a_used_up_generator_is_refused_where_it_is_given() -> None:
    used = plain()
    assert list(used) == PIECES
    with pytest.raises(acurl.RequestError, match="used up"):
        Source(used)

    async def use() -> AsyncIterator[bytes]:
        pieces = coming()
        assert [given async for given in pieces] == PIECES
        return pieces

    with pytest.raises(acurl.RequestError, match="used up"):
        Source(asyncio.run(use()))


def test_a_device_has_no_length() -> None:
    with opened(Path("/dev/zero")) as device:
        source = Source(device)
        assert (source.size, source.can_restart) == (-1, False)
        assert next(source.open()) == bytes(65536)  # type: ignore[arg-type]
    assert Source(io.BytesIO()).size == 0


@pytest.mark.parametrize("given", [10**5000, ["x" * 10**6] * 9], ids=["number", "list"])
def test_what_is_no_piece_is_told_shortly(given: object) -> None:
    with pytest.raises(acurl.RequestError, match=r"data: the iterator gave .*, must be") as caught:
        piece(given)
    assert len(str(caught.value)) < 300
