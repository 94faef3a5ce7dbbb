"""What a session adds to its requests, and what a request puts in its place."""

import asyncio
from typing import Any

import pytest

import acurl
from tests.acurl.conftest import RunWrapper
from tests.acurl.echo import Echo, headers_of
from tests.acurl.users.ledger import Line, keeping

BASIC = "Basic YWRhOng="  # ada, x


def sent(echo: Echo) -> dict[str, str]:
    """The headers of the latest request."""
    return dict(headers_of(echo.last()))


def target(echo: Echo) -> str:
    """Path and query of the latest request."""
    return echo.last().split()[1].decode()


def test_all_four_go_with_each_request(run_wrapper: RunWrapper, echo: Echo) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session(
            headers={"X-A": "1", "Accept": "a/b"},
            params={"p": [1, 2], "q": None},
            cookies={"c": "3"},
            auth=("ada", "x"),
        )
        for verb in (session.get, session.post, session.delete, session.options):
            await verb(f"{echo.url}/way?own=0#there")
            assert target(echo) == "/way?own=0&p=1&p=2"
            got = sent(echo)
            assert (got["x-a"], got["accept"], got["cookie"]) == ("1", "a/b", "c=3")
            assert got["authorization"] == BASIC

    run_wrapper(body)


def test_what_a_request_gives_wins(run_wrapper: RunWrapper, echo: Echo) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session(
            headers=[("X-A", "1"), ("X-B", "2"), ("X-A", "3")], cookies={"c": "3", "d": "4"}
        )
        await session.get(echo.url, headers={"x-a": "own"}, cookies={"c": "own"})
        assert [pair for pair in headers_of(echo.last()) if pair[0][0] == "x"] == [
            ("x-b", "2"),
            ("x-a", "own"),
        ]
        assert sorted(sent(echo)["cookie"].split("; ")) == ["c=own", "d=4"]
        await session.get(echo.url)
        assert [value for name, value in headers_of(echo.last()) if name == "x-a"] == ["1", "3"]
        assert sorted(sent(echo)["cookie"].split("; ")) == ["c=3", "d=4"]

    run_wrapper(body)


def test_parameters_of_both_are_sent(run_wrapper: RunWrapper, echo: Echo) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session(params=[("a", "1")])
        await session.get(f"{echo.url}/?u=0", params={"a": "2", "b": "x y"})
        assert target(echo) == "/?u=0&a=1&a=2&b=x+y"
        await session.get(echo.url, params={})
        assert target(echo) == "/?a=1"

    run_wrapper(body)


OWN_WAYS: list[Any] = [
    {"auth": ("own", "y")},
    {"auth": acurl.Bearer("own")},
    {"headers": {"AUTHORIZATION": "Own y"}},
    {"login": "own:y"},
    {"login": "own"},
]


@pytest.mark.parametrize("own", OWN_WAYS)
@pytest.mark.parametrize(
    "given",
    [
        {"auth": ("ada", "x")},
        {"auth": acurl.Digest("ada", "x")},
        {"headers": {"authorization": BASIC}},
        {"headers": {"Authorization": "Odd"}, "auth": acurl.Bearer("ada")},
    ],
)
def test_one_brings_credentials_of_its_own(
    run_wrapper: RunWrapper, echo: Echo, given: Any, own: Any
) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        options = dict(own)
        login = options.pop("login", None)
        url = echo.url.replace("//", f"//{login}@") if login else echo.url
        plain = wrapper.session()
        await plain.get(url, **options)
        alone = [value for name, value in headers_of(echo.last()) if name == "authorization"]
        await wrapper.session(**given).get(url, **options)
        beside = [value for name, value in headers_of(echo.last()) if name == "authorization"]
        assert len(alone) == 1
        assert beside == alone

    run_wrapper(body)


def test_an_at_sign_elsewhere_is_no_login(run_wrapper: RunWrapper, echo: Echo) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session(auth=("ada", "x"))
        for rest in ("/a@b", "/?mail=a@b", "/#a@b"):
            await session.get(echo.url + rest)
            assert sent(echo)["authorization"] == BASIC

    run_wrapper(body)


