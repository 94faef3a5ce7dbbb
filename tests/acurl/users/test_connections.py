"""Connections of one user: kept for him alone, never lost to others, ended with him."""

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

import acurl
from tests.acurl.conftest import RunWrapper, until
from tests.acurl.users.ledger import Bundle, Ledger, Line, keeping
from tests.servers.certificates import Certificates
from tests.servers.loops import RunAsync
from tests.servers.nginx import Nginx

NEVER = acurl.Timeout(None, total=None)
WITHIN = 2.0
"""Seconds; a server hears of an end within one when the machine has nothing else to do."""


def users(wrapper: acurl.CurlWrapper, count: int, **options: Any) -> list[acurl.Session]:
    return [wrapper.session(connections="session", **options) for _ in range(count)]


async def all_get(sessions: list[acurl.Session], url: str) -> list[acurl._Response]:
    return await asyncio.gather(*(session.get(url) for session in sessions))


async def soon(condition: Any) -> None:
    async with asyncio.timeout(WITHIN):
        await until(condition)


KINDS = ["http/1.1", "tls", "h2", "h2c"]


@asynccontextmanager
async def speaking(kind: str, certificates: Certificates) -> AsyncIterator[tuple[Ledger, Any]]:
    """A server of a kind, and the options with which a session reaches it."""
    protocol = Bundle if kind in {"h2", "h2c"} else Line
    certificate = certificates.good if kind in {"tls", "h2"} else None
    version = {"h2": "2", "h2c": "2-prior-knowledge"}.get(kind, "auto")
    options = {"verify": str(certificates.ca_file), "http_version": version, "timeout": NEVER}
    async with keeping(protocol, certificate) as ledger:
        yield ledger, options


@pytest.mark.parametrize("kind", KINDS)
def test_each_session_has_one_and_keeps_it(
    run_wrapper: RunWrapper, certificates: Certificates, kind: str
) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        async with speaking(kind, certificates) as (ledger, options):
            sessions = users(wrapper, 20, **options)
            rounds = [await all_get(sessions, ledger.url) for _ in range(3)]
            reused = [[answer.reused for answer in answers] for answers in rounds]
            assert reused == [[False] * 20, [True] * 20, [True] * 20]
            numbers = [[answer.connection_id for answer in answers] for answers in rounds]
            assert numbers == [numbers[0]] * 3
            assert len(set(numbers[0])) == 20
            assert [len(line.heads) for line in ledger.lines] == [3] * 20
            stats = wrapper.stats()
            assert (stats.opened, stats.idle, stats.closed) == (20, 20, 0)

    run_wrapper(body)


@pytest.mark.parametrize("kind", KINDS)
def test_they_end_with_their_session(
    run_wrapper: RunWrapper, certificates: Certificates, kind: str
) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        async with speaking(kind, certificates) as (ledger, options):
            first, second = users(wrapper, 2, **options)
            held = [await first.get(f"{ledger.url}/?set=a=1")]
            held += await all_get([first, second], ledger.url)
            first.close()
            await soon(lambda: ledger.open == 1)
            assert not ledger.lines[0].is_open
            assert held[0].cookies == {"a": "1"}
            assert (await second.get(ledger.url)).connection_id == held[2].connection_id
            second.close()
            second.close()
            await soon(lambda: ledger.open == 0)
            stats = wrapper.stats()
            assert (stats.opened, stats.closed, stats.idle, stats.faults) == (2, 2, 0, 0)

    run_wrapper(body)


def test_they_end_with_the_collector(run_wrapper: RunWrapper) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        async with keeping(Line) as ledger:
            for collected in (False, True):
                sessions: list[Any] = users(wrapper, 10)
                await all_get(sessions, ledger.url)
                if collected:
                    sessions.append(sessions)  # a cycle
                del sessions
                gc.collect()
                await soon(lambda: ledger.open == 0)
            assert wrapper.stats().closed == 20

    run_wrapper(body)


def test_a_session_closed_while_it_is_used(run_wrapper: RunWrapper) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        async with keeping(Line) as ledger:
            (session,) = users(wrapper, 1, timeout=NEVER)
            await session.get(ledger.url)
            streamed = await session.get(f"{ledger.url}/half", stream=True)
            whole = asyncio.create_task(session.get(f"{ledger.url}/hold"))
            await until(lambda: len(ledger.heads) == 3)
            session.close()
            assert ledger.open == 2
            ledger.lines[0].transport.write(b"lf")
            assert await streamed.read() == b"half"
            ledger.lines[1].transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx")
            assert (await whole).body == b"x"
            await soon(lambda: ledger.open == 0)
            assert wrapper.stats().faults == 0

    run_wrapper(body)


