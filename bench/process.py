"""One process of a run: pinned to a core and ended at a hard limit."""

import os
import resource
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a process: wall and CPU seconds of its whole life, and what it said.

    `foreign` is the share of its core that others used meanwhile.
    """

    output: str
    complaint: str
    code: int
    killed: bool
    seconds: float
    cpu_seconds: float
    foreign: float


def run(command: list[str], core: int, limit: float, folder: Path) -> Outcome:
    """Runs the command on one core; kills its process group after `limit` seconds."""
    own_before, core_before, start = _children_cpu(), _core_busy(core), time.monotonic()
    process = subprocess.Popen(
        ["taskset", "-c", str(core), *command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        cwd=folder,
        env=_environment(),
        start_new_session=True,
    )
    killed = False
    try:
        output, complaint = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        killed = True
        os.killpg(process.pid, signal.SIGKILL)
        output, complaint = process.communicate()
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise
    seconds, own = time.monotonic() - start, _children_cpu() - own_before
    foreign = max(0.0, _core_busy(core) - core_before - own) / seconds
    return Outcome(output, complaint, process.returncode, killed, seconds, own, foreign)


def _environment() -> dict[str, str]:
    """This process's environment without proxies: every client is to reach the server directly."""
    return {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}


def _children_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _core_busy(core: int) -> float:
    """Seconds the core has been busy since the machine started, for anybody, its host included."""
    for line in Path("/proc/stat").read_text().splitlines():
        fields = line.split()
        if fields[0] == f"cpu{core}":
            user, nice, system, _idle, _wait, irq, softirq, steal = map(int, fields[1:9])
            return (user + nice + system + irq + softirq + steal) / TICK
    return 0.0
