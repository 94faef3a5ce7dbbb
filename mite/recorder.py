"""Keeps data that journeys create, for journeys of a later run to use.

``ctx.send("data_created", name="users", data=("ann", 7))`` appends to ``users.msgpack`` in the
recorder's directory; ``ctx.send("purge_data", name="users")`` removes that file.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from mite.appendfile import AppendFile
from mite.codec import pack_msg
from mite.losses import Losses
from mite.transport import Message

logger = logging.getLogger(__name__)

DIRECTORY = "recorder_data"
_MOST_OPEN = 64


class Recorder:
    """A consumer; the directory is made when there is something to keep."""

    types = frozenset({"data_created", "purge_data"})

    def __init__(self, target_dir: str | Path | None = None) -> None:
        self._directory = Path(target_dir or DIRECTORY).absolute()
        # The least recently opened first.
        self._files: dict[str, AppendFile] = {}
        self.losses = Losses("the recorder")

    def __repr__(self) -> str:
        return f"Recorder({str(self._directory)!r}, {len(self._files)} files open)"

    def process_message(self, msg: Message) -> None:
        """Keep or purge what ``msg`` names; other types of messages are none of its business."""
        if msg.get("type") not in self.types or msg.get("name") is None:
            return
        name = msg["name"]
        if not _is_file_name(name):
            self.losses.add(1, f"{name!r} is no name for a file, which the data's name must be")
        elif msg["type"] == "purge_data":
            self._purge(name)
        elif "data" not in msg:
            self.losses.add(1, f"a data_created message for {name!r} has no data")
        else:
            self._keep(name, msg["data"])

    add = process_message

    def describe(self) -> str:
        """Its name."""
        return "the recorder"

    def start(self) -> None:
        """Nothing to prepare."""

    def stop(self) -> None:
        """Close all files."""
        while self._files:
            self._files.popitem()[1].close()

    def _keep(self, name: str, data: Any) -> None:
        try:
            record = pack_msg(data)
        except (TypeError, ValueError, OverflowError) as error:
            self.losses.add(1, f"data for {name!r} cannot be packed: {error}")
            return
        try:
            self._file(name).append(record)
        except OSError as error:
            self.losses.add(1, f"{self._path(name)} cannot be written: {error.strerror}")

    def _file(self, name: str) -> AppendFile:
        file = self._files.get(name)
        if file is None:
            if len(self._files) >= _MOST_OPEN:
                self._files.pop(next(iter(self._files))).close()
            self._directory.mkdir(parents=True, exist_ok=True)
            file = self._files[name] = AppendFile(self._path(name))
        return file

    def _purge(self, name: str) -> None:
        file = self._files.pop(name, None)
        if file is not None:
            file.close()
        try:
            self._path(name).unlink()
        except FileNotFoundError:
            logger.debug("nothing to purge under the name %r", name)
        except OSError as error:
            self.losses.add(1, f"{self._path(name)} cannot be removed: {error.strerror}")

    def _path(self, name: str) -> Path:
        return self._directory / f"{name}.msgpack"


def _is_file_name(name: object) -> bool:
    return isinstance(name, str) and name == Path(name).name != "" and "\0" not in name