@pytest.mark.parametrize("kind", ["http/1.1", "h2"])
def test_parallel_requests_of_one_user_stay_with_him(
    run_wrapper: RunWrapper, certificates: Certificates, kind: str
) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        async with speaking(kind, certificates) as (ledger, options):
            sessions = users(wrapper, 5, **options)
            for _ in range(3):
                await asyncio.gather(
                    *(user.get(f"{ledger.url}/{n}") for n, user in enumerate(sessions * 6))
                )
            paths = [
                [str(head).split()[kind != "h2"] for head in line.heads] for line in ledger.lines
            ]
            assert [len({int(path[1:]) % 5 for path in one}) for one in paths] == [1] * len(paths)
            assert len(ledger.lines) == 5 if kind == "h2" else 5 <= len(ledger.lines) <= 30

    run_wrapper(body)


@pytest.mark.slow
def test_many_users_lose_nothing_to_each_other(run_wrapper: RunWrapper) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        async with keeping(Line) as ledger:
            sessions = users(wrapper, 300)
            first = await all_get(sessions, ledger.url)
            await asyncio.sleep(1.5)  # longer than what is too much is kept
            second = await all_get(sessions, ledger.url)
            assert {answer.reused for answer in second} == {True}
            for one, other in zip(first, second, strict=True):
                assert one.connection_id == other.connection_id
            assert (len(ledger.lines), wrapper.stats().closed_pool_limit) == (300, 0)

    run_wrapper(body, max_connects=10)


@pytest.mark.slow
def test_idle_ones_expire(run_wrapper: RunWrapper) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        async with keeping(Line) as ledger:
            sessions = [*users(wrapper, 3), wrapper.session()]
            await all_get(sessions, ledger.url)
            assert ledger.open == 4
            async with asyncio.timeout(5):
                await until(lambda: ledger.open == 0)
            assert wrapper.stats().closed_expired == 4
            again = await all_get(sessions, ledger.url)
            assert [(answer.reused, answer.retries) for answer in again] == [(False, 0)] * 4

    run_wrapper(body, keepalive_expiry=1.1)


def test_the_engine_is_closed_before_its_sessions(run_async: RunAsync) -> None:
    async def main() -> None:
        async with keeping(Line) as ledger:
            wrapper = acurl.CurlWrapper(asyncio.get_running_loop())
            sessions = users(wrapper, 3)
            answers = await all_get(sessions, f"{ledger.url}/?set=a=1")
            wrapper.close()
            await soon(lambda: ledger.open == 0)
            sessions[0].close()
            for session in sessions:
                with pytest.raises(acurl.EngineClosed):
                    await session.get(ledger.url)
            with pytest.raises(acurl.EngineClosed):
                sessions[0].twin()
            del session, sessions, answers
            gc.collect()

    run_async(main())


def test_a_twin_has_its_own(run_wrapper: RunWrapper) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        async with keeping(Line) as ledger:
            (session,) = users(wrapper, 1)
            first = await session.get(ledger.url)
            twin = session.twin()
            second = await twin.get(ledger.url)
            assert (second.reused, ledger.open) == (False, 2)
            session.close()
            again = await twin.get(ledger.url)
            assert first.connection_id != second.connection_id == again.connection_id

    run_wrapper(body)


def test_numbers_are_unique_over_all_kinds(run_wrapper: RunWrapper) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        async with keeping(Line) as ledger:
            seen = set()
            for _ in range(5):
                for kind in ("shared", "session", "request"):
                    session = wrapper.session(connections=kind)
                    seen.add((await session.get(ledger.url)).connection_id)
                    session.close()
            assert len(seen) == 1 + 5 + 5 == len(ledger.lines)

    run_wrapper(body)


@pytest.mark.parametrize("kind", ["http/1.1", "h2"])
@pytest.mark.parametrize("of", ["session", "request"])
def test_a_new_one_for_each_request(
    run_wrapper: RunWrapper, certificates: Certificates, kind: str, of: str
) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        async with speaking(kind, certificates) as (ledger, options):
            new: Any = {"connections": "request"}
            session = wrapper.session(**options, **(new if of == "session" else {}))
            each = {} if of == "session" else new
            for count in range(1, 6):
                answer = await session.get(ledger.url, **each)
                assert (answer.reused, len(ledger.lines)) == (False, count)
                await soon(lambda: ledger.open == 0)
            await asyncio.gather(*(session.get(ledger.url, **each) for _ in range(10)))
            assert [len(line.heads) for line in ledger.lines] == [1] * 15
            await soon(lambda: ledger.open == 0)

    run_wrapper(body)


@pytest.mark.parametrize("kind", ["http/1.1", "h2"])
def test_kinds_beside_each_other(
    run_wrapper: RunWrapper, certificates: Certificates, kind: str
) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        async with speaking(kind, certificates) as (ledger, options):
            (own,) = users(wrapper, 1, **options)
            shared = [wrapper.session(**options) for _ in range(2)]
            new = wrapper.session(**options, connections="request")
            whose: dict[int, set[str]] = {}
            for _ in range(3):
                for name, session in (
                    ("own", own), ("shared", shared[0]), ("new", new), ("shared", shared[1])
                ):  # fmt: skip
                    answer = await session.get(ledger.url)
                    whose.setdefault(answer.connection_id, set()).add(name)
                once = await own.get(ledger.url, connections="request")
                whose.setdefault(once.connection_id, set()).add("once")
            assert sorted(map(sorted, whose.values())) == [
                *[["new"]] * 3, *[["once"]] * 3, ["own"], ["shared"],
            ]  # fmt: skip
            await soon(lambda: ledger.open == 2)

    run_wrapper(body)


