"""``pool.check(url)``: one real request, and all that can be told of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import acurl
from acurl import _Response

if TYPE_CHECKING:
    from mite_http.branch import Branch

_MONTHS = {
    name: number
    for number, name in enumerate(
        ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"), 1
    )
}
# As OpenSSL writes it, whatever the locale: "Nov  8 12:00:00 2027 GMT".
_DATE = re.compile(r"([A-Z][a-z]{2})\s+(\d+) (\d+):(\d+):(\d+)(?:\.\d+)? (\d{4}) GMT")
_DAY = 86400.0


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What one request to ``url`` met; times are seconds since it started, 0.0 if not reached.

    ``error``: None, or what went wrong; then ``status`` is 0 unless an answer came.
    ``tls_version``, ``cipher``: such as "TLSv1.3" and "TLS_AES_256_GCM_SHA384".  ``subject``,
    ``issuer``: of the server's certificate, which is good for ``days_left`` more days.  All of
    these are None without TLS, over HTTP/3 and where libcurl does not tell.
    """

    url: str
    error: str | None = None
    status: int = 0
    http_version: str = ""
    address: str = ""
    namelookup_time: float = 0.0
    connect_time: float = 0.0
    tls_time: float = 0.0
    first_byte_time: float = 0.0
    total_time: float = 0.0
    tls_version: str | None = None
    cipher: str | None = None
    subject: str | None = None
    issuer: str | None = None
    expires: datetime | None = None
    days_left: float | None = None

    @property
    def ok(self) -> bool:
        """Whether an answer came, whatever its status."""
        return self.error is None

    def __str__(self) -> str:
        if self.error is not None:
            return f"{self.url}: {self.error}"
        days = "" if self.days_left is None else f", certificate for {self.days_left:.0f} more days"
        return (
            f"{self.url}: {self.status} over HTTP/{self.http_version} in "
            f"{self.total_time * 1000:.1f} ms{days}"
        )


async def check_url(branch: Branch, url: str, method: str = "GET") -> CheckResult:
    """Send one request over a connection of its own, with a full handshake."""
    if branch.first is None:
        raise acurl.EngineClosed("the pool is closed")
    session = branch.first.twin()
    version = branch.pool.options.http_version
    request = session.request(
        method,
        url,
        allow_redirects=False,
        connections="request",
        # A resumed session comes without certificates.
        tls_resumption=False,
        cert_info=version != "3",
        discard_body=True,
    )
    try:
        response = await branch.own(request)
    except acurl.AcurlError as error:
        return _failed(url, error)
    finally:
        session.close()
    return _answered(url, response)


def _failed(url: str, error: acurl.AcurlError) -> CheckResult:
    return CheckResult(
        url,
        error=f"{type(error).__name__}: {error}",
        http_version=error.http_version,
        address=error.primary_ip,
        namelookup_time=error.namelookup_time,
        connect_time=error.connect_time,
        tls_time=error.appconnect_time,
        first_byte_time=error.starttransfer_time,
        total_time=error.total_time,
    )


def _answered(url: str, response: _Response) -> CheckResult:
    certificate: Mapping[str, str] = next(iter(response.certificates), {})
    expires = parse_date(certificate.get("Expire date", ""))
    version, cipher = response.tls or (None, None)
    left = None if expires is None else (expires - datetime.now(UTC)).total_seconds() / _DAY
    return CheckResult(
        url,
        status=response.status_code,
        http_version=response.http_version,
        address=response.primary_ip,
        namelookup_time=response.namelookup_time,
        connect_time=response.connect_time,
        tls_time=response.appconnect_time,
        first_byte_time=response.starttransfer_time,
        total_time=response.total_time,
        tls_version=version,
        cipher=cipher,
        subject=certificate.get("Subject"),
        issuer=certificate.get("Issuer"),
        expires=expires,
        days_left=left,
    )


def parse_date(text: str) -> datetime | None:
    """A date of a certificate, None for what is none."""
    found = _DATE.fullmatch(text.strip())
    if found is None or found[1] not in _MONTHS:
        return None
    day, hour, minute, second, year = map(int, found.groups()[1:])
    try:
        return datetime(year, _MONTHS[found[1]], day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None
