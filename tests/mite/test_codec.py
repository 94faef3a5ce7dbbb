import pytest

from mite.codec import pack_msg, unpack_msg


def test_a_message_survives_with_tuples_for_lists() -> None:
    message = {"type": "data_created", "data": ["x", b"\x00", 1.5, None, {3: True}]}
    assert unpack_msg(pack_msg(message)) == {
        "type": "data_created",
        "data": ("x", b"\x00", 1.5, None, {3: True}),
    }


def test_what_msgpack_does_not_know_is_refused() -> None:
    with pytest.raises(TypeError):
        pack_msg({"data": object()})
