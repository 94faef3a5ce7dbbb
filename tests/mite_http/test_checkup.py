from datetime import UTC, datetime

import pytest

import acurl
from mite_http import CheckResult, SessionPool
from mite_http.checkup import parse_date
from tests.mite_http.journeys import Told
from tests.servers.loops import RunAsync
from tests.servers.nginx import Nginx


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("Nov 28 00:30:10 2026 GMT", datetime(2026, 11, 28, 0, 30, 10, tzinfo=UTC)),
        ("Jan  1 23:59:59 2030 GMT", datetime(2030, 1, 1, 23, 59, 59, tzinfo=UTC)),
        ("Feb 30 00:00:00 2030 GMT", None),
        ("Foo  1 00:00:00 2030 GMT", None),
        ("2030-01-01", None),
        ("", None),
    ],
)
def test_dates_as_openssl_writes_them(text: str, date: datetime | None) -> None:
    assert parse_date(text) == date


def test_one_request_tells_all(nginx: Nginx, run_async: RunAsync) -> None:
    told = Told()
    pool = SessionPool(verify=str(nginx.ca_file))

    async def main() -> tuple[CheckResult, CheckResult]:
        async with pool.session_context(told.ctx):
            first = await pool.check(f"{nginx.https}/status/404?checked")
            # A resumed TLS session would come without the certificate.
            second = await pool.check(f"{nginx.https}/small")
        assert pool.stats().finished == 0
        await told.run.close()
        return first, second

    result, again = run_async(main())
    assert told.requests == []
    assert (result.ok, result.status, result.http_version) == (True, 404, "2")
    assert result.address == "127.0.0.1"
    assert 0 < result.connect_time <= result.tls_time <= result.first_byte_time
    assert result.first_byte_time <= result.total_time
    for one in (result, again):
        assert str(one.tls_version).startswith("TLSv1.")
        assert one.cipher is not None
        assert one.issuer is not None
        assert "trustme" in one.issuer
        assert one.subject is not None
        assert one.days_left is not None
        assert one.days_left > 300
    assert str(result).startswith(f"{nginx.https}/status/404?checked: 404 over HTTP/2 in ")
    assert str(result).endswith(" more days")
    logged = nginx.wait_requests("?checked", 1)[-1]
    assert (logged.method, logged.nth) == ("GET", 1)


def test_in_clear_there_are_no_facts_of_tls(nginx: Nginx, run_async: RunAsync) -> None:
    async def main() -> CheckResult:
        pool = SessionPool()
        try:
            return await pool.check(f"{nginx.http}/small")
        finally:
            pool.close()

    result = run_async(main())
    assert (result.status, result.tls_time, result.http_version) == (200, 0.0, "1.1")
    assert (result.subject, result.issuer, result.expires, result.days_left) == (None,) * 4


def test_a_failure_is_a_result(nginx: Nginx, run_async: RunAsync) -> None:
    async def main() -> CheckResult:
        pool = SessionPool(verify=str(nginx.ca_file))
        try:
            with pytest.raises(acurl.RequestError, match="must be a host"):
                await pool.check("ftp://nowhere")
            return await pool.check(f"{nginx.expired}/small")
        finally:
            pool.close()

    result = run_async(main())
    assert (result.ok, result.status) == (False, 0)
    assert result.error is not None
    assert result.error.startswith("TLSError: ")
    assert "expired" in str(result)
