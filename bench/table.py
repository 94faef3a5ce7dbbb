"""The run's figures as text: one block a cell, then the promises."""

from collections.abc import Iterator, Sequence

from bench.bounds import BOUNDS, OURS, RSS_CELL, RSS_LIMIT_MB, doubts
from bench.cell import Cell
from bench.peer import Peer
from bench.report import Report
from bench.sample import Sample
from bench.scores import Scores, cpu, rate

HEADINGS = (
    "client",
    "requests/s",
    "CPU us",
    "spread",
    "x floor",
    "acurl req/s",
    "acurl CPU",
    "peak MB",
    "connects",
)
WIDTHS = (36, 11, 9, 7, 8, 12, 10, 8, 9)

QUIET = 0.10
"""Share of the client's core that others may use before the reader is warned."""


def _line(fields: Sequence[str], note: str = "") -> str:
    first, *rest = [
        field.ljust(width) if index == 0 else field.rjust(width)
        for index, (field, width) in enumerate(zip(fields, WIDTHS, strict=True))
    ]
    return f"  {first}{' '.join(rest)}  {note}".rstrip()


def _number(value: float | None, form: str, suffix: str = "") -> str:
    return "-" if value is None else format(value, form) + suffix


def _peak_mb(sample: Sample) -> float | None:
    return None if sample.peak_rss_kb is None else sample.peak_rss_kb / 1024


def _connections(sample: Sample) -> float | None:
    return float(sample.connections)


def _note(scores: Scores, cell: Cell, peer: Peer) -> str:
    samples = scores.samples(cell, peer.name)
    broken = [sample.invalid for sample in samples if sample.invalid]
    if broken:
        return f"INVALID in {len(broken)} of {len(samples)} rounds: {broken[0]}"
    notes = [sample.note for sample in samples if sample.note]
    return f"{notes[0]} ({len(notes)} of {len(samples)} rounds)" if notes else ""


def _row(scores: Scores, cell: Cell, peer: Peer) -> str:
    floor, name = scores.floor(cell), peer.name
    title = f"{peer.title} (the floor)" if name == floor else peer.title
    fields = (
        title,
        _number(scores.median(cell, name, rate), ",.0f"),
        _number(scores.median(cell, name, cpu), ",.1f"),
        _number(scores.spread(cell, name, cpu), ".0%"),
        _number(scores.ratio(cell, name, floor, cpu) if floor else None, ".2f"),
        _number(scores.ratio(cell, OURS, name, rate), ".2f", " x"),
        _number(scores.ratio(cell, OURS, name, cpu), ".2f", " x"),
        _number(scores.median(cell, name, _peak_mb), ",.0f"),
        _number(scores.median(cell, name, _connections), ",.0f"),
    )
    return _line(fields, _note(scores, cell, peer))


def _cell_block(scores: Scores, cell: Cell, peers: Sequence[Peer]) -> Iterator[str]:
    present = [peer for peer in peers if scores.samples(cell, peer.name)]
    if present:
        yield cell.title
        yield _line(HEADINGS)
        for peer in present:
            yield _row(scores, cell, peer)
        yield ""


def _promises(scores: Scores) -> Iterator[str]:
    measured = [(bound, bound.measured(scores)) for bound in BOUNDS]
    known = [(bound, ratio) for bound, ratio in measured if ratio is not None]
    peak = scores.median(RSS_CELL, OURS, _peak_mb)
    if known or peak is not None:
        yield "What acurl is to reach"
    for bound, ratio in known:
        yield f"  {'yes' if bound.holds(ratio) else 'NO '}  {ratio:5.2f}  {bound.text}"
    if peak is not None:
        verdict = "yes" if peak < RSS_LIMIT_MB else "NO "
        yield f"  {verdict}  {peak:5.1f}  {RSS_CELL.name}: peak RSS under {RSS_LIMIT_MB:g} MB"
    if known or peak is not None:
        yield ""


def _foreign(report: Report) -> Iterator[str]:
    shares = [sample.foreign for _, sample in report.samples()]
    busy = [share for share in shares if share > QUIET]
    if busy:
        yield (
            f"Noisy: in {len(busy)} of {len(shares)} runs others used more than {QUIET:.0%} of the"
            f" client's core (at most {max(busy):.0%}). Trust ratios, not absolute figures."
        )


def _libcurls(report: Report) -> str:
    found = sorted({(peer.name, sample.libcurl) for peer, sample in report.samples()})
    return ", ".join(f"{name} {version}" for name, version in found if version)


def _head(report: Report) -> Iterator[str]:
    machine = report.machine
    yield f"{machine.date} UTC, {machine.processor}, kernel {machine.kernel}"
    yield (
        f"Python {machine.python}; clients on core {machine.client_core},"
        f" nginx with one worker on core {machine.server_core}"
    )
    yield f"libcurl: {_libcurls(report)}"
    yield "No client verifies the certificate: steady state does no handshakes."
    yield "Each client reads each body into bytes; the floor, wrk and h2load discard it."
    yield "Figures are medians over the rounds, ratios medians of the rounds' ratios."
    yield "CPU us: user + system microseconds of the client process per request."
    yield ""


def render(report: Report) -> str:
    """The whole text of a run."""
    lines = list(_head(report))
    for cell in report.cells:
        lines += _cell_block(report.scores, cell, report.peers)
    lines += _promises(report.scores)
    lines += [f"Left out: {name}: {reason}" for name, reason in report.left_out.items()]
    lines += _foreign(report)
    if report.machine.shared_core:
        lines.append("NOT VALID: client and server share the only core")
    lines += [f"NOT VALID: {doubt}" for doubt in doubts(report.scores)]
    return "\n".join(lines)
