from mite.exceptions import ConfigurationError, MiteError


def test_mite_error_carries_its_fields() -> None:
    error = MiteError("no stock", item=3, status=409)
    assert str(error) == "no stock"
    assert error.fields == {"item": 3, "status": 409}


def test_configuration_error_keeps_each_sentence() -> None:
    error = ConfigurationError("One.", "Two.")
    assert error.sentences == ("One.", "Two.")
    assert str(error) == "One.\nTwo."
