"""The stats of a run as a page that Prometheus scrapes, for ``--prometheus``.

Loaded only when that is given, since runners do without prometheus_client.  A page is made when
somebody asks for it, in a thread of the server; the loop that counts meanwhile is not stopped.
What the thread reads are snapshots (``Stat.snapshot``): copies that the interpreter makes in one
step each, so that a series is whole and no lock stands in the way of a record.
"""

from __future__ import annotations

import contextlib
import logging
import re
import socket
import socketserver
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from prometheus_client import CollectorRegistry, generate_latest, make_wsgi_app
from prometheus_client.metrics_core import HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from mite.exceptions import ConfigurationError
from mite.specs import described

logger = logging.getLogger(__name__)

_LABEL = re.compile(r"(?!__)[a-zA-Z_][a-zA-Z0-9_]*")
_TOTAL = "_total"
_POLL_SECONDS = 0.1
"""How long the end of a run waits for the server, at most."""

Labels = tuple[str, ...]


def render(stats: Iterable[Any]) -> bytes:
    """The page, in Prometheus' text format."""
    return generate_latest(StatsCollector(stats))


class StatsCollector(Collector):
    """Gives prometheus_client what stats hold at the moment, under names that are their own.

    A stat that Prometheus could not take is left out, and named once in the log.
    """

    def __init__(self, stats: Iterable[Any]) -> None:
        self._stats = tuple(stats)
        self._left_out: set[int] = set()

    def collect(self) -> Iterator[Metric]:
        """Called for each page."""
        names: set[str] = set()
        for stat in self._stats:
            try:
                found = family(stat.snapshot(), getattr(stat, "help", ""))
            except Exception as error:  # noqa: BLE001 - a plugin's stat may be anything
                self._leave_out(stat, described(error))
                continue
            if found.name in names:
                self._leave_out(stat, "another stat has its name")
                continue
            names.add(found.name)
            yield found

    def _leave_out(self, stat: Any, why: str) -> None:
        if id(stat) not in self._left_out:
            self._left_out.add(id(stat))
            name = getattr(stat, "name", stat)
            logger.warning("the stat %s is not shown to Prometheus: %s", name, why)


def family(snapshot: Mapping[str, Any], help_text: str) -> Metric:
    """A stat's snapshot as prometheus_client's; ValueError when it cannot be one."""
    names = tuple(snapshot["labels"])
    wrong = [name for name in names if not _LABEL.fullmatch(name)]
    if wrong or len(set(names)) < len(names):
        raise ValueError(f"{wrong or names} cannot be its labels")
    if snapshot["type"] == "Histogram":
        return _histogram(snapshot, names, help_text)
    return _numbers(snapshot, names, help_text)


def _numbers(snapshot: Mapping[str, Any], names: Labels, help_text: str) -> Metric:
    name, kind = snapshot["name"], snapshot["type"].lower()
    latest = kind == "gauge"
    if not latest:
        # Of a counter prometheus_client wants the name without the _total that it has on the
        # page.  A counter that has none would be given one, and keeps its name as "untyped".
        kind = "counter" if name.endswith(_TOTAL) else "unknown"
    made = Metric(name.removesuffix(_TOTAL) if kind == "counter" else name, _words(help_text), kind)
    series: dict[Labels, float] = {}
    for key, value in snapshot["metrics"].items():
        labels = _texts(key, names)
        series[labels] = float(value) + (0.0 if latest else series.get(labels, 0.0))
    for labels, value in series.items():
        made.add_sample(name, dict(zip(names, labels, strict=True)), value)
    return made


def _histogram(snapshot: Mapping[str, Any], names: Labels, help_text: str) -> Metric:
    made = HistogramMetricFamily(snapshot["name"], _words(help_text), labels=names)
    series: dict[Labels, list[float]] = {}
    for key, total in snapshot["total_counts"].items():
        counts = [*snapshot["bin_counts"][key], total, snapshot["sums"][key]]
        labels = _texts(key, names)
        held = series.get(labels)
        series[labels] = counts if held is None else list(map(sum, zip(held, counts, strict=True)))
    bounds = [*(str(float(bound)) for bound in snapshot["bins"]), "+Inf"]
    for labels, (*counts, in_all) in series.items():
        made.add_metric(labels, list(zip(bounds, counts, strict=True)), in_all)
    return made


def _texts(key: Iterable[Any], names: Labels) -> Labels:
    """Label values as text: what is not there is empty, and what is no Unicode is escaped."""
    values = ("" if value is None else str(value) for value in key)
    texts = tuple(value.encode("utf-8", "backslashreplace").decode() for value in values)
    if len(texts) != len(names):
        raise ValueError(f"{texts} are not values of its labels {names}")
    return texts


def _words(help_text: str) -> str:
    return help_text or "Counted by mite, of the messages of a run."


@contextlib.contextmanager
def served(host: str, port: int, stats: Sequence[Any]) -> Iterator[str]:
    """Serve the page while the block runs, and give its URL; port 0 is any that is free."""
    registry = CollectorRegistry()
    registry.register(StatsCollector(stats))
    with _listening(host, port) as server:
        server.set_app(make_wsgi_app(registry))
        thread = threading.Thread(
            target=server.serve_forever, args=(_POLL_SECONDS,), name="mite-prometheus", daemon=True
        )
        thread.start()
        try:
            yield server.url
        finally:
            server.shutdown()
            thread.join()


def _listening(host: str, port: int) -> _Server:
    try:
        (kind, _, _, _, address), *_ = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        return _Server(kind, address)
    except (OSError, UnicodeError) as error:
        why = getattr(error, "strerror", None) or "no such host"
        raise ConfigurationError(
            f"--prometheus={shown(host)}:{port} cannot be listened on: {why}; name an address of "
            "this machine and a port that is free, or port 0 for any."
        ) from error


def shown(host: str) -> str:
    """A host as URLs have it."""
    return f"[{host}]" if ":" in host else host


class _Handler(WSGIRequestHandler):
    timeout = 10
    """Seconds until a client that says nothing is given up."""

    def log_message(self, *_: Any) -> None:
        """Nothing: a scrape is no event."""


class _Server(socketserver.ThreadingMixIn, WSGIServer):
    """A thread per request, so that a slow client holds up no other, nor the end of the run."""

    daemon_threads = True

    def __init__(self, kind: socket.AddressFamily, address: Any) -> None:
        self.address_family = kind
        super().__init__(address, _Handler)

    @property
    def url(self) -> str:
        """Where the page is."""
        host, port = self.server_address[:2]
        return f"http://{shown(str(host))}:{port}/metrics"

    def server_bind(self) -> None:
        """As the base class, but asks no name server what the address is called."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]
        self.setup_environ()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away, or said nothing in time, is no event either."""
        logger.debug("a request for metrics failed: %s", sys.exception())
