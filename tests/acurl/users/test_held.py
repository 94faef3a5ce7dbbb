"""Large bodies stay in C memory until they are read: by whom, and how often, does not matter."""

import asyncio
import copy
import pickle
from concurrent.futures import ThreadPoolExecutor

import pytest

import acurl
from tests.acurl.conftest import RunWrapper
from tests.servers.nginx import Nginx

LARGE = b"0123456789abcdef" * (1 << 16)


def test_many_threads_read_one_body(run_wrapper: RunWrapper, nginx: Nginx) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session()
        with ThreadPoolExecutor(8) as pool:
            for _ in range(20):
                response = await session.get(f"{nginx.http}/large")
                found = list(pool.map(lambda r: r.body, [response] * 8))
                assert found == [LARGE] * 8

    run_wrapper(body)


def test_a_copy_frees_nothing(run_wrapper: RunWrapper, nginx: Nginx) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session()
        response = await session.get(f"{nginx.http}/large")
        for attempt in (copy.deepcopy, pickle.dumps):
            with pytest.raises(TypeError):
                attempt(response)
        twin = copy.copy(response)
        others = [await session.get(f"{nginx.http}/large?{n}") for n in range(3)]
        assert [r.body for r in (response, twin, *others)] == [LARGE] * 5

    run_wrapper(body)


def test_requests_from_the_end_of_a_stream_get_their_own_answers(
    run_wrapper: RunWrapper, nginx: Nginx
) -> None:
    """Slots of a batch may be used again once all of it is told."""

    async def body(wrapper: acurl.CurlWrapper) -> None:
        session, other = wrapper.session(), wrapper.session()
        begun: list[asyncio.Future[acurl._Response]] = []

        def at_once(_response: acurl._Response) -> None:
            request = other.get(f"{nginx.http}/status/404")
            request.send(None)  # as eager tasks do: submitted within the callback
            request.close()
            begun.append(asyncio.ensure_future(other.get(f"{nginx.http}/status/404")))

        session.set_response_callback(at_once)
        streams = [session.get(f"{nginx.http}/small?{n}", stream=True) for n in range(30)]
        responses = await asyncio.gather(*streams)
        assert [await r.read() for r in responses] == [b"hello from nginx\n"] * 30
        assert [r.status_code for r in await asyncio.gather(*begun)] == [404] * 30

    run_wrapper(body)


@pytest.mark.parametrize("loop", [None, object(), "loop"])
def test_what_is_no_loop_is_refused(loop: object) -> None:
    with pytest.raises(acurl.RequestError, match=r"^loop=.*must be an open event loop"):
        acurl.CurlWrapper(loop)  # type: ignore[arg-type]
