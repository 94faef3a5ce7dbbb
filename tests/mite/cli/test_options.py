import pytest

from mite.cli import options
from mite.cli.usage import USAGE
from mite.exceptions import ConfigurationError
from mite.runner import Settings
from mite.thresholds import UpstreamThresholds

JOURNEY = ["journey", "test", "j:a"]


def read(*arguments: str) -> options.RunOptions:
    return options.run_options(options.parse([*arguments, *JOURNEY]))


def faults(*arguments: str) -> list[str]:
    with pytest.raises(ConfigurationError) as raised:
        read(*arguments)
    return list(raised.value.sentences)


def test_defaults_are_upstreams() -> None:
    assert read() == options.RunOptions(
        config="mite.config:default_config_loader",
        additions=(),
        volume=1,
        settings=Settings(period=1.0, spawn_rate=1000.0, max_journeys=None, start_delay=0.0),
        thresholds=UpstreamThresholds(percentiles=((50, 0), (90, 0), (98, 0), (99, 0))),
        report=False,
        hide_progress=False,
        journey_logging=False,
        log_level="INFO",
        working_directory=True,
        prometheus=None,
        strict=False,
        webhook=None,
        memory_tracing=False,
        message_processors="",
        recorder_directory="recorder_data",
        collector_directory=None,
        collector_roll=100_000,
    )


def test_every_option_arrives() -> None:
    chosen = read(
        "--volume=5",
        "--spawn-rate=2.5",
        "--max-loop-delay=.5",
        "--min-loop-delay=0",
        "--runner-max-journeys=9",
        "--delay-start-seconds=3",
        "--add-to-config=a:b",
        "--add-to-config=c:d",
        "--config=m:f",
        "--report",
        "--benchmark-percentiles=50:100,99:0",
        "--hide-constant-logs",
        "--journey-logging",
        "--log-level=debug",
        "--exclude-working-directory",
        "--debugging",
        "--prometheus=192.0.2.1:9301",
        "--strict",
        "--logging-webhook=http://h",
        "--memory-tracing",
        "--message-processors=m:A,m:B",
        "--recorder-dir=r",
        "--collector-dir=c",
        "--collector-roll=7",
        "--max-errors-threshold=1",
        "--max-response-time-threshold=2",
        "--mean-response-time-threshold=3",
        "--standard-deviation-response-time-threshold=4",
        "--standard-deviation-req-sec-threshold=5",
    )
    assert chosen.settings == Settings(0.5, 2.5, 9, 3.0, debug=True)
    assert chosen.thresholds == UpstreamThresholds(1, 2, 3, 4, 5, ((50, 100), (99, 0)))
    assert chosen.additions == ("a:b", "c:d")
    assert (chosen.config, chosen.volume, chosen.log_level) == ("m:f", 5, "DEBUG")
    assert chosen.report
    assert chosen.hide_progress
    assert chosen.journey_logging
    assert not chosen.working_directory
    assert (chosen.recorder_directory, chosen.collector_directory) == ("r", "c")
    assert chosen.collector_roll == 7
    assert chosen.strict
    assert chosen.prometheus == ("192.0.2.1", 9301)
    assert chosen.memory_tracing
    assert chosen.webhook == "http://h"
    assert chosen.message_processors == "m:A,m:B"
    assert chosen.words["--message-processors"] == "m:A,m:B"


def test_the_webhook_may_stand_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MITE_LOGGING_URL", "http://e")
    assert read().webhook == "http://e"
    assert read("--logging-webhook=http://h").webhook == "http://h"


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:0", ("127.0.0.1", 0)),
        ("localhost:65535", ("localhost", 65_535)),
        ("[::1]:9301", ("::1", 9301)),
        (":9301", ("127.0.0.1", 9301)),
        ("9301", ("127.0.0.1", 9301)),
    ],
)
def test_metrics_are_served_on_this_machine_alone_unless_told(
    text: str, address: tuple[str, int]
) -> None:
    assert read(f"--prometheus={text}").prometheus == address


def test_percentile_limits_need_no_report() -> None:
    assert read("--benchmark-percentiles=50:1").thresholds.percentiles == ((50, 1),)


