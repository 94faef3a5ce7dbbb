"""What becomes of requests when a server refuses a stream or ends an HTTP/2 connection in order."""

import asyncio
from collections import Counter
from typing import Any

import pytest

import acurl
from tests.acurl.conftest import RunWrapper
from tests.faults.bystanders import Bystanders, meet
from tests.faults.conftest import H2ServerFactory
from tests.servers.h2raw import H2Connection, H2Script

Result = acurl._Response | BaseException
NO_ERROR, INTERNAL_ERROR, REFUSED_STREAM, ENHANCE_YOUR_CALM = 0, 2, 7, 11
STREAMS = (1, 3, 5)


def answer_all(connection: H2Connection) -> None:
    """Serve the connection as it should be."""
    answered = 0
    while True:
        for request in connection.requested(answered + 1)[answered:]:
            connection.respond(request.stream, request.path.encode())
            answered += 1


def first_connection(script: H2Script) -> H2Script:
    """That script for the first connection; later ones are served as they should be."""

    def run(connection: H2Connection) -> None:
        if connection.number == 1:
            script(connection)
        else:
            answer_all(connection)

    return run


async def three(
    wrapper: acurl.CurlWrapper, url: str, method: str = "GET", **options: Any
) -> list[Result]:
    """Three requests at once on one new connection, beside bystanders; paths /0, /1, /2."""
    session = wrapper.session("2-prior-knowledge", timeout=10)
    async with Bystanders(wrapper):
        requests = (session.request(method, f"{url}/{n}", **options) for n in range(3))
        return await asyncio.gather(*requests, return_exceptions=True)


def told(results: list[Result]) -> list[tuple[object, int]]:
    """Body, or kind of error, and retries of each."""
    return [
        (result.body if isinstance(result, acurl._Response) else type(result), result.retries)
        for result in results
        if isinstance(result, acurl._Response | acurl.AcurlError)
    ]


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_goaway_below_some_streams(
    run_wrapper: RunWrapper, h2_server: H2ServerFactory, method: str
) -> None:
    """The server takes stream 1 and has not looked at the others, so all may be repeated."""

    def script(connection: H2Connection) -> None:
        connection.requested(3)
        connection.go_away(1)
        connection.respond(1, connection.requests[1].path.encode())
        connection.until_gone()

    server = h2_server(first_connection(script))
    data = b"abc" if method == "POST" else None
    results = run_wrapper(lambda wrapper: three(wrapper, server.url, method, data=data))
    first = server.connections[0].requests[1].path
    expected = [(path.encode(), int(path != first)) for path in ("/0", "/1", "/2")]
    assert told(results) == expected
    seen = Counter(each.path for each in server.received())
    assert seen == {path: 1 + (path != first) for path in ("/0", "/1", "/2")}
    if data:
        assert {bytes(each.body) for each in server.received()} == {data}


def test_goaway_above_all_streams(run_wrapper: RunWrapper, h2_server: H2ServerFactory) -> None:
    """All are promised an answer, and get it on this connection."""

    def script(connection: H2Connection) -> None:
        connection.requested(3)
        connection.go_away(2**31 - 1)
        for stream in STREAMS:
            connection.respond(stream, connection.requests[stream].path.encode())
        connection.until_gone()

    server = h2_server(first_connection(script))
    results = run_wrapper(lambda wrapper: three(wrapper, server.url))
    assert told(results) == [(b"/0", 0), (b"/1", 0), (b"/2", 0)]
    assert len(server.received()) == 3


def test_no_new_request_goes_to_a_connection_that_said_goaway(
    run_wrapper: RunWrapper, h2_server: H2ServerFactory
) -> None:
    def script(connection: H2Connection) -> None:
        connection.requested(1)
        connection.go_away(1)
        connection.respond(1, b"last")
        connection.until_gone()

    server = h2_server(first_connection(script))

    async def body(wrapper: acurl.CurlWrapper) -> list[tuple[object, int]]:
        session = wrapper.session("2-prior-knowledge", timeout=10)
        return told([await session.get(f"{server.url}/{n}") for n in range(3)])

    assert run_wrapper(body) == [(b"last", 0), (b"/1", 0), (b"/2", 0)]
    assert [len(each.requests) for each in server.connections] == [1, 2]


