from mite_http import registry
from mite_http.options import PoolOptions


def test_equal_options_share_one_pool() -> None:
    first = registry.shared(PoolOptions(max_connects=41))
    assert registry.shared(PoolOptions(max_connects=41)) is first
    assert first.options == PoolOptions(max_connects=41)
    assert registry.shared(PoolOptions(max_connects=41, name="other")) is not first
