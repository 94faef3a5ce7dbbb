"""What HTTP clients do when told nothing, read from what is installed: arguments are their names.

Prints JSON: per client its version, its row of the table in docs/clients.md (most connections, per
host, most kept idle, kept for, wait for one) and the names of its options.
"""

import asyncio
import json
import sys
from collections.abc import Callable, Iterable
from importlib import import_module
from importlib.metadata import version
from inspect import signature
from typing import Any

Facts = tuple[list[str], Iterable[str]]


def default(function: Callable[..., Any], name: str) -> Any:
    return signature(function).parameters[name].default


def names(*functions: Callable[..., Any]) -> set[str]:
    return {name for function in functions for name in signature(function).parameters}


def number(value: float | None, unit: str = "", nothing: str = "no limit") -> str:
    return f"{value:g}{unit}" if value else nothing


def of_httpx() -> Facts:
    httpx = import_module("httpx")
    limits, timeout = (default(httpx.Client.__init__, name) for name in ("limits", "timeout"))
    assert limits == default(httpx.AsyncClient.__init__, "limits")
    options = names(httpx.Limits.__init__, httpx.Timeout.__init__)
    assert not any("host" in name for name in options)
    row = [
        number(limits.max_connections),
        "no option",
        number(limits.max_keepalive_connections),
        number(limits.keepalive_expiry, " s"),
        number(timeout.pool, " s"),
    ]
    return row, options | {"Timeout"}


def of_urllib3() -> Facts:
    urllib3 = import_module("urllib3")
    pool, manager = urllib3.HTTPConnectionPool, urllib3.PoolManager
    assert default(pool.__init__, "block") is False
    assert default(pool.urlopen, "pool_timeout") is None
    hosts = default(manager.__init__, "num_pools")
    row = [
        "no limit",
        "no limit",
        f"{default(pool.__init__, 'maxsize')} per host, {hosts} hosts",
        "as long as the server does",
        "for ever, with `block=True`",
    ]
    return row, names(manager.__init__, pool.__init__, pool.urlopen)


def of_niquests() -> Facts:
    niquests = import_module("niquests")
    adapter = import_module("niquests.adapters").HTTPAdapter
    size, hosts = (default(adapter.__init__, f"pool_{what}") for what in ("maxsize", "connections"))
    options = names(adapter.__init__, niquests.Session.__init__, niquests.Session.request)
    assert "pool_timeout" not in options
    row = [
        "no option",
        str(size),
        f"{size} per host, {hosts} hosts",
        "as long as the server does",
        "for ever",
    ]
    return row, options


def of_aiohttp() -> Facts:
    aiohttp = import_module("aiohttp")

    async def keeps() -> tuple[float, float | None, float | None]:
        async with aiohttp.ClientSession() as session:
            times = session.timeout
            return session.connector._keepalive_timeout, times.total, times.connect

    kept, total, connect = asyncio.run(keeps())
    assert connect is None
    connector = aiohttp.TCPConnector.__init__
    row = [
        number(default(connector, "limit")),
        number(default(connector, "limit_per_host")),
        "no option",
        number(kept, " s"),
        f"{number(total, ' s')}, with all the rest",
    ]
    return row, names(connector, aiohttp.ClientTimeout) | {"ClientTimeout"}


def of_pycurl() -> Facts:
    """Nothing can be asked of it but the names; the test tries the limits."""
    row = ["no limit", "no limit", "4 per running transfer", "118 s", "300 s"]
    return row, dir(import_module("pycurl"))


def of_acurl() -> Facts:
    acurl, options = import_module("acurl"), import_module("acurl.options")
    wrapper = acurl.CurlWrapper
    row = [
        number(default(wrapper, "max_connections")),
        number(default(wrapper, "max_host_connections")),
        number(default(wrapper, "max_connects")),
        number(default(wrapper, "keepalive_expiry"), " s"),
        number(acurl.Timeout().pool, " s"),
    ]
    return row, names(wrapper, acurl.Timeout) | set(options.NAMES) | {"Timeout"}


DISTRIBUTIONS = {"acurl": "mite-http"}


def facts(client: str) -> dict[str, Any]:
    row, options = globals()[f"of_{client}"]()
    known = version(DISTRIBUTIONS.get(client, client))
    return {"version": known, "row": row, "options": sorted(options)}


if __name__ == "__main__":
    print(json.dumps({client: facts(client) for client in sys.argv[1:]}))
