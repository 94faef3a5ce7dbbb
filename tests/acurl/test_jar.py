"""Whose cookies go where: between users, hosts and paths, and through files."""

import asyncio
import gc
import re
import stat
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

import acurl
from tests.acurl.conftest import RunWrapper, until
from tests.acurl.users.ledger import Bundle, Ledger, Line, keeping
from tests.servers.certificates import Certificates

KINDS: list[Any] = ["shared", "session", "request"]
NEVER = acurl.Timeout(None, total=None)


def sent(ledger: Ledger) -> dict[str, str]:
    """The cookies of the latest request of all."""
    line = max(ledger.lines, key=lambda line: line.latest)
    found = re.search(r"(?im)^cookie: (.*?)\r?$", line.heads[-1])
    return dict(pair.split("=", 1) for pair in found[1].split("; ")) if found else {}


def test_nothing_is_paid_before_the_first_cookie(run_wrapper: RunWrapper) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        async with keeping(Line) as ledger:
            session = wrapper.session()
            response = await session.get(ledger.url, cookies={})
            assert (session._jar, response._jar) == (None, None)
            assert (session.cookies(), response.cookies, response.request.cookies) == ({}, {}, {})
            session.erase_all_cookies()
            assert session._jar is None
            assert repr(session) == "<Session auto cookies=no>"
            await session.get(f"{ledger.url}/?set=a=1")
            assert session._jar is not None
            assert session.cookies() == {"a": "1"}
            assert repr(session) == "<Session auto cookies=yes>"

    run_wrapper(body)


Visit = Callable[[Ledger, acurl.Session], Awaitable[Any]]


async def an_answer(ledger: Ledger, session: acurl.Session) -> None:
    await session.get(f"{ledger.url}/?set=a=1")


async def an_answer_too_large(ledger: Ledger, session: acurl.Session) -> None:
    with pytest.raises(acurl.ResponseTooLarge):
        await session.get(f"{ledger.url}/?set=a=1", max_response_size=1)


async def half_an_answer_in_time(ledger: Ledger, session: acurl.Session) -> None:
    with pytest.raises(acurl.ReadTimeout):
        await session.get(f"{ledger.url}/half?set=a=1", timeout=acurl.Timeout(read=0.05))


async def half_an_answer_cancelled(ledger: Ledger, session: acurl.Session) -> None:
    response = await session.get(f"{ledger.url}/half?set=b=1", stream=True)
    await response.aclose()
    task = asyncio.create_task(session.get(f"{ledger.url}/half?set=a=1"))
    before = len(ledger.heads)
    await until(lambda: len(ledger.heads) > before)
    await asyncio.sleep(0.02)  # the head has come, and tells nobody
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def half_an_answer_broken_off(ledger: Ledger, session: acurl.Session) -> None:
    task = asyncio.create_task(session.get(f"{ledger.url}/half?set=a=1"))
    await until(lambda: bool(ledger.heads))
    ledger.lines[-1].transport.close()
    (error,) = await asyncio.gather(task, return_exceptions=True)
    assert isinstance(error, acurl.ProtocolError)


async def a_streamed_answer_ended_early(ledger: Ledger, session: acurl.Session) -> None:
    async with await session.get(f"{ledger.url}/half?set=a=1", stream=True) as response:
        assert response.cookies == {"a": "1"}


async def a_streamed_answer_dropped(ledger: Ledger, session: acurl.Session) -> None:
    response = await session.get(f"{ledger.url}/half?set=a=1", stream=True)
    assert response.status_code == 200
    del response
    gc.collect()
    await until(lambda: ledger.open == 0)


async def a_redirect(ledger: Ledger, session: acurl.Session) -> None:
    with pytest.raises(acurl.TooManyRedirects):
        await session.get(f"{ledger.url}/to/%2F?set=a=1", max_redirects=0)


async def cookies_of_ones_own(ledger: Ledger, session: acurl.Session) -> None:
    await session.get(ledger.url, cookies={"a": "1"})


async def a_session_that_ended(ledger: Ledger, session: acurl.Session) -> None:
    await session.get(f"{ledger.url}/?set=a=1")
    await session.get(f"{ledger.url}/?set=b=1")
    session.close()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "visit",
    [
        an_answer,
        an_answer_too_large,
        half_an_answer_in_time,
        half_an_answer_cancelled,
        half_an_answer_broken_off,
        a_streamed_answer_ended_early,
        a_streamed_answer_dropped,
        a_redirect,
        cookies_of_ones_own,
        a_session_that_ended,
    ],
)
def test_the_next_user_of_a_handle_sends_nobodys_cookies(
    run_wrapper: RunWrapper, visit: Visit, kind: Any
) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        async with keeping(Line) as ledger:
            await visit(ledger, wrapper.session(connections=kind))
            for next_kind in KINDS:
                user = wrapper.session(connections=next_kind)
                for _ in range(2):
                    response = await user.get(f"{ledger.url}/plain")
                    assert (sent(ledger), response.cookies) == ({}, {})
                await user.get(f"{ledger.url}/?set=mine={next_kind}")
                assert user.cookies() == {"mine": next_kind}
                await user.get(ledger.url)
                assert sent(ledger) == {"mine": next_kind}
            assert wrapper.stats().handles == 1

    run_wrapper(body)


