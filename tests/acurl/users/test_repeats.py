"""How often one user's requests had to be repeated takes nothing from the next user's tries."""

import asyncio
from typing import Any

import acurl
from tests.acurl.conftest import RunWrapper, until
from tests.acurl.users.ledger import Bundle, Line, keeping

USERS = 12
"""More than the repeats of any one request."""


class Forgetful(Bundle):
    """Drops a connection at the first request for each path under /once."""

    def _say(self, stream: int, fields: Any) -> None:
        path = fields[":path"]
        if path.startswith("/once") and path not in self.ledger.heads:
            self.note(path)
            self.transport.abort()
        else:
            super()._say(stream, fields)


def test_repeats_of_what_the_server_had_received(run_wrapper: RunWrapper) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        async with keeping(Forgetful) as ledger:
            for number in range(USERS):
                user = wrapper.session("2-prior-knowledge")
                assert (await user.get(ledger.url)).retries == 0
                answer = await user.get(f"{ledger.url}/once/{number}")
                assert (answer.status_code, answer.retries) == (200, 1)
            assert (len(ledger.lines), wrapper.stats().handles) == (USERS + 1, 1)

    run_wrapper(body, max_retries=1)


def test_repeats_of_what_never_left(run_wrapper: RunWrapper) -> None:
    """libcurl gives up after five connections that the server has closed."""

    async def body(wrapper: acurl.CurlWrapper) -> None:
        async with keeping(Line) as ledger:
            for _ in range(USERS):
                users = [wrapper.session() for _ in range(20)]
                answers = await asyncio.gather(*(user.post(ledger.url, data="x") for user in users))
                assert [answer.status_code for answer in answers] == [200] * 20
                for line in ledger.lines:
                    line.transport.abort()
                await until(lambda: ledger.open == 0)
            assert (len(ledger.heads), wrapper.stats().handles) == (20 * USERS, 20)

    run_wrapper(body, max_retries=0)
