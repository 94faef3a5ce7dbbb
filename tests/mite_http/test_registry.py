from mite_http import SharedPoolRegistry
from mite_http.options import PoolOptions


def test_equal_options_share_one_pool() -> None:
    first = SharedPoolRegistry.shared(PoolOptions(max_connects=41))
    assert SharedPoolRegistry.shared(PoolOptions(max_connects=41)) is first
    assert first.options == PoolOptions(max_connects=41)
    assert SharedPoolRegistry.shared(PoolOptions(max_connects=41, name="other")) is not first