def test_what_a_failed_answer_set_is_kept(run_wrapper: RunWrapper) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        async with keeping(Line) as ledger:
            for visit in (an_answer_too_large, half_an_answer_in_time, a_redirect):
                session = wrapper.session()
                await visit(ledger, session)
                assert session.cookies() == {"a": "1"}

    run_wrapper(body)


@pytest.mark.parametrize("meanwhile", ["newer", "erased"])
def test_the_end_of_a_streamed_answer_brings_no_cookie_back(
    run_wrapper: RunWrapper, meanwhile: str
) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        async with keeping(Line) as ledger:
            session = wrapper.session()
            response = await session.get(f"{ledger.url}/half?set=a=1", stream=True)
            assert session.cookies() == {"a": "1"}
            if meanwhile == "newer":
                await session.get(f"{ledger.url}/?set=a=2")
            else:
                session.erase_all_cookies()
            ledger.lines[0].transport.write(b"lf")
            assert await response.read() == b"half"
            assert session.cookies() == ({"a": "2"} if meanwhile == "newer" else {})

    run_wrapper(body)


def test_a_cookie_never_reaches_another_host(run_wrapper: RunWrapper) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        async with keeping(Line) as one, keeping(Line, host="127.0.0.2") as two:
            named = f"http://localhost:{one.port}"
            session = wrapper.session(connect_to={f"localhost:{one.port}": f"127.0.0.1:{one.port}"})
            for url in (one.url, two.url, named):
                # With a domain of its own, which is no more than the host, and without.
                host = url.split("/")[2].partition(":")[0]
                await session.get(f"{url}/?set=me={host}")
                await session.get(f"{url}/?set=we={host};%20Domain={host}")
            for ledger, url in ((one, one.url), (two, two.url), (one, named)):
                await session.get(url)
                host = url.split("/")[2].partition(":")[0]
                assert sent(ledger).get("me") == host
                assert set(sent(ledger).values()) == {host}

    run_wrapper(body)


def test_ports_share_cookies(run_wrapper: RunWrapper) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        async with keeping(Line) as one, keeping(Line) as other:
            session = wrapper.session()
            await session.get(f"{one.url}/?set=a=1")
            await session.get(other.url)
            assert sent(other) == {"a": "1"}

    run_wrapper(body)


@pytest.mark.parametrize("jar_first", [False, True])
@pytest.mark.parametrize(
    ("cookie", "url", "comes_back"),
    [
        ("a=1; Secure", "https://shop.example/", True),
        ("a=1; Secure", "http://shop.example/", False),
        ("a=1", "http://shop.example/", True),
        ("__Secure-a=1; Secure", "https://shop.example/", True),
        ("__Secure-a=1", "https://shop.example/", False),
        ("__Host-a=1; Secure; Path=/", "https://shop.example/", True),
        ("__Host-a=1; Secure; Path=/; Domain=shop.example", "https://shop.example/", False),
        ("a=1; Domain=shop.example", "https://www.shop.example/", True),
        ("a=1; Domain=shop.example", "https://myshop.example/", False),
        ("a=1; Domain=SHOP.example", "https://shop.example/", True),
        ("a=1; Domain=example", "https://other.example/", False),
        ("a=1; Domain=hop.example", "https://shop.example/", False),
        ("a=1; Domain=", "https://shop.example/", True),
        ("a=1; Path=/x", "https://shop.example/x/y?z", True),
        ("a=1; Path=/x", "https://shop.example/xy", False),
        ("a=1; Path=x", "https://shop.example/", True),
        ("a=1; Max-Age=-1", "https://shop.example/", False),
        ("a=1; Expires=Fri, 01 Jan 2038 00:00:00 GMT", "https://shop.example/", True),
        ("a=1; Max-Age=100; Expires=Thu, 01 Jan 1970 00:00:01 GMT", "https://shop.example/", True),
        ("a=1; HttpOnly; Secure", "https://shop.example/", True),
    ],
)
def test_attributes_over_tls(
    run_wrapper: RunWrapper,
    certificates: Certificates,
    cookie: str,
    url: str,
    comes_back: bool,
    jar_first: bool,
) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        async with keeping(Line, certificates.good) as secure, keeping(Line) as plain:
            led = {":443": f"127.0.0.1:{secure.port}", ":80": f"127.0.0.1:{plain.port}"}
            hosts = {"shop.example", url.split("/")[2]}
            led = {f"{host}{port}": goal for host in hosts for port, goal in led.items()}
            session = wrapper.session(connect_to=led, verify=False)
            if jar_first:
                await session.get("https://shop.example/", cookies={"first": "x"})
            await session.get(f"https://shop.example/?set={cookie.replace(' ', '%20')}")
            await session.get(url)
            cookies = sent(secure if url.startswith("https") else plain)
            assert (cookie.partition("=")[0] in cookies) == comes_back

    run_wrapper(body)