def test_the_wrapper_says_what_its_sessions_have(run_wrapper: RunWrapper) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        async with keeping(Line) as ledger:
            await all_get([wrapper.session() for _ in range(5)], ledger.url)
            await all_get([wrapper.session(connections="shared") for _ in range(5)], ledger.url)
            assert len(ledger.lines) == 5 + 5

    run_wrapper(body, connections="session")


Harm = Any


async def cancelled(ledger: Ledger, session: acurl.Session) -> None:
    task = asyncio.create_task(session.get(f"{ledger.url}/hold"))
    before = len(ledger.heads)
    await until(lambda: len(ledger.heads) > before)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def timed_out(ledger: Ledger, session: acurl.Session) -> None:
    with pytest.raises(acurl.ReadTimeout):
        await session.get(f"{ledger.url}/hold", timeout=acurl.Timeout(read=0.05))


async def too_large(ledger: Ledger, session: acurl.Session) -> None:
    with pytest.raises(acurl.ResponseTooLarge):
        await session.get(ledger.url, max_response_size=1)


async def ended_early(ledger: Ledger, session: acurl.Session) -> None:
    await (await session.get(f"{ledger.url}/half", stream=True)).aclose()


async def closed_by_the_server(ledger: Ledger, session: acurl.Session) -> None:
    ledger.lines[0].transport.abort()
    await until(lambda: not ledger.lines[0].is_open)


async def broken_off(ledger: Ledger, session: acurl.Session) -> None:
    task = asyncio.create_task(session.get(f"{ledger.url}/half"))
    before = len(ledger.heads)
    await until(lambda: len(ledger.heads) > before)
    ledger.lines[0].transport.abort()
    (error,) = await asyncio.gather(task, return_exceptions=True)
    assert isinstance(error, acurl.AcurlError)


def names_on(line: Any) -> set[str]:
    """Whose requests came over a connection."""
    return {name for name in ("harmed", "other", "fresh") for head in line.heads if name in head}


@pytest.mark.parametrize("kind", ["http/1.1", "tls", "h2c"])
@pytest.mark.parametrize(
    "harm", [cancelled, timed_out, too_large, ended_early, closed_by_the_server, broken_off]
)
def test_after_harm_each_still_has_his_own(
    run_wrapper: RunWrapper, certificates: Certificates, kind: str, harm: Harm
) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        async with speaking(kind, certificates) as (ledger, options):
            harmed, other = users(wrapper, 2, **options)
            await harmed.get(f"{ledger.url}/harmed")
            await harm(ledger, harmed)
            mine = await harmed.get(f"{ledger.url}/harmed")
            theirs = await other.get(f"{ledger.url}/other")
            assert theirs.reused is False
            fresh = await wrapper.session(**options).get(f"{ledger.url}/fresh")
            assert fresh.reused is False
            assert len({mine.connection_id, theirs.connection_id, fresh.connection_id}) == 3
            mixed = [line for line in ledger.lines if len(names_on(line)) > 1]
            assert mixed == []
            assert (await other.get(ledger.url)).connection_id == theirs.connection_id
            harmed.close()
            other.close()
            await soon(lambda: ledger.open == 1)

    run_wrapper(body)


def test_a_repeat_stays_with_its_user(run_wrapper: RunWrapper, nginx: Nginx) -> None:
    """The server ends each connection after ten requests, on HTTP/2 by GOAWAY."""

    async def body(wrapper: acurl.CurlWrapper) -> None:
        sessions = users(wrapper, 3, verify=False)
        owner: dict[int, int] = {}
        for _ in range(4):
            jobs = [
                (n, user.get(f"{nginx.short_tls}/small")) for n, user in enumerate(sessions * 8)
            ]
            answers = await asyncio.gather(*(job for _, job in jobs))
            for (number, _), answer in zip(jobs, answers, strict=True):
                assert answer.status_code == 200
                assert owner.setdefault(answer.connection_id, number % 3) == number % 3
        assert len(owner) > 6

    run_wrapper(body)


def test_a_dropped_http2_connection_is_replaced_beside_others(run_wrapper: RunWrapper) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        async with keeping(Bundle) as ledger:
            first, second = users(wrapper, 2, http_version="2-prior-knowledge")
            await first.get(ledger.url)
            await closed_by_the_server(ledger, first)
            await second.get(ledger.url)
            answer = await first.get(ledger.url)
            assert (answer.status_code, answer.retries) == (200, 1)

    run_wrapper(body)
