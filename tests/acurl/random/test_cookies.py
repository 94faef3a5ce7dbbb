"""Random cookies: the Cookie lines that acurl sends are those that curl's own command sends.

Cookies come from users (`cookies=`), from servers (Set-Cookie), and from files that the one has
written and the other reads. Each case has hosts of its own, so that one curl, with one jar, can
serve hundreds.
"""

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import strategies as st

import acurl
from acurl.cookies import write_cookie_file
from tests.acurl.command import Options, run_curl
from tests.acurl.conftest import RunWrapper
from tests.acurl.recorder import CASE, Recorder
from tests.acurl.sample import draw_sample
from tests.servers.loops import RunAsync

BATCH = 250
AT_ONCE = 20

PRINTABLE = "".join(map(chr, range(0x20, 0x7F)))
FITTING = "".join(set(PRINTABLE) - set("=; "))
ANYTHING = st.characters()

name = st.one_of(
    st.text(FITTING, min_size=1, max_size=6),
    st.text("ab", min_size=1, max_size=2),
    st.sampled_from(["__Secure-a", "__Host-a", "$Path", "\u00e9", "expires"]),
)
value = st.one_of(
    st.text(FITTING, max_size=10),
    st.text(PRINTABLE.replace(";", ""), max_size=8),
    st.sampled_from(["", '"x"', " x ", "a=b", "\u00e9\u4e2d", "x,y", "%20"]),
)
bad_text = st.one_of(
    st.text(ANYTHING, max_size=4),
    st.sampled_from(
        ["", "a=b", "a;b", "a b", "a\tb", "a\r\nEvil: 1", "a\n", "\0", "\x7f", "\ud800"]
    ),
)
given_cookies = st.one_of(
    st.dictionaries(name, value, min_size=1, max_size=1),
    # Curl 7.88 takes names that differ in case for one.
    st.dictionaries(name, value, min_size=1, max_size=4).filter(
        lambda cookies: len({name.lower() for name in cookies}) == len(cookies)
    ),
    st.dictionaries(st.one_of(name, bad_text), st.one_of(value, bad_text), min_size=1, max_size=2),
)


def is_good(cookies: dict[str, str]) -> bool:
    """Whether acurl is to send these cookies to an http URL."""
    return all(
        name
        and not re.search(r"[=; \x00-\x1f\x7f\ud800-\udfff]", name)
        and not re.search(r"[;\x00-\x1f\x7f\ud800-\udfff]", value)
        and not name.lower().startswith(("__secure-", "__host-"))
        for name, value in cookies.items()
    )


async def ask_all(wrapper: acurl.CurlWrapper, batch: dict[str, dict[str, str]]) -> dict[str, str]:
    """Case to the reason for which acurl has refused its cookies."""
    turns = asyncio.Semaphore(AT_ONCE)
    refused = {}

    async def ask(case: str, cookies: dict[str, str]) -> None:
        async with turns:
            url = f"http://c{case}.example/"
            try:
                await wrapper.session().get(url, headers={CASE: case}, cookies=cookies)
            except acurl.RequestError as error:
                refused[case] = str(error)

    await asyncio.gather(*(ask(case, cookies) for case, cookies in batch.items()))
    return refused


def unordered(requests: list[bytes]) -> list[bytes]:
    """Cookies with names of one length go in the order of their making, which versions count
    differently.
    """

    def by_name(line: re.Match[bytes]) -> bytes:
        return b"Cookie: " + b"; ".join(sorted(line[1].split(b"; "))) + b"\r"

    return [re.sub(rb"(?m)^Cookie: (.*)\r$", by_name, request) for request in requests]


