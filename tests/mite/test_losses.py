import pytest

from mite.losses import Losses


def test_all_are_counted_and_the_first_reason_is_told(caplog: pytest.LogCaptureFixture) -> None:
    losses = Losses("the keeper")
    losses.add(1, "full at 100 %")
    assert losses.describe() == "the keeper lost 1 message"
    losses.add(2, "still full")
    assert losses.describe() == "the keeper lost 3 messages"
    (record,) = caplog.records
    assert record.getMessage() == "the keeper: full at 100 %; further losses are only counted"
