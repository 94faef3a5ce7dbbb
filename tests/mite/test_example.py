from mite import plan
from mite.config import ConfigManager
from mite.context import Context, Message
from mite.scenario import Line
from mite.volume import Constant
from tests.servers.loops import RunAsync


def example() -> Line:
    (line,) = plan.from_scenario("mite.example:scenario", ConfigManager(), None)
    return line


def test_the_scenario_has_data_and_volume() -> None:
    line = example()
    assert line.datapool is not None
    assert line.volume == Constant(duration=10, tps=10)


def test_the_journey_fits_its_data(run_async: RunAsync) -> None:
    messages: list[Message] = []

    async def main() -> None:
        line = example()
        assert line.datapool is not None
        item = await line.datapool.checkout(None)
        assert item is not None
        await line.journey(Context(messages.append, {"test_msg": "hello"}), *item.data)

    run_async(main())
    assert [(m["type"], m["transaction"]) for m in messages] == [
        ("test_message", "test1"),
        ("txn", "test1"),
    ]
    assert messages[0]["content"] == "hello"
    assert messages[1]["duration"] >= 0.49
