"""Runs scenarios over and over, each time with another call of the engine or libcurl failing.

    LD_PRELOAD=interpose.so python tests/csrc/torture/sweep.py PLAN

PLAN is JSON: origins, ca_file, interpose (the preloaded library), scenarios (names), memory (no
longer one call fails, but all allocations from it on), sample (how many calls of each scenario,
chosen by seed; null: each in turn), seed, status (a file that names the point under way, for who
finds this process dead).

Prints a line for each scenario: its name, points tried, points struck. What must not be goes to
stderr, and the exit code is 1.
"""

import asyncio
import ctypes
import gc
import json
import random
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import acurl
from tests.csrc.torture.scenarios import SCENARIOS, Scenario, Stage, probe

HANG_SECONDS = 5
MOST_POINTS = 20_000
NEVER = 1_000_000_000  # calls: nothing fails
# Blocks for large bodies are kept for the next engine, within a bound.
BLOCK_HEAD, SMALLEST_BLOCK = 16, 32768


class Interposer:
    """The preloaded library, seen from Python."""

    def __init__(self, path: str) -> None:
        self._lib = ctypes.CDLL(path)
        self._lib.torture_struck.restype = ctypes.c_char_p
        self._lib.torture_disarm.restype = ctypes.c_long
        self._lib.torture_arm.argtypes = [ctypes.c_long, ctypes.c_int]
        for name in (b"/_engine.", b"/libcurl-"):
            before = self._lib.torture_target(b"no such library")
            if self._lib.torture_target(name) == before:
                raise AssertionError(f"{name.decode()} is not loaded")

    def arm(self, good: int, memory: bool) -> None:
        self._lib.torture_forget()
        self._lib.torture_arm(good, memory)

    def disarm(self) -> int:
        calls: int = self._lib.torture_disarm()
        return calls

    def struck(self) -> str:
        name: bytes | None = self._lib.torture_struck()
        return name.decode() if name else ""

    def leaked(self) -> list[str]:
        """What the engine and libcurl allocated since they were armed and have not freed."""
        lines = self._text(self._lib.torture_tell)
        return [line for line in lines if not is_kept_block(int(line.split()[0]))]

    def where(self) -> str:
        """The stack of what failed first, as far as it is the engine's and libcurl's."""
        return " < ".join(self._text(self._lib.torture_where))

    @staticmethod
    def _text(tell: Callable[[Any, int], None]) -> list[str]:
        text = ctypes.create_string_buffer(1 << 16)
        tell(text, len(text))
        return text.value.decode().splitlines()


def is_kept_block(size: int) -> bool:
    payload = size - BLOCK_HEAD
    return payload >= SMALLEST_BLOCK and payload & (payload - 1) == 0


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


class Sweep:
    """One run of the plan. `faults` is what must not have been."""

    def __init__(self, plan: dict[str, Any]) -> None:
        self._plan = plan
        self._interposer = Interposer(plan["interpose"])
        self._status = Path(plan["status"])
        self._tasks: list[str] = []
        self._calls = 0
        self.faults: list[str] = []

    async def scenario(self, name: str) -> None:
        """All points of one scenario, or a sample."""
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _loop, context: self._tasks.append(repr(context)))
        for _ in range(2):  # the first one fills the caches of the process
            await self._attempt(SCENARIOS[name], NEVER)
        tried = struck = 0
        for good in self._points(name):
            self._status.write_text(f"{name} {good}")
            hit = await self._point(name, good)
            tried += 1
            struck += bool(hit)
            if not hit and self._plan["sample"] is None:
                break
        print(name, tried, struck, flush=True)

    def _points(self, name: str) -> Iterable[int]:
        if self._plan["sample"] is None:
            return range(MOST_POINTS)
        chance = random.Random(f"{self._plan['seed']} {name}")
        count = min(self._calls, self._plan["sample"])
        return sorted(chance.sample(range(self._calls), count))

    async def _point(self, name: str, good: int) -> str:
        before = descriptors()
        outcome = await self._attempt(SCENARIOS[name], good)
        struck = self._interposer.struck()
        complaints = [outcome] if outcome else []
        complaints += self._tasks
        self._tasks.clear()
        if descriptors() != before:
            complaints.append(f"{descriptors() - before} descriptors more than before")
        if self._interposer.leaked():
            gc.collect()  # a task that failed may hold the session in a cycle
        complaints += [f"not freed: {line}" for line in self._interposer.leaked()]
        if complaints:
            complaints.append(f"failed at {self._interposer.where()}")
        mode = "memory" if self._plan["memory"] else "one"
        self.faults += [f"{name} {mode} {good} ({struck}): {text}" for text in complaints]
        return struck

    async def _attempt(self, scenario: Scenario, good: int) -> str:
        """What went wrong beyond the errors that may be."""
        stage = Stage(self._plan["origins"], self._plan["ca_file"])
        complaint = ""
        self._interposer.arm(good, self._plan["memory"])
        try:
            async with asyncio.timeout(HANG_SECONDS):
                await scenario(stage)
        except TimeoutError as error:
            if not isinstance(error, acurl.AcurlError):
                complaint = "hangs"
        except (acurl.AcurlError, MemoryError):
            pass
        except OSError as error:
            if stage.wrapper is not None:
                complaint = repr(error)
        except Exception as error:  # noqa: BLE001 - whatever it is, it must not be
            complaint = repr(error)
        self._calls = self._interposer.disarm()
        try:
            return complaint or await self._aftermath(stage)
        finally:
            stage.close()

    async def _aftermath(self, stage: Stage) -> str:
        try:
            async with asyncio.timeout(HANG_SECONDS):
                await probe(stage)
        except Exception as error:  # noqa: BLE001
            return f"afterwards: {error!r}"
        return ""


def main() -> int:
    plan = json.loads(sys.argv[1])
    sweep = Sweep(plan)
    for name in plan["scenarios"]:
        asyncio.run(sweep.scenario(name))
    print("\n".join(sweep.faults), file=sys.stderr)
    return 1 if sweep.faults else 0


if __name__ == "__main__":
    sys.exit(main())
