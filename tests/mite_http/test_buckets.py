import pytest

import acurl
from mite_http.buckets import BUCKET_VARIABLES, buckets_of
from mite_http.settings import check


@pytest.mark.parametrize("variable", BUCKET_VARIABLES)
@pytest.mark.parametrize("text", ["", "abc", "1,nan", "1,inf", "1,,2"])
def test_bounds_that_are_none_stop_the_run(
    monkeypatch: pytest.MonkeyPatch, variable: str, text: str
) -> None:
    monkeypatch.setenv(variable, text)
    with pytest.raises(acurl.RequestError, match=f"^{variable}='{text}': must be bucket bounds"):
        check({})


def test_bounds_as_they_are_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(BUCKET_VARIABLES[0], "0.5, 1,2")
    assert buckets_of(BUCKET_VARIABLES[0]) == [0.5, 1.0, 2.0]
    assert buckets_of(BUCKET_VARIABLES[1])[0] == 0.0001
