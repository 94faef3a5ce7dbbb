"""What the tests of the public surface share: one test for each name that users rely on.

ask   ask(method, url, **options): the response to one request, in a session and with a wrapper of
      its own. Options are those of Session.request. Runs on asyncio and on uvloop.
"""

from typing import Any

import pytest

import acurl
from tests.acurl.conftest import RunWrapper


class Ask:
    """`ask("GET", url)`: a wrapper, a session and a request per call."""

    def __init__(self, run_wrapper: RunWrapper) -> None:
        self._run_wrapper = run_wrapper

    def __repr__(self) -> str:
        return f"<Ask {self._run_wrapper!r}>"

    def __call__(self, method: str, url: str, **options: Any) -> Any:
        """The response."""

        async def body(wrapper: acurl.CurlWrapper) -> Any:
            return await wrapper.session().request(method, url, **options)

        return self._run_wrapper(body)


@pytest.fixture
def ask(run_wrapper: RunWrapper) -> Ask:
    """Sends one request, once on each kind of loop."""
    return Ask(run_wrapper)