@pytest.mark.parametrize(
    ("argument", "allowed"),
    [
        ("--volume=-1", "a whole number, above zero"),
        ("--volume=1.5", "a whole number, above zero"),
        ("--volume=\u0665", "a whole number, above zero"),
        ("--collector-roll=0", "a whole number, above zero"),
        ("--spawn-rate=0", "a number above zero"),
        ("--max-loop-delay=soon", "a number above zero"),
        ("--delay-start-seconds=-1", "a number not below zero"),
        ("--delay-start-seconds=nan", "a number not below zero"),
        ("--log-level=loud", "one of DEBUG, INFO, WARNING, ERROR, CRITICAL"),
        ("--volume=0", "a whole number, above zero"),
        ("--prometheus=", "HOST:PORT"),
        ("--prometheus=localhost", "HOST:PORT, such as 127.0.0.1:9301, or a port of this machine"),
        ("--prometheus=127.0.0.1:65536", "HOST:PORT"),
        ("--prometheus=::1:80", "HOST:PORT"),
        ("--prometheus=http://127.0.0.1:80", "HOST:PORT"),
        ("--benchmark-percentiles=50", "percentile:milliseconds pairs"),
        ("--benchmark-percentiles=0:5", "percentile:milliseconds pairs"),
        ("--benchmark-percentiles=100:5", "percentile:milliseconds pairs"),
    ],
)
def test_a_bad_value_is_named_with_what_is_allowed(argument: str, allowed: str) -> None:
    (sentence,) = faults(argument)
    assert sentence.startswith(f"{argument} is not possible: it must be {allowed}")


def test_all_faults_are_told_at_once() -> None:
    assert len(faults("--volume=x", "--spawn-rate=x", "--max-errors-threshold=x")) == 3


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ["--spwan-rate=3", *JOURNEY],
            "there is no option --spwan-rate; did you mean --spawn-rate?",
        ),
        (
            ["--message-socket=tcp://127.0.0.1:14302", *JOURNEY],
            "--message-socket is for the processes of a distributed run: journey run, journey ",
        ),
        (["--collector-use-json", *JOURNEY], "have only one process and do not take it."),
        (["--xyzzy", *JOURNEY], "there is no option --xyzzy; see mite --help."),
        ([], "no command given"),
        (["jurney", "run", "j:a"], "there is no command 'jurney'; did you mean journey?"),
        (["weather"], "there is no command 'weather'; mite --help lists them."),
        (["journey"], "there is no command 'journey'; it is journey run or journey test."),
        (["scenario", "run", "s:s"], "there is no command 'scenario run'; it is scenario test."),
        (["journey", "run"], "the usage is: mite [options] journey run"),
        (["scenario", "test", "a:b", "c:d"], "the usage is: mite [options] scenario test"),
        (["demo-target", "--volume=3"], "the usage is: mite demo-target"),
        (["scenario", "test", "--port=80", "a:b"], "cannot be understood"),
    ],
)
def test_misuse_is_one_sentence(arguments: list[str], words: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        options.parse(arguments)
    (sentence,) = raised.value.sentences
    assert words in sentence


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (["demo-target", "--port=0", "--cert-dir=x"], {"demo-target"}),
        (["journey", "run", "j:a", "d:p"], {"journey", "run"}),
        (["--volume=2", "journey", "test", "j:a"], {"journey", "test"}),
        (["scenario", "test", "s:s"], {"scenario", "test"}),
    ],
)
def test_commands(arguments: list[str], names: set[str]) -> None:
    words = options.parse(arguments)
    commands = {"journey", "scenario", "demo-target", "run", "test"}
    assert {name for name in commands if words[name]} == names


@pytest.mark.parametrize(("argument", "begins"), [("--help", "mite: load"), ("--version", "mite ")])
def test_help_and_version_leave_with_status_zero(
    argument: str, begins: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as leaving:
        options.parse([argument])
    assert leaving.value.code in {None, 0}
    assert capsys.readouterr().out.startswith(begins)


def test_help_fits_a_terminal_and_teaches_by_examples() -> None:
    assert max(map(len, USAGE.splitlines())) <= 100
    examples = USAGE.partition("Examples:")[2].partition("Exit status:")[0]
    for command in ("demo-target", "journey run", "journey test", "scenario test"):
        assert f"mite {command}" in examples
