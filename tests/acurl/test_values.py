"""Values in messages: short, whatever they are."""

from typing import Any

import pytest

import acurl
from acurl.values import shown
from tests.acurl.conftest import RunWrapper
from tests.acurl.echo import Echo

ITSELF: list[Any] = []
ITSELF.append(ITSELF)
DEEP: list[Any] = []
for _ in range(100_000):
    DEEP = [DEEP]


class Mute:
    """Cannot be shown."""

    def __repr__(self) -> str:
        raise RuntimeError("mute")


ODD = [
    set(),
    {1},
    bytearray(b"x"),
    ITSELF,
    {"a:1": ITSELF},
    DEEP,
    -(10**5000),
    "x" * 10**6,
    [],
    Mute(),
]
OPTIONS = (
    "cert_info", "connect_to", "connections", "discard_body", "dns_ttl", "http_version",
    "interface", "proxy", "tcp_keepalive", "tls_min", "trust_env", "verify",
)  # fmt: skip


def test_what_is_shown_is_short() -> None:
    assert shown("a") == "'a'"
    assert shown((1, 2.5)) == "(1, 2.5)"
    assert shown(-(10**5000)) == "<int>"
    assert shown("x" * 1000) == f"'{'x' * 97}...{'x' * 98}'"
    assert all(len(shown(value)) <= 200 for value in (*ODD, ["y" * 1000] * 1000))


@pytest.mark.parametrize("option", OPTIONS)
def test_no_odd_value_is_taken_or_shown_at_length(
    run_wrapper: RunWrapper, echo: Echo, option: str
) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session()
        for value in ODD:
            options: Any = {option: value}
            with pytest.raises(acurl.RequestError, match=f"^{option}[=:]") as caught:
                await session.get(echo.url, **options)
            assert len(str(caught.value)) < 600

    run_wrapper(body)


def test_what_is_allowed_does_not_depend_on_what_was_given_before(
    run_wrapper: RunWrapper, echo: Echo
) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session()
        assert (await session.get(echo.url, tcp_keepalive=(1, 2))).ok
        for odd in ((True, 2), (1.0, 2)):
            options: Any = {"tcp_keepalive": odd}
            with pytest.raises(acurl.RequestError, match=r"tcp_keepalive=.* whole numbers"):
                await session.get(echo.url, **options)
        assert (await session.get(echo.url, tcp_keepalive=(1, 2))).ok

    run_wrapper(body)


def test_a_path_that_has_no_bytes(run_wrapper: RunWrapper, echo: Echo) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        with pytest.raises(acurl.RequestError, match=r"^unix_socket='.*': surrogates"):
            await wrapper.session().get(echo.url, unix_socket="\ud800")

    run_wrapper(body)
