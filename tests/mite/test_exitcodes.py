import pytest

from mite.exitcodes import ExitCode, weightiest


def test_values_are_the_documented_ones() -> None:
    assert {code.name: code.value for code in ExitCode} == {
        "OK": 0,
        "UPSTREAM_THRESHOLD": 1,
        "THRESHOLD": 99,
        "CONFIGURATION": 104,
        "SIGNAL": 105,
        "ABORTED": 108,
        "CONTROLLER_LOST": 110,
        "NOT_VALID": 111,
    }


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        ([], 0),
        ([ExitCode.OK], 0),
        ([ExitCode.NOT_VALID, ExitCode.UPSTREAM_THRESHOLD], 1),
        ([ExitCode.UPSTREAM_THRESHOLD, ExitCode.THRESHOLD], 99),
        ([ExitCode.THRESHOLD, ExitCode.CONTROLLER_LOST], 110),
        ([ExitCode.CONTROLLER_LOST, ExitCode.ABORTED], 108),
        ([ExitCode.ABORTED, ExitCode.SIGNAL], 105),
        ([ExitCode.SIGNAL, ExitCode.CONFIGURATION], 104),
    ],
)
def test_the_weightiest_reason_is_the_exit_status(codes: list[ExitCode], expected: int) -> None:
    assert weightiest(codes) == weightiest(reversed(codes)) == expected
