"""Random URLs: what acurl sends for one are the bytes that curl's own command sends for it.

curl's command here is older than the libcurl under acurl, and acurl encodes what curl sends raw.
`in_old_words` holds all of these differences: it is what has to be said to that curl for the same
request. Apart from `STRICTER`, acurl refuses exactly what curl refuses.
"""

import asyncio
import re
import socket
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from hypothesis import strategies as st

import acurl
from tests.acurl.command import run_curl
from tests.acurl.conftest import RunWrapper
from tests.acurl.recorder import CASE, Recorder
from tests.acurl.sample import draw_sample
from tests.servers.loops import RunAsync

BATCH = 500
AT_ONCE = 20

# Reasons for which acurl refuses what that curl would guess the meaning of, or pass on.
STRICTER = (
    "must be absolute",  # curl puts http:// before it
    "scheme must be http or https",  # curl knows others, and takes one slash for two
    "has no host",  # curl forgives a third slash
    "has no user before '@'",  # whether credentials are sent differs between curls
    "an address must not end with a dot",  # the same
    "an address must have ASCII digits",  # whether 127.1 becomes 127.0.0.1 then, the same
    "must consist of letters",  # libcurl 8.23 refuses "|" and ".." too
    "hexadecimal digits",  # curl encodes the percent sign, twice
    "is no valid name",  # libidn2 maps what IDNA 2008 forbids, such as symbols
)

LETTERS = "abzAZ019"
OTHER_LETTERS = "\u00e9\u00df\u00c5\u03b2\u03c2\u0416\u05d0\u4e2d\u3042"
PRINTABLE = "".join(map(chr, range(0x21, 0x7F)))
ANYTHING = st.characters()

escape = st.from_regex(r"%[0-9a-fA-F]{2}", fullmatch=True)
piece = st.one_of(
    st.text(LETTERS, min_size=1, max_size=4),
    st.text(PRINTABLE, min_size=1, max_size=6),
    st.text(OTHER_LETTERS, min_size=1, max_size=2),
    escape,
    st.sampled_from(
        ["%", "%2", "%zz", "\\", "%2e", "%2F", "%00", "%0d%0a", "..", ".", "+", "{a,b}"]
    ),
)
segment = st.one_of(
    st.sampled_from(["", ".", "..", "%2e", ".%2E", "%2e%2e", "...", ".a", "..%2f", "a."]),
    st.lists(piece, max_size=3).map("".join),
)
rest = st.one_of(
    st.just(""),
    st.lists(segment, max_size=6).map(lambda segments: "/" + "/".join(segments)),
    st.lists(piece, max_size=4).map(lambda pieces: "?" + "".join(pieces)),
    st.lists(piece, max_size=4).map(lambda pieces: "#" + "".join(pieces)),
    st.text(ANYTHING, max_size=8).map(lambda text: "/" + text),
    st.text(PRINTABLE + " \t\r\n\0\x7f", max_size=12).map(lambda text: "/" + text),
)
user = st.one_of(
    st.sampled_from(["", "", "", "@"]),
    st.text("ab:%;&=+$,!*'()~-._\u00e9\u4e2d", min_size=1, max_size=6).map(lambda text: text + "@"),
    st.tuples(escape, escape).map(lambda parts: ":".join(parts) + "@"),
)
label = st.one_of(
    st.text("abcXYZ0189-_~", min_size=1, max_size=8),
    st.text("abc" + OTHER_LETTERS, min_size=1, max_size=6),
    st.text(OTHER_LETTERS + "\uff21\uff11\u00ad-", min_size=1, max_size=4),
    st.sampled_from(
        ["xn--bcher-kva", "b\u00fccher", "a" * 63, "a" * 64, "%61", "a%2fb", "%c3%a9", ""]
    ),
    st.text(PRINTABLE, min_size=1, max_size=3),
    st.text(ANYTHING, min_size=1, max_size=2),
)
host = st.one_of(
    st.lists(label, min_size=1, max_size=3).map(".".join),
    st.from_regex(r"(0[xX]?)?[0-9a-f]{1,11}(\.0?[0-9]{1,4}){0,4}\.?", fullmatch=True),
    st.ip_addresses(v=4).map(str),
    st.ip_addresses(v=6).map(lambda address: f"[{address.exploded}]"),
    st.text("0123456789abcdefABCDEF:.]x", max_size=9).map(lambda text: f"[::{text}]"),
)
port = st.one_of(
    st.just(""),
    st.integers(0, 70000).map(lambda number: f":{number}"),
    st.sampled_from([":", ":080", ":0000000443", ":+80", ":8 0", ":80:80", ":-1", ":a"]),
)
scheme = st.sampled_from(["http://"] * 12 + ["HTTP://", "hTtP://", "http:/", "http:///", "http:"])
url_of_anywhere = st.tuples(scheme, user, host, port, rest).map("".join)


