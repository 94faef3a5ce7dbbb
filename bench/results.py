"""The run as a JSON file under bench/results/."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench.bounds import OURS, doubts
from bench.cell import Cell
from bench.environment import BENCH
from bench.peer import Peer
from bench.report import Report
from bench.scores import Scores, cpu, rate

FOLDER = BENCH / "results"


def _entry(scores: Scores, cell: Cell, peer: Peer) -> dict[str, Any]:
    floor = scores.floor(cell)
    return {
        "cell": cell.name,
        "client": peer.name,
        "is_floor": peer.name == floor,
        "requests_per_second": scores.median(cell, peer.name, rate),
        "cpu_us_per_request": scores.median(cell, peer.name, cpu),
        "cpu_spread": scores.spread(cell, peer.name, cpu),
        "cpu_times_floor": scores.ratio(cell, peer.name, floor, cpu) if floor else None,
        "acurl_rate_ratio": scores.ratio(cell, OURS, peer.name, rate),
        "acurl_cpu_ratio": scores.ratio(cell, OURS, peer.name, cpu),
        "samples": [asdict(sample) for sample in scores.samples(cell, peer.name)],
    }


def write(report: Report) -> Path:
    """Writes medians, ratios and every sample; returns the file's path."""
    FOLDER.mkdir(exist_ok=True)
    stamp = report.machine.date.replace(" ", "-").replace(":", "")
    path = FOLDER / f"client-{stamp}.json"
    document = {
        "machine": asdict(report.machine),
        "verified_certificates": False,
        "not_valid": doubts(report.scores),
        "left_out": dict(report.left_out),
        "results": [_entry(report.scores, cell, peer) for cell, peer in report.pairs()],
    }
    path.write_text(json.dumps(document, indent=1) + "\n")
    return path
