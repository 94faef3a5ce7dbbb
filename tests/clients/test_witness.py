"""The witness of the benchmark of pools counts what there is: it is asked with bare sockets."""

import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing

import pytest

from bench.pools.figures import sheet
from bench.pools.kernel import established
from bench.pools.observer import Witness, WitnessError
from bench.pools.witness import BODY
from tests.servers.conditions import wait_until

REQUEST = b"GET / HTTP/1.1\r\nHost: here\r\n\r\n"


@pytest.fixture
def witness() -> Iterator[Witness]:
    with Witness(max(os.sched_getaffinity(0))) as running:
        yield running


def connected(witness: Witness) -> socket.socket:
    return socket.create_connection(("127.0.0.1", witness.port), timeout=10)


def answer(connection: socket.socket) -> bytes:
    got = b""
    while not got.endswith(BODY):
        more = connection.recv(4096)
        assert more, "closed without an answer"
        got += more
    return got


def test_counts_connections_requests_and_what_was_at_once(witness: Witness) -> None:
    witness.begin(0.05)
    with ExitStack() as stack:
        users = [stack.enter_context(closing(connected(witness))) for _ in range(3)]
        for user in users[:2]:
            user.send(REQUEST)
        assert [answer(user).split(b"\r\n")[0] for user in users[:2]] == [b"HTTP/1.1 200 OK"] * 2
        users[0].send(REQUEST)
        answer(users[0])
        seen = witness.look()
        assert established(witness.port) == 3
    assert (seen.accepted, seen.open, seen.peak_open) == (3, 3, 3)
    assert (seen.received, seen.answered, seen.running, seen.peak_running) == (3, 3, 0, 2)
    assert seen.server_seconds >= 0.045


@pytest.mark.slow
def test_counts_what_is_kept_a_second_after_the_last_answer(witness: Witness) -> None:
    witness.begin(0.0)
    with closing(connected(witness)) as kept, closing(connected(witness)) as left:
        for user in (kept, left):
            user.send(REQUEST)
            answer(user)
        assert witness.look().kept is None
        left.close()
        wait_until(lambda: witness.look().kept is not None, "the count of what was kept")
        assert witness.look().kept == 1


def test_a_request_that_nobody_waits_for_is_not_answered(witness: Witness) -> None:
    witness.begin(5.0)
    with closing(connected(witness)) as user:
        user.send(REQUEST)
        wait_until(lambda: witness.look().running == 1, "the request")
    wait_until(lambda: witness.look().open == 0, "the connection's end")
    seen = witness.look()
    assert (seen.running, seen.received, seen.answered) == (0, 1, 0)


def test_begins_only_when_nobody_is_connected(witness: Witness) -> None:
    with closing(connected(witness)) as user:
        user.send(REQUEST)
        answer(user)
        with pytest.raises(WitnessError, match="connections stay open"):
            witness.begin(0.0, limit=0.05)
    witness.begin(0.0)
    assert witness.look().accepted == 0


def test_connection_close_is_honoured(witness: Witness) -> None:
    with closing(connected(witness)) as user:
        user.send(REQUEST.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        answer(user)
        assert user.recv(1) == b""


def test_sheet_is_as_wide_as_its_cells_and_lets_remarks_be_long() -> None:
    rows = [("a", "1", "22"), ("long name", "no figures, and a remark that is longer than all")]
    assert list(sheet(("", "one", "two"), rows)) == [
        "             one  two",
        "  a            1   22",
        "  long name  no figures, and a remark that is longer than all",
    ]