def compare_given(proxy: Recorder, jar: Path, sample: list[dict[str, str]]) -> None:
    """Cookies that a user gives arrive as curl sends them from a file and, one, from an option."""
    for start in range(0, len(sample), BATCH):
        batch = {str(number): each for number, each in enumerate(sample[start : start + BATCH])}

        async def body(
            wrapper: acurl.CurlWrapper, batch: dict[str, dict[str, str]] = batch
        ) -> dict[str, str]:
            return await ask_all(wrapper, batch)

        refused = RunWrapper(RunAsync("uvloop"))(body)
        by_acurl = proxy.take()
        good = {case: cookies for case, cookies in batch.items() if is_good(cookies)}
        assert refused.keys() == batch.keys() - good.keys()
        assert by_acurl.keys() == good.keys()
        lines = [
            f".c{case}.example\tTRUE\t/\tFALSE\t0\t{name}\t{value}\n"
            for case, cookies in good.items()
            for name, value in cookies.items()
        ]
        jar.write_bytes("".join(lines).encode())
        run_curl(
            {case: [("url", f"http://c{case}.example/"), ("cookie", str(jar))] for case in good}
        )
        from_file = proxy.take()
        alone = {  # the option takes what begins with "@" for a file's name
            case: cookies
            for case, cookies in good.items()
            if len(cookies) == 1 and not min(cookies).startswith("@")
        }
        run_curl(
            {
                case: [("url", f"http://c{case}.example/"), ("cookie", f"{name}={value}")]
                for case, cookies in alone.items()
                for name, value in cookies.items()
            }
        )
        from_option = proxy.take()
        for case in sorted(good, key=lambda case: len(str(good[case]))):
            assert unordered(by_acurl[case]) == unordered(from_file[case]), good[case]
            assert len(by_acurl[case]) == 1
            if case in alone:
                assert by_acurl[case] == from_option[case], good[case]
        assert len(good) > len(batch) / 3, "most of the sample is refused"


attribute = st.one_of(
    st.sampled_from(["Path=/", "Path=/p", "path=/p/q", "Path=/pq", "Path=/p/q/r", "PATH = /p "]),
    st.sampled_from(["Max-Age=0", "Max-Age=1000", "max-age=-1", "Max-Age=x", 'Max-Age="99"']),
    st.sampled_from(
        ["Expires=Thu, 01 Jan 1970 00:00:01 GMT", "expires=Thu, 31-Dec-99 23:59:59 GMT"]
    ),
    st.sampled_from(["Expires=Fri, 01 Jan 2100 00:00:00 GMT", "Expires=never", "Version=1"]),
    st.sampled_from(["Secure", "HttpOnly", "SameSite=Lax", "Partitioned", "", "=", "x=y"]),
    st.sampled_from(["Domain=HOST", "Domain=.HOST", "domain=www.HOST", "Domain=x.www.HOST"]),
    st.sampled_from(["Domain=example", "Domain=.", "Domain=other.example", "Domain=127.0.0.1"]),
)


def name_of(text: str) -> str:
    """What curls before 8 see differently if one cookie has it twice, or one answer."""
    return re.split("[=;]", text, maxsplit=1)[0].strip().lower()


pair = st.one_of(
    st.tuples(name, st.just("="), value).map("".join),
    st.tuples(name, st.sampled_from(["=", " = ", "=="]), value).map("".join),
    st.text(PRINTABLE, max_size=8),
    st.text(ANYTHING, max_size=8),
).filter(name_of)  # without a name, old curls take an attribute for the cookie
set_cookie = st.tuples(pair, st.lists(attribute, max_size=3, unique_by=name_of)).map(
    lambda parts: "; ".join((parts[0], *parts[1]))
)
# A header of several lines is no single answer of one server.
said_cookies = st.lists(
    set_cookie.filter(lambda line: not re.search("[\r\n\0\ud800-\udfff]", line)),
    min_size=1,
    max_size=3,
    unique_by=name_of,
)
PLACES = (
    "www.HOST/p/q",
    "www.HOST/p/q/r?s",
    "www.HOST/",
    "www.HOST/pq",
    "HOST/p/q",
    "x.www.HOST/p",
    "sister.HOST/p/q",
)


def urls_of(case: str) -> list[str]:
    """Where the cookies of a case come from, and where they may go, or not."""
    return [f"http://{place.replace('HOST', f'c{case}.example')}" for place in PLACES]


async def visit(wrapper: acurl.CurlWrapper, case: str, jar: Path | None = None) -> list[str]:
    """Fetch the cookies of a case unless they are in a jar, then go everywhere; the jar's lines."""
    session = wrapper.session()
    first, *_ = urls_of(case)
    if jar is None:
        await session.get(first, headers={CASE: f"{case}.9"})
    else:
        session.load_cookies(jar)
    for number, url in enumerate(urls_of(case)):
        await session.get(url, headers={CASE: f"{case}.{number}"})
    return session._jar.lines() if session._jar else []


