"""Numbers and fields that a client may send."""

import pytest

from mite.demo import body
from mite.demo.refusal import RefusalError


@pytest.mark.parametrize(("value", "number"), [("0", 0), (7, 7), ("10", 10)])
def test_a_number_in_range_is_taken(value: object, number: int) -> None:
    assert body.whole_number(value, "n", 0, 10) == number


@pytest.mark.parametrize("value", ["11", "-1", "x", "", None, True, 1.5, "9" * 5000, "\u0663", [1]])
def test_any_other_is_refused_in_one_short_sentence(value: object) -> None:
    with pytest.raises(RefusalError) as caught:
        body.whole_number(value, "n", 0, 10)
    assert caught.value.status == 400
    assert str(caught.value).startswith("n must be a whole number from 0 to 10, not ")
    assert len(str(caught.value)) < 120


def test_a_text_field_must_be_text() -> None:
    assert body.text_field({"user": "a"}, "user") == "a"
    with pytest.raises(RefusalError, match="field 'user' must be a string, not None"):
        body.text_field({}, "user")
