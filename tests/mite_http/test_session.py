from typing import Any

import pytest

import acurl
from mite.context import RootTransaction
from mite_http import SessionPool, create_http_cookie
from tests.mite_http.journeys import Told
from tests.servers.loops import RunAsync
from tests.servers.nginx import Nginx


def test_each_request_is_told_with_its_transaction(nginx: Nginx, run_async: RunAsync) -> None:
    told = Told()

    async def main() -> None:
        pool = SessionPool()
        async with RootTransaction(told.ctx), pool.session_context(told.ctx):
            async with told.ctx.transaction("look"):
                response = await told.ctx.http.get(f"{nginx.http}/small?told")
                assert response.status_code == 200
            await told.ctx.http.post(f"{nginx.http}/sink", data=b"12345")
        await told.run.close()

    run_async(main())
    first, second = told.requests
    assert (first["transaction"], first["journey"]) == ("__root__ :: look", "j:a")
    assert first["effective_url"] == f"{nginx.http}/small?told"
    assert (first["response_code"], first["method"], first["download_size"]) == (200, "GET", 17)
    assert (first["http_version"], first["reused"], first["retries"]) == ("1.1", False, 0)
    assert (first["host"], first["primary_ip"]) == (nginx.http[7:], "127.0.0.1")
    assert 0 < first["connect_time"] <= first["first_byte_time"] <= first["total_time"] < 5
    assert abs(first["start_time"] - first["time"]) < 5
    assert (second["method"], second["upload_size"], second["reused"]) == ("POST", 5, True)
    assert second["connection_id"] == first["connection_id"]
    assert "error" not in first


def test_each_hop_of_a_redirect_is_one_request(nginx: Nginx, run_async: RunAsync) -> None:
    told = Told()

    async def main() -> None:
        async with SessionPool().session_context(told.ctx) as session:
            await session.get(f"{nginx.http}/chain/2")
        await told.run.close()

    run_async(main())
    assert [message["effective_url"][-8:] for message in told.requests] == [
        "/chain/2",
        "/chain/1",
        "/chain/0",
    ]


def test_a_failed_request_is_told_too(nginx: Nginx, run_async: RunAsync) -> None:
    told = Told()

    async def main() -> None:
        async with SessionPool().session_context(told.ctx) as session:
            with pytest.raises(acurl.TLSError):
                await session.get(f"{nginx.expired}/small")
        await told.run.close()

    run_async(main())
    (message,) = told.requests
    assert (message["response_code"], message["error"]) == (0, "TLSError")
    assert (message["method"], message["effective_url"]) == ("GET", f"{nginx.expired}/small")
    assert message["total_time"] > 0


def test_callback_sees_response_and_metrics_before_they_are_sent(
    nginx: Nginx, run_async: RunAsync
) -> None:
    told = Told()

    def callback(response: Any, metrics: dict[str, Any]) -> None:
        metrics["size"] = len(response.body)
        metrics["response_code"] = "must not win"

    async def main() -> None:
        async with SessionPool().session_context(told.ctx) as session:
            session.additional_metrics["tag"] = "a"
            session.set_response_callback(callback)
            await session.get(f"{nginx.http}/small")
            session.set_response_callback(None)
            session.additional_metrics = {"tag": "b"}
            await session.get(f"{nginx.http}/status/404")
        await told.run.close()

    run_async(main())
    first, second = told.requests
    assert (first["size"], first["tag"], first["response_code"]) == (17, "a", 200)
    assert (second.get("size"), second["tag"], second["response_code"]) == (None, "b", 404)


def test_all_else_is_the_sessions(nginx: Nginx, run_async: RunAsync) -> None:
    told = Told()

    async def main() -> None:
        pool = SessionPool()
        async with pool.session_context(told.ctx) as session:
            assert session.pool is pool
            assert repr(session).startswith("AcurlSessionWrapper(<Session")
            await session.get(f"{nginx.http}/cookie/set")
            assert session.cookies()["flavour"] == "oat"
            session.erase_all_cookies()
            assert session.cookies() == {}
            for verb in ("put", "patch", "delete", "head", "options"):
                assert (await getattr(session, verb)(f"{nginx.http}/mirror")).status_code == 200
            with pytest.raises(AttributeError):
                session.no_such_thing  # noqa: B018
        await told.run.close()

    run_async(main())
    assert [message["method"] for message in told.requests[1:]] == [
        "PUT",
        "PATCH",
        "DELETE",
        "HEAD",
        "OPTIONS",
    ]


def test_requests_of_a_twin_are_told_too(nginx: Nginx, run_async: RunAsync) -> None:
    told = Told()

    async def main() -> None:
        async with RootTransaction(told.ctx), SessionPool().session_context(told.ctx):
            twin = told.ctx.http.twin()
            await twin.get(f"{nginx.http}/small?twin")
            twin.close()
        await told.run.close()

    run_async(main())
    assert [message["effective_url"] for message in told.requests] == [f"{nginx.http}/small?twin"]


def test_each_user_may_have_connections_of_his_own(nginx: Nginx, run_async: RunAsync) -> None:
    told = Told()

    async def main() -> None:
        pool = SessionPool(connections="session")
        async with RootTransaction(told.ctx):
            for _user in range(2):
                async with pool.session_context(told.ctx):
                    for _ in range(2):
                        await told.ctx.http.get(f"{nginx.http}/small?own")
        await told.run.close()

    run_async(main())
    assert [message["reused"] for message in told.requests] == [False, True, False, True]


def test_an_answer_counts_whatever_the_callback_does(nginx: Nginx, run_async: RunAsync) -> None:
    told = Told()

    async def main() -> None:
        async with SessionPool().session_context(told.ctx) as session:
            session.set_response_callback(lambda response, metrics: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                await session.get(f"{nginx.http}/small")
        await told.run.close()

    run_async(main())
    assert [message["response_code"] for message in told.requests] == [200]


def test_a_cookie_is_made_as_upstream_makes_it() -> None:
    cookie = create_http_cookie(Told().ctx, "example.com", "k", "v")
    assert isinstance(cookie, acurl.Cookie)
    assert (cookie.name, cookie.value) == ("k", "v")