def test_goaway_in_the_middle_of_answers(
    run_wrapper: RunWrapper, h2_server: H2ServerFactory
) -> None:
    """What the server still owes comes; answers that had begun and are refused are not repeated."""

    def script(connection: H2Connection) -> None:
        connection.requested(3)
        for stream in STREAMS:
            connection.headers(stream)
            connection.data(stream, b"half")
        connection.go_away(1)
        connection.data(1, b" and half", end=True)
        connection.until_gone()

    server = h2_server(first_connection(script))
    results = run_wrapper(lambda wrapper: three(wrapper, server.url))
    whole = [result for result in results if isinstance(result, acurl._Response)]
    refused = [result for result in results if isinstance(result, acurl.StreamError)]
    assert [response.body for response in whole] == [b"half and half"]
    assert [(error.code, error.stream_error) for error in refused] == [(56, "REFUSED_STREAM")] * 2
    assert all("refused the stream in the middle of its answer" in str(one) for one in refused)
    assert len(server.received()) == 3


def saying_calm_down(connection: H2Connection) -> None:
    """GOAWAY with an error, below all streams."""
    connection.requested(3)
    connection.go_away(0, ENHANCE_YOUR_CALM, b"too many")
    connection.end()


def leaving_after_an_answer(connection: H2Connection) -> None:
    """Close without a word, streams under way, on a connection that has served before."""
    connection.respond(connection.requested(1)[0].stream)
    connection.requested(4)
    connection.end()


def leaving_at_once(connection: H2Connection) -> None:
    """Close without a word, streams under way, on a connection that never served anybody."""
    connection.requested(3)
    connection.end()


@pytest.mark.parametrize("script", [saying_calm_down, leaving_after_an_answer, leaving_at_once])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_connection_that_ends_is_met_by_repeats_of_what_is_safe(
    run_wrapper: RunWrapper, h2_server: H2ServerFactory, method: str, script: H2Script
) -> None:
    """The server may have looked at these. A server that never answers at all, users must see."""
    server = h2_server(first_connection(script))
    data = b"abc" if method == "POST" else None

    async def body(wrapper: acurl.CurlWrapper) -> list[Result]:
        if script is leaving_after_an_answer:
            await wrapper.session("2-prior-knowledge").get(f"{server.url}/before")
        return await three(wrapper, server.url, method, data=data)

    results = run_wrapper(body)
    seen = Counter(each.path for each in server.received() if each.path != "/before")
    if method == "GET" and script is not leaving_at_once:
        assert told(results) == [(b"/0", 1), (b"/1", 1), (b"/2", 1)]
        assert set(seen.values()) == {2}
    else:
        kind = acurl.StreamError if script is saying_calm_down else acurl.ConnectError
        assert told(results) == [(kind, 0)] * 3
        if kind is acurl.StreamError:
            names = {getattr(result, "stream_error", None) for result in results}
            assert names == {"ENHANCE_YOUR_CALM"}
            assert all("ended with ENHANCE_YOUR_CALM" in str(result) for result in results)
        assert set(seen.values()) == {1}


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_refused_stream_is_repeated(
    run_wrapper: RunWrapper, h2_server: H2ServerFactory, method: str
) -> None:
    """The server says that it did nothing with the request, whatever its method."""

    def script(connection: H2Connection) -> None:
        for request in connection.requested(3):
            if request.path == "/1":
                connection.reset(request.stream, REFUSED_STREAM)
            else:
                connection.respond(request.stream, request.path.encode())
        connection.until_gone()

    server = h2_server(first_connection(script))
    data = b"abc" if method == "POST" else None
    results = run_wrapper(lambda wrapper: three(wrapper, server.url, method, data=data))
    assert told(results) == [(b"/0", 0), (b"/1", 1), (b"/2", 0)]
    assert Counter(each.path for each in server.received()) == {"/0": 1, "/1": 2, "/2": 1}


def answering_one(connection: H2Connection) -> None:
    """GOAWAY behind the first request of the connection."""
    first = connection.requested(1)[0]
    connection.go_away(first.stream)
    connection.respond(first.stream, first.path.encode())
    connection.until_gone()


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_refusals_do_not_count_while_others_are_answered(
    run_wrapper: RunWrapper, h2_server: H2ServerFactory, method: str
) -> None:
    """The last of ten is refused nine times, and max_retries is 3."""
    server = h2_server(answering_one)
    data = b"abc" if method == "POST" else None

    async def body(wrapper: acurl.CurlWrapper) -> list[acurl._Response]:
        session = wrapper.session("2-prior-knowledge", timeout=10)
        urls = [f"{server.url}/{n}" for n in range(10)]
        answers = await asyncio.gather(*(session.request(method, url, data=data) for url in urls))
        stats = wrapper.stats()
        assert (stats.closed_server_limit, stats.closed) == (stats.closed, stats.opened)
        return answers

    answers = run_wrapper(body)
    assert [answer.text for answer in answers] == [f"/{n}" for n in range(10)]
    assert max(answer.retries for answer in answers) > 3


