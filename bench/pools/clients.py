"""The clients: where each lives, and which of its options bound a pool."""

from collections.abc import Callable
from dataclasses import dataclass

from bench.environment import Environment, InstallError
from bench.peer import CURL


@dataclass(frozen=True, slots=True)
class Client:
    """A client; `prepare` makes it runnable or raises InstallError.

    `maximum`, `keeping` and `timeout` name its options for most connections, most idle ones and
    the longest wait for one. Empty: it has none, and `without` says what it does instead.
    """

    name: str
    environment: Environment
    module: str
    maximum: str
    keeping: str
    timeout: str
    prepare: Callable[[], None]
    without: str = ""
    told: str = ""


HTTPX = Environment("httpx", "httpx[http2]", "uvloop")
REQUESTX = Environment("requestx", "requestx", "uvloop")
NIQUESTS = Environment("niquests", "niquests", "uvloop")
URLLIB3 = Environment("urllib3", "urllib3")
AIOHTTP = Environment("aiohttp", "aiohttp", "uvloop")


def _prepare_ours() -> None:
    CURL.ensure()
    CURL.ensure_checkout()


def _prepare_requestx() -> None:
    """Says more than pip does: the registry has wheels for one system only."""
    try:
        REQUESTX.ensure()
    except InstallError as error:
        raise InstallError(
            "it has httpx's interface, on Rust's reqwest; of 1.0.11 the registry has a wheel for"
            f" macOS on arm64 only, and building it from source failed here: {error}"
        ) from error


OURS = Client(
    "acurl",
    CURL,
    "acurl_client",
    "max_connections",
    "max_connects",
    "Timeout(pool=)",
    _prepare_ours,
    told="pool_wait_time",
)

CLIENTS = (
    OURS,
    Client(
        "httpx",
        HTTPX,
        "httpx_client",
        "max_connections",
        "max_keepalive_connections",
        "Timeout(pool=)",
        HTTPX.ensure,
    ),
    Client(
        "requestx",
        REQUESTX,
        "requestx_client",
        "max_connections",
        "max_keepalive_connections",
        "Timeout(pool=)",
        _prepare_requestx,
    ),
    Client(
        "niquests",
        NIQUESTS,
        "niquests_client",
        "pool_maxsize",
        "",
        "",
        NIQUESTS.ensure,
        "no pool timeout: it does not pass urllib3-future's pool_timeout on, and waits for ever",
    ),
    Client(
        "urllib3",
        URLLIB3,
        "urllib3_client",
        "maxsize, block=True",
        "",
        "pool_timeout=",
        URLLIB3.ensure,
    ),
    Client(
        "aiohttp",
        AIOHTTP,
        "aiohttp_client",
        "limit",
        "",
        "connect= (and connecting)",
        AIOHTTP.ensure,
        told="tracing",
    ),
    Client(
        "pycurl",
        CURL,
        "pycurl_client",
        "M_MAX_TOTAL_CONNECTIONS",
        "M_MAXCONNECTS",
        "CONNECTTIMEOUT_MS (and connecting)",
        CURL.ensure,
        told="QUEUE_TIME_T",
    ),
)
"""All clients, in the order of the tables."""

NAMES = tuple(client.name for client in CLIENTS)
