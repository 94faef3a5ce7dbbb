"""Many users on the connections of one pool, with a server that ends them all the time.

nginx ends an HTTP/2 connection with a GOAWAY when it takes the last request that it cares for.
Streams behind that one it skips: neither its log nor its counters know them, and the client sends
them again. So, when no answer got lost on its way,

    requests that nginx counts  =  requests that the client has answers to

however many repeats there were, and what is over would be repeats of what nginx had served. Over
HTTP/1.1 the same holds: what is sent on a connection that nginx has closed is read by nobody.
"""

import asyncio
import itertools
import random
from collections import Counter
from typing import Any

import pytest

import acurl
from tests.acurl.conftest import RunWrapper
from tests.acurl.pool.load import Pause, Tally, balanced, load, no_pause
from tests.servers.nginx import Nginx

USERS = 100
PATIENT = acurl.Timeout(pool=60)
CEILINGS = [pytest.param({}, id="none"), pytest.param({"max_connections": 3}, id="three")]
_serial = itertools.count()


def soon_after_its_timeout(user: int, nth: int) -> float:
    """A burst of ten, then a pause about as long as the server keeps an idle connection."""
    return random.Random(f"{user} {nth}").uniform(0.9, 1.1) if nth % 10 == 9 else 0.0


class Served:
    """A load of one pool, told by the client and by nginx."""

    def __init__(self, nginx: Nginx, run_wrapper: RunWrapper) -> None:
        self._nginx = nginx
        self._run = run_wrapper
        self.tally = Tally()
        self.stats: Any = None
        self.accepted = 0
        self.requests: Counter[int] = Counter()
        """nginx's own: how many on each connection."""

    def load(self, origin: str, requests: int, pause: Pause = no_pause, **limits: Any) -> None:
        """Put it on; none may fail."""
        mark = f"/small?sharing-{next(_serial)}-"
        options = {"verify": str(self._nginx.ca_file), "timeout": PATIENT}

        async def body(wrapper: acurl.CurlWrapper) -> None:
            before = self._nginx.stub_status()
            self.tally = await load(
                wrapper, origin + mark, users=USERS, requests=requests, pause=pause, **options
            )
            after = self._nginx.stub_status()
            self.accepted = after.accepts - before.accepts - 1
            assert after.requests - before.requests - 1 == requests
            await asyncio.sleep(0.01)  # what the last answers have ended is closed behind them
            self.stats = wrapper.stats()

        self._run(body, **limits)
        self.requests = Counter(
            each.connection for each in self._nginx.wait_requests(mark, requests)
        )

    def check(self, requests: int, most_on_one: int) -> None:
        """What must be true of every load: nothing failed, nothing was served twice."""
        tally, stats = self.tally, self.stats
        assert tally.failed == {}
        assert tally.answered == requests == self.requests.total()
        assert tally.retries == stats.retries
        assert max(self.requests.values()) <= most_on_one
        # A connection may have been opened for one request, and been refused it.
        assert len(tally.connections) == len(self.requests) <= self.accepted == stats.opened
        balanced(stats)


@pytest.fixture
def served(nginx: Nginx, run_long: RunWrapper) -> Served:
    return Served(nginx, run_long)


def check_20_on_each(served: Served, requests: int) -> None:
    served.check(requests, most_on_one=20)
    used_up = sum(count == 20 for count in served.requests.values())
    # A hundred streams go to a connection that serves twenty, so most of them more than once.
    assert served.tally.retries > requests
    # The rest were idle, and shut by the server, before a stream was refused on them.
    assert 0.8 * used_up <= served.stats.closed_server_limit <= used_up + USERS


@pytest.mark.parametrize("limits", CEILINGS)
def test_connections_of_20_requests_shared_by_100_users(
    served: Served, nginx: Nginx, limits: dict[str, Any]
) -> None:
    served.load(nginx.twenty_tls, 2_000, **limits)
    check_20_on_each(served, 2_000)


@pytest.mark.slow
@pytest.mark.parametrize("limits", CEILINGS)
def test_connections_of_20_requests_for_long(
    served: Served, nginx: Nginx, limits: dict[str, Any]
) -> None:
    served.load(nginx.twenty_tls, 20_000, **limits)
    check_20_on_each(served, 20_000)


@pytest.mark.slow
@pytest.mark.parametrize("limits", CEILINGS)
def test_connections_of_1000_requests_for_long(
    served: Served, nginx: Nginx, limits: dict[str, Any]
) -> None:
    served.load(nginx.thousand_tls, 100_000, **limits)
    served.check(100_000, most_on_one=1000)
    assert served.tally.retries < 10_000
    # The last ones may be open, or idle when the server shuts them.
    assert 95 <= served.stats.closed_server_limit <= served.stats.closed <= 110


def check_reasons(served: Served) -> None:
    """Over HTTP/1.1 each end is known: by "Connection: close" in the last answer, or not used."""
    used_up = sum(count == 20 for count in served.requests.values())
    assert served.stats.closed_server_limit == used_up
    others = served.stats.closed - used_up
    assert served.stats.closed_server_idle == others


def test_connections_that_die_between_two_requests(served: Served, nginx: Nginx) -> None:
    served.load(nginx.hasty, 2_000, soon_after_its_timeout)
    served.check(2_000, most_on_one=20)
    check_reasons(served)


@pytest.mark.slow
@pytest.mark.parametrize("limits", [*CEILINGS, pytest.param({"max_connections": 50}, id="fifty")])
def test_connections_that_die_between_two_requests_for_long(
    served: Served, nginx: Nginx, limits: dict[str, Any]
) -> None:
    served.load(nginx.hasty, 20_000, soon_after_its_timeout, **limits)
    served.check(20_000, most_on_one=20)
    check_reasons(served)
    assert served.tally.retries < 2_000
