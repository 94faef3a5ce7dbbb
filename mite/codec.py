"""How a message is packed for files and wires: msgpack."""

from __future__ import annotations

from typing import Any

import msgpack


def pack_msg(message: Any) -> bytes:
    """``message`` as msgpack; TypeError when a value is none that msgpack knows."""
    packed: bytes = msgpack.packb(message, use_bin_type=True)
    return packed


def unpack_msg(packed: bytes) -> Any:
    """What ``packed`` was made from, with tuples in place of lists."""
    return msgpack.unpackb(packed, use_list=False, raw=False, strict_map_key=False)