def acurl_visits(cases: list[str], jar: Path | None = None) -> list[str]:
    """`visit` for each case; the lines of all jars."""

    async def body(wrapper: acurl.CurlWrapper) -> list[list[str]]:
        return await asyncio.gather(*(visit(wrapper, case, jar) for case in cases))

    return [line for lines in RunWrapper(RunAsync("uvloop"))(body) for line in lines]


def curl_visits(cases: list[str], jar: Path, *, first: bool = False) -> None:
    """Go everywhere with the cookies of a file; `first` fetch them, and write the file."""
    jobs: dict[str, Options] = {}
    for case in cases:
        urls = dict(enumerate(urls_of(case)))
        if first:
            urls = {9: urls[0], **urls}
        source = ("cookie-jar", str(jar)) if first else ("cookie", str(jar))
        jobs |= {f"{case}.{number}": [("url", url), source] for number, url in urls.items()}
    run_curl(jobs)


def cookies_in(heads: dict[str, list[bytes]]) -> dict[str, list[bytes]]:
    """Case to its Cookie lines, without the requests that only fetch cookies."""
    return {
        case: [line for head in each for line in head.split(b"\r\n") if line.startswith(b"Cookie:")]
        for case, each in heads.items()
        if not case.endswith(".9")
    }


def compare_said(proxy: Recorder, directory: Path, sample: list[list[str]]) -> None:
    """What servers say comes back to the same places, also by way of the other's file."""
    by_curl, by_acurl = directory / "curl", directory / "acurl"
    for start in range(0, len(sample), BATCH):
        batch = {str(number): lines for number, lines in enumerate(sample[start : start + BATCH])}
        cases = list(batch)
        for case, lines in batch.items():
            said = [f"Set-Cookie: {line}".replace("HOST", f"c{case}.example") for line in lines]
            proxy.answers[f"{case}.9"] = [line.encode() for line in said]
        curl_visits(cases, by_curl, first=True)
        fetched = cookies_in(proxy.take())
        curl_visits(cases, by_curl)
        read = cookies_in(proxy.take())
        write_cookie_file(by_acurl, acurl_visits(cases))
        assert_equal(batch, cookies_in(proxy.take()), fetched)
        acurl_visits(cases, by_curl)
        assert_equal(batch, cookies_in(proxy.take()), read)
        curl_visits(cases, by_acurl)
        assert_equal(batch, cookies_in(proxy.take()), fetched)


def assert_equal(
    said: dict[str, list[str]], sent: dict[str, list[bytes]], expected: dict[str, list[bytes]]
) -> None:
    """Tell first of the shortest of those that differ."""
    assert sent.keys() == expected.keys()
    for case in sorted(expected, key=lambda case: len(str(said[case.split(".")[0]]))):
        lines = said[case.split(".")[0]]
        # Old curls take the path that nobody says for longer than it is, and sort by that.
        shown = (
            list if all(";path=" in line.lower().replace(" ", "") for line in lines) else unsorted
        )
        assert shown(sent[case]) == shown(expected[case]), (case, lines)


def unsorted(lines: list[bytes]) -> list[bytes]:
    """The cookies of Cookie lines, in no order that says anything."""
    return sorted(b"; ".join(lines).removeprefix(b"Cookie: ").split(b"; "))


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[Recorder]:
    """The recorder, to which requests for all hosts go."""
    with Recorder() as server:
        monkeypatch.setenv("http_proxy", server.url)
        yield server
    assert server.failures == []


def test_some_given_cookies(proxy: Recorder, tmp_path: Path) -> None:
    compare_given(proxy, tmp_path / "jar", draw_sample(given_cookies, 100, repeatable=True))


@pytest.mark.slow
def test_given_cookies(proxy: Recorder, tmp_path: Path) -> None:
    compare_given(proxy, tmp_path / "jar", draw_sample(given_cookies, 1000, repeatable=False))


def test_some_said_cookies(proxy: Recorder, tmp_path: Path) -> None:
    compare_said(proxy, tmp_path, draw_sample(said_cookies, 50, repeatable=True))


@pytest.mark.slow
def test_said_cookies(proxy: Recorder, tmp_path: Path) -> None:
    compare_said(proxy, tmp_path, draw_sample(said_cookies, 1000, repeatable=False))
