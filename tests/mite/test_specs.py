from pathlib import Path

import pytest

from mite import specs
from mite.exceptions import ConfigurationError

MODULE = """
import functools

from mite.datapools import IterableDataPool

pool = IterableDataPool([])


async def browse(ctx):
    pass


def plain(ctx):
    pass


def undecorated(func):
    @functools.wraps(func)
    def wrapper(ctx):
        return func(ctx)

    return wrapper


@undecorated
async def wrapped(ctx):
    pass


class Callable:
    async def __call__(self, ctx):
        pass


instance = Callable()
bound = functools.partial(browse)


def scenario():
    return []
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "specs_shop.py").write_text(MODULE)
    (tmp_path / "specs_broken.py").write_text("x = 1\nraise RuntimeError('out of tea')\n")
    (tmp_path / "specs_exit.py").write_text("import sys\nsys.exit(0)\n")
    (tmp_path / "specs_typo.py").write_text("def f(:\n")
    (tmp_path / "specs_needy.py").write_text("import no_such_library\n")
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", ["browse", "wrapped", "instance", "bound"])
def test_journeys_are_whatever_is_a_coroutine_function(here: Path, name: str) -> None:
    assert callable(specs.journey(f"specs_shop:{name}"))


def test_a_datapool_and_a_scenario_are_found(here: Path) -> None:
    assert specs.datapool("specs_shop:pool") is specs.spec_import("specs_shop:pool")
    assert specs.scenario("specs_shop:scenario")() == []


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("specs_shop", r"'specs_shop' does not name a journey: write package.module:name"),
        (":x", "does not name a journey"),
        ("specs_shop:", "does not name a journey"),
        ("specs_shop:brwose", r"no journey 'brwose' in specs_shop\. Did you mean browse\?"),
        ("specs_shop:zzz", r"no journey 'zzz' in specs_shop\.$"),
        ("specs_shp:browse", r"no module 'specs_shp' .*\. Did you mean specs_shop"),
        ("mite.cloock:x", r"no module 'mite.cloock' .*\. Did you mean mite.clock\?"),
        ("specs_shop:plain", "is a plain function, not a journey"),
        ("specs_shop:Callable", "is the class Callable, not a journey"),
        ("specs_shop:pool", "is a IterableDataPool, not a journey"),
        ("specs_broken:x", r"cannot be imported: RuntimeError: out of tea \(.*broken.py line 2\)"),
        ("specs_exit:x", r"cannot be imported: it calls sys.exit\(0\) \(.*exit.py line 2\)"),
        ("specs_typo:x", r"cannot be imported: .*specs_typo.py line 1: "),
        ("specs_needy:x", "cannot be imported: ModuleNotFoundError: No module named 'no_such_lib"),
    ],
)
def test_what_is_wrong_is_one_sentence(here: Path, spec: str, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words) as raised:
        specs.journey(spec)
    (sentence,) = raised.value.sentences
    assert "\n" not in sentence
    assert sentence[-1] in ".?"


def test_a_datapool_of_nearly_the_name_is_offered(here: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"'pol' in specs_shop\. Did you mean pool\?$"):
        specs.datapool("specs_shop:pol")


def test_the_users_line_is_named_when_a_plugin_refuses_it(here: Path) -> None:
    text = "from mite_http import mite_http\n\nmite_http(http_version='9')\n"
    (here / "specs_refused.py").write_text(text)
    with pytest.raises(ConfigurationError, match=r"RequestError: .*specs_refused.py line 3\)\.$"):
        specs.journey("specs_refused:x")


def test_a_thing_without_checkout_is_no_datapool(here: Path) -> None:
    with pytest.raises(ConfigurationError, match="has no 'checkout' and 'checkin'"):
        specs.datapool("specs_shop:browse")


@pytest.mark.parametrize("name", ["browse", "pool"])
def test_a_scenario_is_a_plain_function(here: Path, name: str) -> None:
    with pytest.raises(ConfigurationError, match="not a scenario: a scenario is a plain function"):
        specs.scenario(f"specs_shop:{name}")
