"""What a person can get wrong: one sentence, the right exit code, no traceback."""

import re
from pathlib import Path

import pytest

from mite.exitcodes import ExitCode
from tests.servers.target import Target
from tests.system.command import Mite


def refusal(mite: Mite, *arguments: str, sentences: int = 1) -> str:
    """The sentence, or one for each fault, of a command that does not start."""
    done = mite(*arguments)
    assert done.code == ExitCode.CONFIGURATION, done
    assert done.out == ""
    assert done.err.count("mite: ") == done.err.count("\n") == sentences, done.err
    return done.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["journey", "run", "nonsense"], ["'nonsense'", "package.module:name"]),
        (["journey", "run", "journeys.ecko:echo"], ["'journeys.ecko'", "journeys.echo"]),
        (["journey", "run", "journeys.echo:ecko"], ["'ecko'", "Did you mean echo"]),
        (["journey", "run", "journeys.shop:users"], ["not a journey"]),
        (["journey", "run", "journeys.shop:expect"], ["not a journey"]),
        (["journey", "test", "journeys.shop:visit", "journeys.shop:visit"], ["datapool"]),
        (["scenario", "test", "scenarios.demo:scenari"], ["Did you mean scenario"]),
        (["scenario", "test", "journeys.echo:echo"], ["not a scenario"]),
        (["scenario", "test", "no_such_package.demo:scenario"], ["no_such_package"]),
    ],
)
def test_a_wrong_spec_names_it_and_what_is_close(
    mite: Mite, arguments: list[str], words: list[str]
) -> None:
    said = refusal(mite, *arguments)
    for word in words:
        assert word in said


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--spawn-rate=fast"], ["--spawn-rate", "fast", "above zero"]),
        (["--max-loop-delay=0"], ["--max-loop-delay", "0"]),
        (["--runner-max-journeys=0"], ["--runner-max-journeys", "0", "above zero"]),
        (["--log-level=LOUD"], ["--log-level", "LOUD", "DEBUG"]),
        (["--max-errors-threshold=-1"], ["--max-errors-threshold", "-1"]),
        (["--add-to-config=nothing"], ["--add-to-config", "nothing"]),
    ],
)
def test_a_bad_option_names_itself_the_value_and_what_is_allowed(
    mite: Mite, arguments: list[str], words: list[str]
) -> None:
    said = refusal(mite, "scenario", "test", *arguments, "scenarios.demo:scenario")
    for word in words:
        assert word in said


@pytest.mark.parametrize("arguments", [["--nonsense"], ["scenario", "tets"], ["nonsense"]])
def test_an_unknown_word_is_a_usage_error(mite: Mite, arguments: list[str]) -> None:
    done = mite(*arguments)
    assert done.code == ExitCode.CONFIGURATION
    assert done.out == ""
    assert re.search(r"^mite: there is no (option|command) .+; .+\.\n$", done.err)


@pytest.mark.parametrize(
    ("arguments", "ending"),
    [
        (["journey", "run"], "JOURNEY_SPEC [DATAPOOL_SPEC]"),
        (["scenario", "test", "a:b", "c:d"], "SCENARIO_SPEC"),
        (["demo-target", "here"], "[--ready-file=FILE]"),
    ],
)
def test_a_word_too_few_or_too_many_shows_the_whole_usage(
    mite: Mite, arguments: list[str], ending: str
) -> None:
    said = refusal(mite, *arguments)
    assert said.startswith(f"mite: {' '.join(arguments)!r} cannot be understood; the usage is: ")
    assert said.endswith(f"{ending}\n")


SHAPES = {
    "nothing": "return None",
    "flat": "return ['journeys.echo:echo', None, Constant(tps=1, duration=1)]",
    "pair": "return [('journeys.echo:echo', None)]",
    "empty": "return []",
    "negative": "return [('journeys.echo:echo', None, Constant(tps=-1, duration=1))]",
    "ramp": "return [('journeys.echo:echo', None, Ramp(duration=1, to=3))]",
    "model": "return [('journeys.echo:echo', None, 7)]",
    "broken": "return 1 / 0",
}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_scenario_of_the_wrong_shape_is_one_sentence(
    target: Target, tmp_path: Path, shape: str
) -> None:
    head = "from mite.volume_model import Constant, Ramp\n\n\ndef scenario():\n    "
    (tmp_path / "shapes.py").write_text(f"{head}{SHAPES[shape]}\n")
    mite = Mite(target.environment(target.http), tmp_path)
    faults = 3 if shape == "flat" else 1
    said = refusal(mite, "scenario", "test", "shapes:scenario", sentences=faults)
    assert said.count("shapes:scenario") == faults


def test_a_scenario_may_ask_for_config_and_sender_only(target: Target, tmp_path: Path) -> None:
    (tmp_path / "asks.py").write_text("def scenario(config, weather):\n    return []\n")
    mite = Mite(target.environment(target.http), tmp_path)
    said = refusal(mite, "scenario", "test", "asks:scenario")
    assert "'weather'" in said
    assert "'config'" in said


def test_a_dead_target_is_said_in_one_sentence(mite: Mite, dead_url: str) -> None:
    done = mite("journey", "run", "journeys.echo:echo", MITE_CONF_base_url=dead_url)
    assert done.code == ExitCode.UPSTREAM_THRESHOLD
    assert "Traceback" not in done.said
    place = dead_url.removeprefix("http://")
    sentences = [line for line in done.said.splitlines() if "code 7" in line]
    assert sentences
    assert any(place in line or place.partition(":")[2] in line for line in sentences)


def test_a_refused_certificate_is_said_in_one_sentence(mite: Mite, target: Target) -> None:
    strangers = {"MITE_CONF_base_url": target.https, "SSL_CERT_FILE": ""}
    done = mite("journey", "run", "journeys.echo:echo", **strangers)
    assert done.code == ExitCode.UPSTREAM_THRESHOLD
    assert "Traceback" not in done.said
    assert "code 60" in done.said
    assert "certificate" in done.said
