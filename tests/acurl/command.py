"""curl's own command, asked for many transfers at once: the measure for what acurl sends."""

import os
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from tests.acurl.recorder import CASE

SECONDS = 120

Options = Sequence[tuple[str, str | bytes]]
"""Long options of curl and their values, as its configuration files have them."""


def run_curl(jobs: Mapping[str, Options], words: Iterable[str | Path] = ()) -> dict[str, int]:
    """Run one curl over the transfers of all jobs; case to curl's exit code, 0 for success.

    URLs are taken as they are, without globbing; `words` are options for all of the jobs.
    """
    parts = [_section(case, options) for case, options in jobs.items()]
    done = subprocess.run(
        ["curl", "--disable", *words, "--config", "-"],
        input=b"next\n".join(parts),
        env={**os.environ, "LC_ALL": "C.UTF-8"},
        capture_output=True,
        timeout=SECONDS,
        check=False,
    )
    codes = dict(line.split() for line in done.stdout.decode().splitlines())
    assert codes.keys() == jobs.keys(), done.stderr[-2000:]
    return {case: int(code) for case, code in codes.items()}


def _section(case: str, options: Options) -> bytes:
    always: Options = (
        ("header", f"{CASE}: {case}"),
        ("user-agent", ""),
        ("output", "/dev/null"),
        ("write-out", f"{case} %{{exitcode}}\n"),
    )
    lines = [b"globoff\nsilent\n"]
    for name, value in (*always, *options):
        raw = value if isinstance(value, bytes) else value.encode()
        lines.append(name.encode() + b' = "' + _escaped(raw) + b'"\n')
    return b"".join(lines)


def _escaped(raw: bytes) -> bytes:
    escapes = ((b"\\", b"\\\\"), (b'"', b'\\"'), (b"\n", b"\\n"), (b"\r", b"\\r"), (b"\t", b"\\t"))
    for character, escape in escapes:
        raw = raw.replace(character, escape)
    return raw