@pytest.mark.parametrize("suffix", ["co.uk", "com.au", "github.io"])
def test_a_public_suffix_is_nobodys_domain(run_wrapper: RunWrapper, suffix: str) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        async with keeping(Line) as ledger:
            hosts = [f"shop.{suffix}", f"other.{suffix}"]
            session = wrapper.session(
                connect_to={f"{host}:80": f"127.0.0.1:{ledger.port}" for host in hosts}
            )
            await session.get(f"http://{hosts[0]}/?set=a=1;%20Domain={suffix}")
            await session.get(f"http://{hosts[0]}/?set=b=1;%20Domain={hosts[0]}")
            assert session.cookies() == {"b": "1"}
            await session.get(f"http://{hosts[1]}/")
            assert sent(ledger) == {}

    run_wrapper(body)


@pytest.mark.slow
def test_a_cookie_expires(run_wrapper: RunWrapper) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        async with keeping(Line) as ledger:
            session = wrapper.session()
            await session.get(f"{ledger.url}/?set=a=1;%20Max-Age=2")
            await session.get(f"{ledger.url}/?set=b=2")
            assert session.cookies() == {"a": "1", "b": "2"}
            await until(lambda: session.cookies() == {"b": "2"})
            await session.get(ledger.url)
            assert sent(ledger) == {"b": "2"}

    run_wrapper(body)


def test_a_server_takes_its_cookie_back(run_wrapper: RunWrapper) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        async with keeping(Line) as ledger:
            session = wrapper.session()
            await session.get(f"{ledger.url}/?set=a=1")
            await session.get(f"{ledger.url}/?set=a=;%20Max-Age=0")
            await session.get(ledger.url)
            assert (sent(ledger), session.cookies()) == ({}, {})

    run_wrapper(body)


def test_erased_while_requests_run(run_wrapper: RunWrapper) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        async with keeping(Line) as ledger:
            session = wrapper.session(timeout=NEVER)
            await session.get(f"{ledger.url}/?set=a=1")
            task = asyncio.create_task(session.get(f"{ledger.url}/hold"))
            await until(lambda: len(ledger.heads) == 2)
            session.erase_all_cookies()
            answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nSet-Cookie: b=2\r\n\r\n"
            ledger.lines[0].transport.write(answer)
            assert (await task).cookies == {"b": "2"}

    run_wrapper(body)


def test_answers_show_the_cookies_of_a_session_that_ended(run_wrapper: RunWrapper) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        async with keeping(Bundle) as ledger:
            for kind in KINDS:
                session = wrapper.session("2-prior-knowledge", connections=kind)
                response = await session.get(f"{ledger.url}/?set=a=1")
                response = await session.get(ledger.url)
                assert ledger.lines[-1].fields[-1]["cookie"] == "a=1"
                session.close()
                assert (session.cookies(), response.cookies) == ({}, {"a": "1"})
                assert "--cookie a=1" in response.request.to_curl()

    run_wrapper(body)


@pytest.mark.parametrize("kind", KINDS)
def test_a_jar_goes_through_a_file(run_wrapper: RunWrapper, tmp_path: Path, kind: Any) -> None:
    path = tmp_path / "cookies.txt"

    async def body(wrapper: acurl.CurlWrapper) -> None:
        async with keeping(Line) as ledger:
            session = wrapper.session(connections=kind)
            for cookie in ("a=1", "b=2;%20HttpOnly", "c=3;%20Path=/x", "d=4;%20Max-Age=1000"):
                await session.get(f"{ledger.url}/?set={cookie}")
            session.save_cookies(path)
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
            other = wrapper.session(connections=kind)
            other.load_cookies(path)
            assert other.cookies() == session.cookies() == dict(zip("abcd", "1234", strict=True))
            await other.get(f"{ledger.url}/x")
            assert sent(ledger) == {"a": "1", "b": "2", "c": "3", "d": "4"}
            await other.get(ledger.url)
            assert "c" not in sent(ledger)
            again = tmp_path / "again.txt"
            other.save_cookies(again)
            assert sorted(again.read_text().split("\n")) == sorted(path.read_text().split("\n"))

    run_wrapper(body)


def test_files_that_cannot_be_had(run_wrapper: RunWrapper, tmp_path: Path) -> None:
    bad = tmp_path / "bad"
    bad.write_text("127.0.0.1\tTRUE\t/\tFALSE\t0\ta\t1\nno cookie\n")

    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session()
        with pytest.raises(FileNotFoundError):
            session.load_cookies(tmp_path / "none")
        with pytest.raises(acurl.RequestError, match=r"bad', line 2: cookie line must have 7"):
            session.load_cookies(bad)
        assert session._jar is None  # all of a file or nothing
        session.save_cookies(tmp_path / "empty")
        session.load_cookies(tmp_path / "empty")
        assert session.cookies() == {}
        with pytest.raises(FileNotFoundError):
            session.save_cookies(tmp_path / "none" / "file")
        session.close()
        bad.write_text("127.0.0.1\tTRUE\t/\tFALSE\t0\ta\t1\n")
        with pytest.raises(acurl.EngineClosed):
            session.load_cookies(bad)

    run_wrapper(body)