def test_what_was_given_may_change_afterwards(run_wrapper: RunWrapper, echo: Echo) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        headers, cookies = {"X-A": "1"}, {"c": "1"}
        session = wrapper.session(headers=headers, cookies=cookies)
        headers["X-A"] = cookies["c"] = "2\n"
        await session.get(echo.url)
        assert (sent(echo)["x-a"], sent(echo)["cookie"]) == ("1", "c=1")

    run_wrapper(body)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"headers": {"X A": "1"}}, "header name 'X A'"),
        ({"headers": {"X-A": "1\r\nX-B: 2"}}, "header X-A.*must not contain CR, LF or NUL"),
        ({"headers": 5}, "headers must be a dict or pairs"),
        ({"params": 5}, "params must be a mapping"),
        ({"params": {"a": {}}}, "params: 'a' must be str"),
        ({"cookies": 5}, "cookies must be a dict, not int"),
        ({"cookies": [("a", "b")]}, "cookies must be a dict, not list"),
        ({"cookies": {"a": 5}}, "cookie 'a': value must be str or Cookie, not int"),
        ({"cookies": {"a": "b;c"}}, "cookie value: must not contain ';'"),
        ({"cookies": {"a=b": "c"}}, "cookie name 'a': must not contain '='"),
        ({"auth": "ada"}, "auth must be a tuple of two strings"),
    ],
)
def test_refused_when_the_session_is_made(
    run_wrapper: RunWrapper, options: Any, reason: str
) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        with pytest.raises(acurl.RequestError, match=reason):
            wrapper.session(**options)

    run_wrapper(body)


@pytest.mark.parametrize("cookies", [[("a", "b")], "a=b", 5])
def test_cookies_of_a_request_are_refused_beside_those_of_the_session(
    run_wrapper: RunWrapper, cookies: Any
) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        with pytest.raises(acurl.RequestError, match="cookies must be a dict"):
            await wrapper.session(cookies={"c": "1"}).get("http://127.0.0.1:1/", cookies=cookies)

    run_wrapper(body)


def test_cookies_go_to_the_host_that_is_asked(run_wrapper: RunWrapper, echo: Echo) -> None:
    by_name = echo.url.replace("127.0.0.1", "localhost")

    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session(cookies={"a": "1", "b": acurl.Cookie("localhost", "b", "2")})
        await session.get(echo.url)
        assert sent(echo)["cookie"] == "a=1"
        await session.get(by_name)
        assert sorted(sent(echo)["cookie"].split("; ")) == ["a=1", "b=2"]

    run_wrapper(body)


def test_a_twin_has_them_and_others_have_not(run_wrapper: RunWrapper, echo: Echo) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session(headers={"X-A": "1"}, cookies={"c": "1"}, auth=("ada", "x"))
        await session.get(echo.url)
        twin = session.twin()
        assert twin.cookies() == {}
        await twin.get(echo.url)
        got = sent(echo)
        assert (got["x-a"], got["cookie"], got["authorization"]) == ("1", "c=1", BASIC)
        await wrapper.session().get(echo.url)
        assert not {"x-a", "cookie", "authorization"} & sent(echo).keys()

    run_wrapper(body)


@pytest.mark.parametrize("same_origin", [False, True])
@pytest.mark.parametrize("way", ["auth", "headers"])
def test_where_a_redirect_leads(run_wrapper: RunWrapper, way: str, same_origin: bool) -> None:
    given: Any = {
        "auth": {"auth": ("ada", "x"), "headers": {"X-A": "1"}},
        "headers": {"headers": {"Authorization": BASIC, "X-A": "1", "Cookie": "z=1"}},
    }[way]

    async def body(wrapper: acurl.CurlWrapper) -> None:
        async with keeping(Line) as ledger, keeping(Line) as elsewhere:
            session = wrapper.session(**given, params={"key": "k"})
            goal = ledger if same_origin else elsewhere
            response = await session.get(f"{ledger.url}/to/{goal.url}/goal")
            assert response.url == f"{goal.url}/goal"  # what the server named and no more
            head = goal.heads[-1].lower()
            assert ("authorization: basic ywrhong=" in head) == same_origin
            assert ("cookie: z=1" in head) == (same_origin and way == "headers")
            assert "x-a: 1" in head

    run_wrapper(body)


def test_sessions_with_defaults_beside_each_other(run_wrapper: RunWrapper, echo: Echo) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        users = [wrapper.session(headers={"X-Me": str(n)}, auth=(str(n), "x")) for n in range(50)]
        answers = await asyncio.gather(*(user.get(echo.url) for user in users * 4))
        for number, answer in enumerate(answers):
            got = dict(headers_of(answer.body))
            assert got["x-me"] == str(number % 50)
            assert got["authorization"] == acurl.Basic(str(number % 50), "x").header

    run_wrapper(body)


def test_parameters_of_an_iterator_go_with_each_request(
    run_wrapper: RunWrapper, echo: Echo
) -> None:
    pairs = {"p": "1", "q": "2"}
    iterators: list[Any] = [
        iter(pairs.items()),
        zip("pq", "12", strict=True),
        map(tuple, ["p1", "q2"]),
    ]

    async def body(wrapper: acurl.CurlWrapper) -> None:
        for given in iterators:
            session = wrapper.session(params=given)
            for _ in range(2):
                await session.get(f"{echo.url}/way")
                assert target(echo) == "/way?p=1&q=2"
        session = wrapper.session(headers=iter([("X-A", "1")]))
        for _ in range(2):
            await session.get(echo.url)
            assert sent(echo)["x-a"] == "1"

    run_wrapper(body)
