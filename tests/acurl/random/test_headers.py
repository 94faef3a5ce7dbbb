"""Random headers: the head that acurl sends is, byte for byte, the one that curl's command sends.

`as_lines` holds the differences: acurl takes off the blanks around a value, which are no part of
it, and libcurl 8.23 puts Connection, so spelt, behind all others, or nowhere if empty. Unlike curl,
acurl refuses what is no name, values that could end a line, and lengths that are not the body's.
"""

import asyncio
import re
from collections.abc import Iterator

import pytest
from hypothesis import strategies as st

import acurl
from tests.acurl.command import run_curl
from tests.acurl.conftest import RunWrapper
from tests.acurl.recorder import CASE, Recorder
from tests.acurl.sample import draw_sample
from tests.servers.loops import RunAsync

Headers = list[tuple[str, str]]

BATCH = 500
AT_ONCE = 20
TOKEN = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"  # RFC 9110, section 5.6.2

WELL_KNOWN = [
    *("Host", "Accept", "User-Agent", "Connection", "Content-Length", "Transfer-Encoding"),
    *("Content-Type", "Cookie", "Authorization", "Proxy-Authorization", "Expect", "TE", "Range"),
    *("Referer", "Accept-Encoding", "Upgrade", "Proxy-Connection", "Keep-Alive", "Trailer"),
    *("If-Modified-Since", "host", "ACCEPT", "cookie", "connection", "X-A"),
]
PRINTABLE = "".join(map(chr, range(0x20, 0x7F)))
ANYTHING = st.characters()


def is_plain(pairs: Headers) -> bool:
    """Not the case's own header, two Connection, and values that are empty to old curls alone."""
    names = [name.lower() for name, _ in pairs]
    feeds = any(value.strip(" \t") and not value.strip(" \t\v\f") for _, value in pairs)
    return CASE.lower() not in names and names.count("connection") < 2 and not feeds


name = st.one_of(
    st.from_regex(TOKEN, fullmatch=True).filter(lambda text: len(text) <= 20),
    st.sampled_from(WELL_KNOWN),
)
bad_name = st.one_of(
    st.sampled_from(
        ["", "X ", " X", "X:", "X;", "X\t", "X\r\nY", "X\0", "X\u00e9", "X(", "\ud800"]
    ),
    st.text(ANYTHING, max_size=4),
)
value = st.one_of(
    st.text(PRINTABLE, max_size=30),
    st.text(PRINTABLE + "\t", max_size=8).map(lambda text: f" {text}\t "),
    st.text(ANYTHING, max_size=10),
    st.sampled_from(
        ["", ";", ":", "@/etc/hosts", "chunked", "close", "keep-alive, X-A", "h2c", "0"]
    ),
)
bad_value = st.sampled_from(
    [
        "a\r\nEvil: 1",
        "a\nEvil: 1",
        "a\rEvil: 1",
        "a\r\n\r\nGET /evil HTTP/1.1",
        "a\0b",
        "\n",
        "\ud800",
    ]
)
headers = st.one_of(
    st.lists(st.tuples(name, value), max_size=4),
    st.lists(st.tuples(name, value), max_size=4),
    st.lists(st.tuples(st.one_of(name, bad_name), value), min_size=1, max_size=2),
    st.lists(st.tuples(name, st.one_of(value, bad_value)), min_size=1, max_size=2),
).filter(is_plain)


def is_good(pairs: Headers) -> bool:
    """Whether acurl is to send these headers: of a GET, whose body has no bytes."""
    framing = [
        (name.lower(), value.strip(" \t").lower())
        for name, value in pairs
        if name.lower() in {"content-length", "transfer-encoding"}
    ]
    true: tuple[Headers, ...] = ([("content-length", "0")], [("transfer-encoding", "chunked")], [])
    return framing in true and all(
        re.fullmatch(TOKEN, name) and not re.search("[\r\n\0\ud800-\udfff]", value)
        for name, value in pairs
    )


def as_lines(pairs: Headers) -> list[str]:
    """The values of curl's option --header for the same request."""
    stripped = [(name, value.strip(" \t")) for name, value in pairs]
    connections = [pair for pair in stripped if pair[0].lower() == "connection"]
    others = [pair for pair in stripped if pair not in connections]
    lines = [f"{name}: {value}" if value else f"{name};" for name, value in others]
    return lines + [f"Connection: {value}" for _, value in connections if value]


def ask_acurl(server: Recorder, sample: dict[str, Headers]) -> dict[str, str]:
    """Case to the reason for which acurl has refused it."""

    async def body(wrapper: acurl.CurlWrapper) -> dict[str, str]:
        turns = asyncio.Semaphore(AT_ONCE)
        refused = {}

        async def ask(case: str, pairs: Headers) -> None:
            async with turns:
                try:
                    await wrapper.session().get(server.url, headers=[(CASE, case), *pairs])
                except acurl.RequestError as error:
                    refused[case] = str(error)

        await asyncio.gather(*(ask(case, pairs) for case, pairs in sample.items()))
        return refused

    return RunWrapper(RunAsync("uvloop"))(body)


def compare(server: Recorder, sample: list[Headers]) -> None:
    """Each list of headers gives one request, the same by acurl as by curl, or is refused."""
    for start in range(0, len(sample), BATCH):
        batch = {str(number): pairs for number, pairs in enumerate(sample[start : start + BATCH])}
        refused = ask_acurl(server, batch)
        by_acurl = server.take()
        good = {case: pairs for case, pairs in batch.items() if is_good(pairs)}
        assert refused.keys() == batch.keys() - good.keys()
        assert by_acurl.keys() == good.keys()
        run_curl(
            {
                case: [("url", server.url), *(("header", line) for line in as_lines(pairs))]
                for case, pairs in good.items()
            }
        )
        by_curl = server.take()
        for case, pairs in sorted(good.items(), key=lambda item: len(str(item[1]))):
            assert by_acurl[case] == by_curl[case], pairs
            assert len(by_acurl[case]) == 1
        assert len(good) > len(batch) / 3, "most of the sample is refused"


@pytest.fixture
def server() -> Iterator[Recorder]:
    with Recorder() as server:
        yield server
    assert server.failures == []


def test_some_headers(server: Recorder) -> None:
    compare(server, draw_sample(headers, 100, repeatable=True))


@pytest.mark.slow
def test_headers(server: Recorder) -> None:
    compare(server, draw_sample(headers, 3000, repeatable=False))
