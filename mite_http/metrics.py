"""The ``http_metrics`` message of one request: upstream's keys, and ours beside them.

Times are seconds on libcurl's clock since the request started; ``start_time`` is wall clock.
"""

from __future__ import annotations

import re
from typing import Any

import acurl

_MOST_HOSTS = 10_000
# urllib refuses some URLs that were sent.
_AUTHORITY_END = re.compile(r"[/?#]")
_hosts: dict[str, str] = {}


def of_response(response: Any) -> dict[str, Any]:
    """The message of an answered request."""
    request = response.request
    url = request.url
    (
        start,
        namelookup,
        connect,
        appconnect,
        pretransfer,
        starttransfer,
        total,
        pool_wait,
        upload_size,
        download_size,
        connection_id,
        new_connections,
        retries,
        status,
        http_version,
        primary_ip,
    ) = response.figures()
    return {
        "type": "http_metrics",
        "start_time": start,
        "effective_url": url,
        "response_code": status,
        "dns_time": namelookup,
        "connect_time": connect,
        "tls_time": appconnect,
        "transfer_start_time": pretransfer,
        "first_byte_time": starttransfer,
        "total_time": total,
        "pool_wait": pool_wait,
        "primary_ip": primary_ip,
        "method": request.method.decode(),
        "download_size": download_size,
        "upload_size": upload_size,
        "reused": new_connections == 0,
        "http_version": http_version,
        "connection_id": connection_id,
        "retries": retries,
        "host": _hosts.get(url) or _host(url),
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
        "pool_wait": error.pool_wait_time,
        "primary_ip": error.primary_ip,
        "method": "" if request is None else request.method.decode(),
        "reused": error.reused,
        "http_version": error.http_version,
        "connection_id": error.connection_id,
        "retries": error.retries,
        "host": _host(url),
    }


def _host(url: str) -> str:
    """Host and port of a URL; parsed once per URL, since few load tests have many."""
    host = _hosts.get(url)
    if host is None:
        if len(_hosts) >= _MOST_HOSTS:
            _hosts.clear()
        host = _hosts[url] = _AUTHORITY_END.split(url.partition("://")[2], 1)[0].rpartition("@")[2]
    return host