@pytest.mark.parametrize("max_retries", [0, 1, 3])
def test_a_stream_that_is_always_refused_ends_although_others_are_answered(
    run_wrapper: RunWrapper, h2_server: H2ServerFactory, max_retries: int
) -> None:
    def script(connection: H2Connection) -> None:
        answered = 0
        while True:
            for request in connection.requested(answered + 1)[answered:]:
                answered += 1
                if request.path == "/unwanted":
                    connection.reset(request.stream, REFUSED_STREAM)
                else:
                    connection.respond(request.stream)

    server = h2_server(script)

    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session("2-prior-knowledge", timeout=20)
        unwanted = asyncio.ensure_future(session.get(f"{server.url}/unwanted"))
        while not unwanted.done():
            await session.get(f"{server.url}/wanted")
        # It is libcurl that gives up, where it has tried five times by itself.
        with pytest.raises(acurl.ConnectError, match=r"max_retries|on every connection"):
            await unwanted

    run_wrapper(body, max_retries=max_retries)
    seen = Counter(each.path for each in server.received())
    assert 1 + max_retries <= seen["/unwanted"] <= 1 + 11 * max_retries


def promising(connection: H2Connection) -> None:
    """GOAWAY above all streams, so that all may hope, and not an answer."""
    connection.requested(3)
    connection.go_away(5)
    connection.end()


def breaking(connection: H2Connection) -> None:
    """GOAWAY with an error above all streams; its name libcurl keeps to itself then."""
    connection.requested(3)
    connection.go_away(5, INTERNAL_ERROR)
    connection.end()


@pytest.mark.parametrize(
    ("script", "name"),
    [(promising, ""), (breaking, ""), (saying_calm_down, "ENHANCE_YOUR_CALM")],
)
def test_what_may_not_be_repeated_says_why_and_what_to_do(
    run_wrapper: RunWrapper, h2_server: H2ServerFactory, script: H2Script, name: str
) -> None:
    server = h2_server(first_connection(script))
    results = run_wrapper(lambda wrapper: three(wrapper, server.url, "POST", data=b"abc"))
    assert Counter(each.path for each in server.received()) == {"/0": 1, "/1": 1, "/2": 1}
    for result in results:
        assert isinstance(result, acurl.StreamError if name else acurl.ConnectError)
        assert getattr(result, "stream_error", "") == name
        assert name in str(result)
        assert str(result).rpartition("; ")[2].count(" ") > 1, "no advice"
        assert result.retries == 0


@pytest.mark.parametrize("max_retries", [0, 1, 3])
def test_a_stream_that_is_always_refused_ends_after_max_retries(
    run_wrapper: RunWrapper, h2_server: H2ServerFactory, max_retries: int
) -> None:
    def script(connection: H2Connection) -> None:
        (request,) = connection.requested()
        connection.reset(request.stream, REFUSED_STREAM)
        connection.until_gone()

    server = h2_server(script)

    async def body(wrapper: acurl.CurlWrapper) -> acurl.AcurlError:
        session = wrapper.session("2-prior-knowledge", timeout=10)
        (error,) = await meet(wrapper, server.url, session=session)
        return error

    error = run_wrapper(body, max_retries=max_retries)
    assert isinstance(error, acurl.ConnectError | acurl.StreamError)
    assert len(server.received()) == 1 + max_retries
    assert "max_retries" in str(error)


def test_an_end_in_order_between_requests_costs_nothing(
    run_wrapper: RunWrapper, h2_server: H2ServerFactory
) -> None:
    """GOAWAY on an idle connection: the next request makes a new one, and is sent once."""

    def script(connection: H2Connection) -> None:
        connection.respond(connection.requested()[0].stream, b"first")
        connection.go_away(1)
        connection.end()

    server = h2_server(first_connection(script))

    async def body(wrapper: acurl.CurlWrapper) -> list[tuple[object, int]]:
        session = wrapper.session("2-prior-knowledge", timeout=10)
        first = await session.get(f"{server.url}/0")
        return told([first, await session.get(f"{server.url}/1")])

    # libcurl may find the connection dead before it sends the request, or just then.
    first, (answer, retries) = run_wrapper(body)
    assert (first, answer) == ((b"first", 0), b"/1")
    assert retries in (0, 1)
    assert [each.path for each in server.connections[1].requests.values()] == ["/1"]
