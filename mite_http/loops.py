"""The branches of all pools, by event loop: what the registry keeps its books in."""

from __future__ import annotations

import asyncio
import os
import threading
from typing import TYPE_CHECKING

from mite.clock import Clock
from mite_http.branch import Branch

if TYPE_CHECKING:
    from mite_http.pool import SessionPool


class LoopPools:
    """What one event loop has of each pool. Belongs to the loop's thread.

    ``cleanup`` is the task that closes idle pools, None where none runs.
    """

    __slots__ = ("branches", "cleanup")

    def __init__(self) -> None:
        self.branches: dict[SessionPool, Branch] = {}
        self.cleanup: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        return f"LoopPools({', '.join(branch.name for branch in self.branches.values())})"

    def open(self) -> list[Branch]:
        """Those that have an engine."""
        return [branch for branch in list(self.branches.values()) if branch.is_open]

    def close(self, branch: Branch) -> None:
        """Close a pool for good; with the last one ends what looks for idle ones."""
        branch.close()
        if not self.open():
            self.stop_cleanup()

    def stop_cleanup(self) -> None:
        """End the task, if one runs."""
        task, self.cleanup = self.cleanup, None
        if task is not None:
            task.cancel()


# Loops of several threads meet here, where names are given.
_naming = threading.Lock()

# Of loops that are not closed; those that are go at the next look.
_loops: dict[asyncio.AbstractEventLoop, LoopPools] = {}


def of(loop: asyncio.AbstractEventLoop) -> LoopPools:
    """The pools of a loop."""
    pools = _loops.get(loop)
    if pools is None:
        _drop_closed()
        pools = _loops[loop] = LoopPools()
    return pools


def every() -> list[LoopPools]:
    """The pools of each loop that is not closed."""
    _drop_closed()
    return list(_loops.values())


def known() -> list[asyncio.AbstractEventLoop]:
    """The loops that have pools and are not closed."""
    _drop_closed()
    return list(_loops)


def branch_of(pool: SessionPool, loop: asyncio.AbstractEventLoop, clock: Clock) -> Branch:
    """A pool on a loop, the same one each time."""
    branches = of(loop).branches
    branch = branches.get(pool)
    if branch is None:
        with _naming:
            branch = branches[pool] = Branch(pool, loop, _free_name(pool.options.name), clock)
    return branch


def running() -> LoopPools | None:
    """The pools of the loop that runs here; None where none does."""
    try:
        return of(asyncio.get_running_loop())
    except RuntimeError:
        return None


def _free_name(wanted: str) -> str:
    taken = {branch.name for branch in _branches()}
    names = (f"{wanted}#{number}" if number > 1 else wanted for number in range(1, len(taken) + 2))
    return next(name for name in names if name not in taken)


def _branches() -> list[Branch]:
    return [branch for pools in every() for branch in list(pools.branches.values())]


def _drop_closed() -> None:
    for loop in [loop for loop in list(_loops) if loop.is_closed()]:
        pools = _loops.pop(loop, None)
        for branch in [] if pools is None else pools.branches.values():
            branch.abandon()
            branch.pool.leave(branch)


def _start_clean() -> None:
    """In a forked child: engines, sockets and tasks are the parent's."""
    global _naming  # noqa: PLW0603 - a thread that the child does not have may hold it
    _naming = threading.Lock()
    for pools in _loops.values():
        for branch in pools.branches.values():
            branch.forget()
            branch.pool.leave(branch)
    _loops.clear()


os.register_at_fork(after_in_child=_start_clean)
