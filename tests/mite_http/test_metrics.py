import acurl
import acurl.response as layout
from acurl.response import (
    APPCONNECT,
    CONNECT,
    CONNECTION_ID,
    DOWNLOAD_SIZE,
    HTTP_VERSION,
    IP_LEN,
    NAMELOOKUP,
    NEW_CONNECTIONS,
    PRETRANSFER,
    RETRIES,
    START,
    STARTTRANSFER,
    STATUS,
    TOTAL,
    UPLOAD_SIZE,
    WAIT,
)
from mite_http import metrics

UPSTREAM = {
    "start_time",
    "effective_url",
    "response_code",
    "dns_time",
    "connect_time",
    "tls_time",
    "transfer_start_time",
    "first_byte_time",
    "total_time",
    "primary_ip",
    "method",
}
OURS = {"retries", "host", "pool_wait", "http_version", "connection_id", "reused"}


URL = "https://me:secret@example.com:8443/a?b"
RECORD = {
    START: 1_700_000_000_000_000,
    NAMELOOKUP: 100_000,
    CONNECT: 200_000,
    APPCONNECT: 300_000,
    PRETRANSFER: 400_000,
    STARTTRANSFER: 500_000,
    TOTAL: 600_000,
    WAIT: 50_000,
    STATUS: 201,
    HTTP_VERSION: 3,
    NEW_CONNECTIONS: 2,
    RETRIES: 1,
    CONNECTION_ID: 7,
    UPLOAD_SIZE: 20,
    DOWNLOAD_SIZE: 10,
    IP_LEN: 8,
}


def response() -> acurl._Response:
    packed = layout.RECORD.pack(*(RECORD.get(field, 0) for field in range(27)))
    return acurl._Response(packed + b"10.0.0.1", acurl.Request(b"POST", URL))


def test_upstreams_keys_and_ours() -> None:
    message = metrics.of_response(response())
    assert message == {
        "type": "http_metrics",
        "start_time": 1.7e9,
        "effective_url": "https://me:secret@example.com:8443/a?b",
        "response_code": 201,
        "dns_time": 0.1,
        "connect_time": 0.2,
        "tls_time": 0.3,
        "transfer_start_time": 0.4,
        "first_byte_time": 0.5,
        "total_time": 0.6,
        "pool_wait": 0.05,
        "primary_ip": "10.0.0.1",
        "method": "POST",
        "download_size": 10,
        "upload_size": 20,
        "reused": False,
        "http_version": "2",
        "connection_id": 7,
        "retries": 1,
        "host": "example.com:8443",
    }
    assert set(message) >= UPSTREAM | OURS


def test_failures_have_the_same_keys() -> None:
    error = acurl.ConnectTimeout("too slow")
    error.request = acurl.Request(b"GET", "http://example.com/")
    error.total_time, error.pool_wait_time = 10.0, 0.5
    message = metrics.of_failure(error)
    assert set(message) >= UPSTREAM | OURS
    assert (message["response_code"], message["error"]) == (0, "ConnectTimeout")
    assert (message["host"], message["total_time"]) == ("example.com", 10.0)
    assert (message["pool_wait"], message["reused"]) == (0.5, False)
    assert (message["connection_id"], message["http_version"]) == (-1, "")


def test_a_failure_before_any_request() -> None:
    message = metrics.of_failure(acurl.AcurlError("odd"))
    assert (message["effective_url"], message["method"], message["host"]) == ("", "", "")


def test_urls_without_end_take_no_more_memory() -> None:
    for number in range(25_000):
        metrics._host(f"http://h{number}/")
    assert len(metrics._hosts) <= 10_000