def url_of_server(number: int) -> st.SearchStrategy[str]:
    """URLs that lead to a port of this machine, by all the names that it has."""
    places = st.sampled_from(
        [f"127.0.0.1:{number}"] * 5
        + [f"{name}:{number}" for name in ("localhost", "LocalHost", "a.localhost", "%6cocalhost")]
        + [f"{name}:0{number}" for name in ("127.1", "0x7f.0.1", "017700000001", "2130706433")]
        + [f"[::ffff:127.0.0.1]:{number}", f"[::ffff:127.0.0.1%25lo]:{number}"]
    )
    return st.tuples(st.just("http://"), user, places, rest).map("".join)


def in_old_words(url: str, *, proxied: bool) -> bytes:
    """The URL for which a curl of 2023 sends what acurl sends for `url`.

    acurl: letters beyond ASCII are encoded in queries too. libcurl 8.23: escaped dots are dots,
    hexadecimal digits of a path's escapes are capitals unless a proxy is told the URL, and IPv6
    addresses have their short form.
    """
    parts = re.fullmatch(r"([^/]*//|)([^/?#]*)([^?#]*)(.*)", url, re.DOTALL)
    assert parts
    start, authority, path, tail = parts.groups()
    if not proxied:
        path = re.sub(r"%[0-9a-fA-F]{2}", lambda found: found[0].upper(), path)
    segments = [
        re.sub("%2[eE]", ".", part) if re.fullmatch(r"(\.|%2[eE]){1,2}", part) else part
        for part in path.split("/")
    ]
    authority = re.sub(r"\[([0-9a-fA-F:.]*)\]", shortest, authority)
    path, tail = (
        re.sub(r"[^\x00-\x7f]+", lambda found: quote(found[0]), text)
        for text in ("/".join(segments), tail)
    )
    return f"{start}{authority}{path}{tail}".encode()


def shortest(found: re.Match[str]) -> str:
    try:
        packed = socket.inet_pton(socket.AF_INET6, found[1])
    except OSError:
        return found[0]
    return f"[{min(socket.inet_ntop(socket.AF_INET6, packed), found[1], key=len)}]"


def ask_acurl(urls: dict[str, str]) -> dict[str, str]:
    """Case to the reason for which acurl has refused it."""

    async def body(wrapper: acurl.CurlWrapper) -> dict[str, str]:
        turns = asyncio.Semaphore(AT_ONCE)
        refused = {}

        async def ask(case: str, url: str) -> None:
            async with turns:
                try:
                    await wrapper.session().get(url, headers={CASE: case})
                except acurl.RequestError as error:
                    refused[case] = str(error)

        await asyncio.gather(*(ask(case, url) for case, url in urls.items()))
        return refused

    return RunWrapper(RunAsync("uvloop"))(body)


def is_for_curl(url: str, reason: str) -> bool:
    """Whether curl is to say what it makes of a URL that acurl has refused for `reason`, or not."""
    return not (any(text in reason for text in STRICTER) or re.search("[\0\ud800-\udfff]", url))


def compare(server: Recorder, sample: list[str], *, proxied: bool = False) -> None:
    """Each URL gives one request, the same by acurl as by curl, or is refused by both."""
    for start in range(0, len(sample), BATCH):
        urls = {str(number): url for number, url in enumerate(sample[start : start + BATCH])}
        refused = ask_acurl(urls)
        by_acurl = server.take()
        assert by_acurl.keys() == urls.keys() - refused.keys()
        words = {
            case: [("url", in_old_words(url, proxied=proxied))]
            for case, url in urls.items()
            if is_for_curl(url, refused.get(case, ""))
        }
        server.hangs_up = True
        codes = run_curl(words)
        server.hangs_up = False
        by_curl = server.take()
        for case in sorted(words, key=lambda case: len(urls[case])):
            assert by_acurl.get(case, []) == by_curl.get(case, []), (
                f"{urls[case]!r}: {refused.get(case)!r}, curl's exit code {codes[case]}"
            )
        assert all(len(heads) == 1 for heads in by_acurl.values())
        assert len(by_acurl) > len(urls) / 4, "most of the sample is refused"


@pytest.fixture
def server() -> Iterator[Recorder]:
    with Recorder() as server:
        yield server
    assert server.failures == []


@pytest.fixture
def proxy(server: Recorder, monkeypatch: pytest.MonkeyPatch) -> Recorder:
    """The recorder, to which requests for all hosts go."""
    monkeypatch.setenv("http_proxy", server.url)
    return server


def test_some_urls_of_one_server(server: Recorder) -> None:
    compare(server, draw_sample(url_of_server(server.port), 100, repeatable=True))


def test_some_urls_of_any_host(proxy: Recorder) -> None:
    compare(proxy, draw_sample(url_of_anywhere, 100, repeatable=True), proxied=True)


@pytest.mark.slow
def test_urls_of_one_server(server: Recorder) -> None:
    compare(server, draw_sample(url_of_server(server.port), 3000, repeatable=False))


@pytest.mark.slow
def test_urls_of_any_host(proxy: Recorder) -> None:
    compare(proxy, draw_sample(url_of_anywhere, 2000, repeatable=False), proxied=True)
