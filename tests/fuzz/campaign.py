"""Fuzzes every target for a while, from the inputs that are kept.

    python -m tests.fuzz.campaign SECONDS [--keep] [TARGET...]

SECONDS are for each target. A crash leaves its input among those that are kept, and the exit code
is 1. --keep: afterwards what was found is boiled down to the fewest inputs that reach all of it,
within the bounds below.
"""

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.fuzz.targets import CORPUS, FUNCTIONS, HERE, TARGETS, build, environment

MOST_BYTES = 1024
"""Of one input: longer ones find nothing that shorter ones do not."""
MOST_KEPT, MOST_KEPT_BYTES = 100, 70_000
"""Of one target."""


def command(name: str, directory: Path) -> list[str]:
    if name in FUNCTIONS:
        return [sys.executable, str(HERE / "guided.py"), name]
    return [str(build(name, directory / "build" / name, guided=True))]


def fuzz(name: str, seconds: int, directory: Path, run: list[str]) -> bool:
    """Whether all went well. The figures are printed; a crash in full."""
    found = directory / name
    shutil.copytree(CORPUS / name, found)
    options = [f"-max_total_time={seconds}", "-timeout=10", "-print_final_stats=1"]
    options += [f"-max_len={MOST_BYTES}", f"-artifact_prefix={CORPUS / name}/", str(found)]
    done = subprocess.run(
        [*run, *options],
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        env=environment(),
    )
    print(f"{name}: {figures(done.stderr)}", flush=True)
    if done.returncode:
        print(done.stderr[-6000:], flush=True)
    return done.returncode == 0


def figures(log: str) -> str:
    """Executions, coverage in edges and features, and inputs, from libFuzzer's log."""
    states = re.findall(r"#(\d+)\s.*cov: (\d+) ft: (\d+) corp: (\d+)", log)
    if not states:
        return "no figures"
    runs, edges, features, inputs = states[-1]
    total = re.search(r"number_of_executed_units:\s*(\d+)", log)
    runs = total[1] if total else runs
    return f"{runs} executions, {edges} edges, {features} features, {inputs} inputs"


def keep(name: str, found: Path, run: list[str], directory: Path) -> None:
    """Puts the fewest inputs that reach all that was found in place of those that were kept."""
    fewest = found
    if name in TARGETS:  # atheris cannot; its corpora stay small
        fewest = directory / f"{name}-fewest"
        fewest.mkdir()
        # Only the edges count: how often each is passed is too much to keep.
        merge = [*run, "-set_cover_merge=1", "-use_counters=0", str(fewest), str(found)]
        subprocess.run(merge, capture_output=True, check=True, env=environment())
    room = MOST_KEPT_BYTES
    inputs = sorted(fewest.iterdir(), key=lambda path: path.stat().st_size)[:MOST_KEPT]
    shutil.rmtree(CORPUS / name)
    (CORPUS / name).mkdir()
    for source in inputs:
        room -= source.stat().st_size
        if room > 0:
            shutil.copy(source, CORPUS / name / source.name[:12])


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("seconds", type=int)
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("targets", nargs="*", default=[*TARGETS, *FUNCTIONS])
    arguments = parser.parse_intermixed_args()
    good = True
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        for target in arguments.targets:
            run = command(target, directory)
            good &= fuzz(target, arguments.seconds, directory, run)
            if arguments.keep and good:
                keep(target, directory / target, run, directory)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
