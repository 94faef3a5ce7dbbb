"""What sharing saves, as text, beside what is claimed for a registry of shared pools."""

from collections.abc import Callable, Iterator, Sequence

from bench.pools.figures import middle, scaled, sheet, text
from bench.pools.sharing import OPTIONS, USERS, Setting, Share, settings

HEADINGS = (
    "connections=",
    "requests/s",
    "opened",
    "at once",
    "RSS each MB",
    "of it grown",
    "RSS sum",
    "VMS each MB",
    "VMS sum",
)

CLAIMS = (
    ("connections at once", "80 to 90 % fewer"),
    ("RSS", "15 to 25 % less per process, 20 to 30 % more with sharing"),
    ("VMS", "40 to 50 % less, up to 70 to 80 % with all there is"),
)
"""What is claimed for a registry that shares pools, in this order."""

Measure = Callable[[Share], float | None]


def _each(name: str) -> Measure:
    return lambda share: scaled(share.each(name), 1 / 1024)


def _sum(name: str) -> Measure:
    return lambda share: scaled(share.sum(name), 1 / 1024)


def _grown(share: Share) -> float | None:
    after, before = share.each("VmRSS"), share.each("rss_before")
    return None if after is None or before is None else (after - before) / 1024


def _get(shares: Sequence[Share], setting: Setting, measure: Measure) -> float | None:
    return middle(measure(s) for s in shares if s.setting == setting and not s.invalid)


MEASURES: tuple[tuple[Measure, str], ...] = (
    (lambda share: share.rate, ",.0f"),
    (lambda share: share.accepted, ",.0f"),
    (lambda share: share.most, ",.0f"),
    (_each("VmRSS"), ".1f"),
    (_grown, ".1f"),
    (_sum("VmRSS"), ",.1f"),
    (_each("VmSize"), ",.1f"),
    (_sum("VmSize"), ",.0f"),
)


def lines(shares: Sequence[Share]) -> Iterator[str]:
    """A table for each protocol, way of asking and number of processes."""
    yield f"acurl's option connections=, {USERS} users in all"
    for setting in settings():
        if setting.connections == OPTIONS[0] and setting.maximum is None:
            yield from _block(shares, setting)
    yield from _claims(shares)


def _block(shares: Sequence[Share], first: Setting) -> Iterator[str]:
    processes = "1 process" if first.processes == 1 else f"{first.processes} processes"
    yield ""
    yield f"{first.title}, {processes}"
    yield from sheet(HEADINGS, [_row(shares, setting) for setting in _alike(first)])


def _alike(first: Setting) -> list[Setting]:
    key = (first.protocol, first.pausing, first.processes)
    return [s for s in settings() if (s.protocol, s.pausing, s.processes) == key]


def _row(shares: Sequence[Share], setting: Setting) -> Sequence[str]:
    broken = [s.invalid for s in shares if s.setting == setting and s.invalid]
    if broken and len(broken) == sum(s.setting == setting for s in shares):
        return setting.options, f"INVALID: {broken[0]}"
    figures = [text(_get(shares, setting, measure), form) for measure, form in MEASURES]
    return setting.options, *figures


def _saved(shares: Sequence[Share], shared: Setting, other: str, measure: Measure) -> str:
    setting = Setting(shared.protocol, shared.pausing, shared.processes, other)
    above, below = _get(shares, shared, measure), _get(shares, setting, measure)
    return "-" if above is None or not below else f"{1 - above / below:.0%} less"


def _claims(shares: Sequence[Share]) -> Iterator[str]:
    yield ""
    yield 'What "shared" saves beside "session", and what is claimed for shared pools'
    measures = (MEASURES[2][0], _sum("VmRSS"), _sum("VmSize"))
    firsts = [s for s in settings() if s.connections == OPTIONS[0]]
    rows: list[Sequence[str]] = [
        (
            f"{setting.title}, in {setting.processes}: {setting.options}",
            *(_saved(shares, setting, "session", measure) for measure in measures),
        )
        for setting in firsts
    ]
    yield from sheet(("", *(name for name, _ in CLAIMS)), rows)
    yield from (f"  claimed: {name}: {claim}" for name, claim in CLAIMS)
