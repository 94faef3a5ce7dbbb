"""The ``http_metrics`` message of one request: upstream's keys, and ours beside them.

Times are seconds on libcurl's clock since the request started; ``start_time`` is wall clock.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import acurl

_MOST_HOSTS = 10_000
_hosts: dict[str, str] = {}


def of_response(response: Any) -> dict[str, Any]:
    """The message of an answered request."""
    url = response.url
    return {
        "type": "http_metrics",
        "start_time": response.start_time,
        "effective_url": url,
        "response_code": response.status_code,
        "dns_time": response.namelookup_time,
        "connect_time": response.connect_time,
        "tls_time": response.appconnect_time,
        "transfer_start_time": response.pretransfer_time,
        "first_byte_time": response.starttransfer_time,
        "total_time": response.total_time,
        "pool_wait_time": response.pool_wait_time,
        "primary_ip": response.primary_ip,
        "method": response.request.method.decode(),
        "download_size": response.download_size,
        "upload_size": response.upload_size,
        "reused": response.reused,
        "http_version": response.http_version,
        "connection_id": response.connection_id,
        "retries": response.retries,
        "host": _host(url),
    }


def of_failure(error: acurl.AcurlError) -> dict[str, Any]:
    """The message of a request that got no whole answer: ``response_code`` 0, and ``error``."""
    request = error.request
    url = "" if request is None else request.url
    return {
        "type": "http_metrics",
        "start_time": error.start_time,
        "effective_url": url,
        "response_code": 0,
        "error": type(error).__name__,
        "dns_time": error.namelookup_time,
        "connect_time": error.connect_time,
        "tls_time": error.appconnect_time,
        "transfer_start_time": error.pretransfer_time,
        "first_byte_time": error.starttransfer_time,
        "total_time": error.total_time,
        "primary_ip": error.primary_ip,
        "method": "" if request is None else request.method.decode(),
        "retries": error.retries,
        "host": _host(url),
    }


def _host(url: str) -> str:
    """Host and port of a URL; parsed once per URL, since few load tests have many."""
    host = _hosts.get(url)
    if host is None:
        if len(_hosts) >= _MOST_HOSTS:
            _hosts.clear()
        host = _hosts[url] = urlsplit(url).netloc.rpartition("@")[2]
    return host
