"""Keeps all messages in files of a bounded number of messages each.

The file being written is ``current``; when it is full, or when a new collector starts in the same
directory, it becomes ``<start>_<end>_<number>``, both in whole seconds of wall clock.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path

from mite.appendfile import AppendFile
from mite.codec import pack_msg, unpack_msg
from mite.losses import Losses
from mite.transport import Message

DIRECTORY = "collector_data"
ROLL_AFTER = 100_000
_BLOCK = 65_536


class Collector:
    """A consumer, and for upstream's sake a class to call with packed messages.

    Raises OSError when the directory cannot be made or written.
    """

    types = None

    def __init__(
        self,
        target_dir: str | Path | None = None,
        roll_after: int = ROLL_AFTER,
        collector_id: object = None,
        filter_fn: Callable[[bytes], object] | None = None,
        use_json: bool = False,
    ) -> None:
        self._directory = Path(target_dir or DIRECTORY).absolute()
        self._roll_after = roll_after
        self._id = "" if collector_id is None else f"_{collector_id}"
        self._filter = filter_fn
        self._json = use_json
        self._numbers = count()
        self._held: list[bytes] = []
        self._held_bytes = 0
        self._messages = 0
        self.losses = Losses("the collector")
        self._directory.mkdir(parents=True, exist_ok=True)
        self._current = self._begin()

    def __repr__(self) -> str:
        return f"Collector({str(self._directory)!r}, {self._messages} messages in current)"

    def process_raw_message(self, raw: bytes) -> None:
        """Keep one packed message, unless the filter says no."""
        if self._filter is not None and not self._filter(raw):
            return
        record = json.dumps(unpack_msg(raw)).encode() + b"\n" if self._json else raw
        self._held.append(record)
        self._held_bytes += len(record)
        self._messages += 1
        if self._messages >= self._roll_after:
            self._roll()
        elif self._held_bytes >= _BLOCK:
            self._write()

    def add(self, message: Message) -> None:
        """Keep one message."""
        self.process_raw_message(pack_msg(message))

    def describe(self) -> str:
        """Its name."""
        return "the collector"

    def start(self) -> None:
        """Nothing: it began when it was made."""

    def stop(self) -> None:
        """Write what is held, and close the file."""
        self._write()
        self._current.close()

    def _write(self) -> None:
        held, self._held, self._held_bytes = self._held, [], 0
        if not held:
            return
        try:
            self._current.append(b"".join(held))
        except OSError as error:
            self._messages -= len(held)
            path = self._current.path
            self.losses.add(len(held), f"{path} cannot be written: {error.strerror}")

    def _roll(self) -> None:
        self._write()
        if self._messages < self._roll_after:
            return
        try:
            following = self._begin()
        except OSError as error:
            # The file goes on growing: too long is better than lost.
            self._messages = 0
            self.losses.add(0, f"a new file cannot be begun: {error.strerror}")
            return
        self._current.close()
        self._current = following

    def _begin(self) -> AppendFile:
        current = self._directory / "current"
        started = self._directory / "current_start_time"
        now = int(time.time())
        if current.exists():
            begun = started.read_text().strip() if started.exists() else str(now)
            current.rename(self._unused(f"{begun}_{now}{self._id}"))
        started.write_text(str(now))
        self._messages = 0
        return AppendFile(current)

    def _unused(self, stem: str) -> Path:
        """A name that no earlier collector gave to a file of the same seconds."""
        while True:
            path = self._directory / f"{stem}_{next(self._numbers)}"
            if not path.exists():
                return path
