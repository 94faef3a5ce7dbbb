"""The bursts as text: what the server saw beside what each client says of itself."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from bench.pools.bursts import CASES, Burst, Case
from bench.pools.clients import Client
from bench.pools.figures import MISSING, middle, quotient, scaled, sheet, text

Measure = Callable[[Burst], float | None]

POOL_HEADINGS = (
    "client",
    "opened",
    "reuse",
    "most open",
    "most busy",
    "waited ms",
    "longest",
    "its word ms",
    "timeouts",
    "kept",
    "requests/s",
    "CPU us",
    "RSS peak",
    "after",
    "VMS peak",
    "after",
)
LATE_HEADINGS = ("client", "by", "timeouts", "after ms", "answered", "longest wait ms", "most open")
KEEP_HEADINGS = ("client", "by", "opened", "reuse", "most open", "kept", "requests/s")


def told(name: str, factor: float = 1.0) -> Measure:
    """A figure that the client printed."""
    return lambda burst: scaled(burst.reading.number(name), factor)


def seen(name: str) -> Measure:
    """A figure of the server's."""
    return lambda burst: getattr(burst.sight, name)


def rate(burst: Burst) -> float | None:
    """Requests answered per second."""
    return quotient(burst.reading.number("requests"), burst.reading.number("seconds"))


def reuse(burst: Burst) -> float | None:
    """Requests per connection, both as the server counted them."""
    return quotient(float(burst.sight.received), float(burst.sight.accepted))


def waited(burst: Burst) -> float | None:
    """Mean ms of a request at the client minus mean ms inside the server."""
    mean = burst.reading.number("mean")
    return None if mean is None else (mean - burst.sight.server_seconds) * 1e3


def longest_wait(burst: Burst) -> float | None:
    """Most ms from asking to the answer, minus the server's mean."""
    most = burst.reading.number("longest")
    return None if most is None else (most - burst.sight.server_seconds) * 1e3


def cpu(burst: Burst) -> float | None:
    """CPU us of the client's process per answered request."""
    return scaled(
        quotient(burst.reading.number("cpu_seconds"), burst.reading.number("requests")), 1e6
    )


class Tables:
    """All bursts, by case and client."""

    def __init__(
        self, bursts: Sequence[Burst], clients: Sequence[Client], left_out: Mapping[str, str]
    ) -> None:
        self._bursts = bursts
        self._clients = clients
        self._left_out = left_out

    def __repr__(self) -> str:
        return f"<Tables of {len(self._bursts)} bursts>"

    def lines(self) -> Iterator[str]:
        """The tables of all cases."""
        for case, make in zip(CASES, (self._pool, self._pool, self._late, self._keep), strict=True):
            yield from make(case)
            yield ""
        for name, reason in self._left_out.items():
            yield f"Left out: {name}: {reason}"

    def _middle(self, case: Case, client: Client, measure: Measure) -> float | None:
        return middle(measure(b) for b in self._of(case, client) if not b.invalid)

    def _of(self, case: Case, client: Client) -> list[Burst]:
        return [b for b in self._bursts if (b.case, b.client) == (case.name, client.name)]

    def _title(self, client: Client) -> str:
        versions = [b.reading.line.get("version") for b in self._bursts if b.client == client.name]
        known = [str(version).partition(" ")[0] for version in versions if version]
        return f"{client.name} {known[0]}" if known else client.name

    def _trouble(self, case: Case, client: Client) -> str:
        """Why the client has no row in the case, or nothing."""
        if client.name in self._left_out:
            return "left out: the reason stands below"
        broken = [b.invalid for b in self._of(case, client) if b.invalid]
        if broken and len(broken) == len(self._of(case, client)):
            return f"INVALID: {broken[0]}"
        return ""

    def _rows(
        self, case: Case, row: Callable[[Case, Client], Sequence[str]]
    ) -> Iterator[Sequence[str]]:
        for client in self._clients:
            trouble = self._trouble(case, client)
            yield (self._title(client), trouble) if trouble else row(case, client)

    def _pool(self, case: Case) -> Iterator[str]:
        yield (
            f"{case.users} users on a pool of {case.maximum}; the server answers after"
            f" {case.delay * 1e3:g} ms"
        )
        yield from sheet(POOL_HEADINGS, list(self._rows(case, self._pool_row)))

    def _pool_row(self, case: Case, client: Client) -> Sequence[str]:
        def get(measure: Measure) -> float | None:
            return self._middle(case, client, measure)

        return (
            self._title(client),
            text(get(seen("accepted"))),
            text(get(reuse)),
            text(get(seen("peak_open"))),
            text(get(seen("peak_running"))),
            text(get(waited), ".1f"),
            text(get(longest_wait)),
            self._word(case, client),
            text(get(told("timeouts"))) if client.timeout else "no option",
            text(get(seen("kept"))),
            text(get(rate)),
            text(get(cpu)),
            *(text(get(told(name, 1 / 1024)), ".1f") for name in ("VmHWM", "VmRSS")),
            *(text(get(told(name, 1 / 1024)), ",.0f") for name in ("VmPeak", "VmSize")),
        )

    def _word(self, case: Case, client: Client) -> str:
        """What the client says that requests waited; marked where that cannot be."""
        if not client.told:
            return "mute"
        wait = self._middle(case, client, told("wait", 1e3))
        whole = self._middle(case, client, told("mean", 1e3))
        impossible = wait is not None and whole is not None and wait > whole
        return text(wait, ".1f") + (" (!)" if impossible else "")

    def _late(self, case: Case) -> Iterator[str]:
        yield (
            f"Pool timeouts of {case.pool_timeout * 1e3:g} ms: {case.users} users on a pool of"
            f" {case.maximum}; the server answers after {case.delay * 1e3:g} ms"
        )
        yield from sheet(LATE_HEADINGS, list(self._rows(case, self._late_row)))

    def _late_row(self, case: Case, client: Client) -> Sequence[str]:
        if not client.timeout:
            return self._title(client), client.without

        def get(measure: Measure) -> float | None:
            return self._middle(case, client, measure)

        return (
            self._title(client),
            client.timeout,
            text(get(told("timeouts"))),
            text(get(told("timeout_after", 1e3)), ".0f"),
            text(get(told("requests"))),
            text(get(longest_wait), ".0f"),
            text(get(seen("peak_open"))),
        )

    def _keep(self, case: Case) -> Iterator[str]:
        yield f"{case.users} users on a pool of {case.maximum} that is to keep {case.keep} idle"
        yield from sheet(KEEP_HEADINGS, list(self._rows(case, self._keep_row)))

    def _keep_row(self, case: Case, client: Client) -> Sequence[str]:
        if not client.keeping:
            return self._title(client), "no option: it keeps all that it may open"
        measures = (seen("accepted"), reuse, seen("peak_open"), seen("kept"), rate)
        figures = [text(self._middle(case, client, measure)) for measure in measures]
        return self._title(client), client.keeping or MISSING, *figures
