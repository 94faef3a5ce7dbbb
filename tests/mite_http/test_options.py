from typing import Any

import pytest

import acurl
from mite_http.options import PoolOptions


def test_equal_options_are_equal() -> None:
    assert PoolOptions() == PoolOptions(max_connects=100, http_version="auto", name="http")
    assert len({PoolOptions(), PoolOptions(), PoolOptions(max_connects=50)}) == 2


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"max_connects": -1}, "max_connects=-1"),
        ({"max_connects": True}, "max_connects=True"),
        ({"max_connects": "many"}, "max_connects='many'"),
        ({"name": "not a name"}, "name='not a name'"),
        ({"name": 3}, "name=3"),
        ({"http_version": "4"}, "http_version='4'"),
        ({"verify": "/no/such/file"}, "/no/such/file"),
        ({"timeout": -3}, "-3"),
    ],
)
def test_a_bad_value_is_named(options: dict[str, Any], words: str) -> None:
    with pytest.raises(acurl.RequestError) as raised:
        PoolOptions(**options)
    assert words in str(raised.value)
    assert isinstance(raised.value, ValueError)
