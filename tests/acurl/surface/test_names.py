"""What docs/acurl.md documents is what there is: names, options and their defaults, attributes."""

import inspect
import re
from ast import literal_eval
from pathlib import Path
from typing import Any

import pytest

import acurl
from tests.acurl.surface import test_options, test_wrapper
from tests.acurl.surface.test_errors import PARENTS

PAGE = (Path(__file__).parents[3] / "docs" / "acurl.md").read_text()

DEFAULT_TIMEOUT = {"`Timeout()`": acurl.Timeout()}

# Of upstream; what its users import or name in annotations.
UPSTREAM = (
    *("CurlWrapper", "Session", "Request", "_Response", "Cookie", "_Cookie"),
    *("session_cookie_for_url", "parse_cookie_string"),
    *("CaseInsensitiveDict", "CaseInsensitiveDefaultDict", "AcurlError", "RequestError"),
)


def section(title: str) -> str:
    """The text under a heading, up to the next one."""
    found = re.search(rf"^#+ {title}\n(.*?)(?=^##+ |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert found, title
    return found[1]


def defaults(title: str) -> dict[str, Any]:
    """Option to default of the table in a section."""
    rows = re.findall(r"^\| `(\w+)` \| (.+?) \|", section(title), re.MULTILINE)
    return {name: DEFAULT_TIMEOUT.get(text) or literal_eval(text) for name, text in rows}


def test_every_public_name_is_documented_and_no_other() -> None:
    assert set(re.findall(r"\bacurl\.(\w+)", PAGE)) - {"md"} == set(acurl.__all__)


@pytest.mark.parametrize("name", acurl.__all__)
def test_every_public_name_exists(name: str) -> None:
    assert getattr(acurl, name).__doc__


@pytest.mark.parametrize("name", UPSTREAM)
def test_upstreams_names(name: str) -> None:
    assert name in acurl.__all__


def test_all_names_are_in_the_list_of_them() -> None:
    listed = set(re.findall(r"`acurl\.(\w+)`", section("All names")))
    assert listed == set(acurl.__all__) - {kind.__name__ for kind in PARENTS}


def test_the_options_of_a_wrapper() -> None:
    assert defaults("Wrappers and sessions") == test_wrapper.DEFAULTS


def test_the_options_of_a_request() -> None:
    parameters = inspect.signature(acurl.Session.request).parameters.values()
    there = {one.name: one.default for one in parameters if one.kind is one.KEYWORD_ONLY}
    assert defaults("Options of a request") == there


def test_the_connection_options() -> None:
    there = {name: option.default for name, option in test_options.OPTIONS.items()}
    assert defaults("Connection options") == there


def test_the_limits_of_a_timeout() -> None:
    limits = acurl.Timeout()
    there = {name: getattr(limits, name) for name in ("connect", "read", "write", "pool", "total")}
    assert defaults("Timeouts") == there


def public(*kinds: type) -> set[str]:
    """Names of attributes and methods without an underscore before them."""
    return {name for kind in kinds for name in vars(kind) if not name.startswith("_")}


def test_all_of_a_response_is_documented() -> None:
    text = section("Responses")
    there = public(acurl._Response, acurl.StreamedResponse) - {"complete"}
    assert sorted(name for name in there if not re.search(rf"`{name}(\(\))?`", text)) == []


def test_a_response_has_all_that_is_documented() -> None:
    rows = set(re.findall(r"^\| `(\w+)(?:\(\))?` \|", section("Responses"), re.MULTILINE))
    assert rows <= public(acurl._Response, acurl.StreamedResponse)


def test_all_of_a_session_is_documented() -> None:
    text = section("Wrappers and sessions") + section("Requests")
    found = set(re.findall(r"`(?:session\.)?(\w+)(?:\(.*?\))?`", text))
    assert sorted(public(acurl.Session) - found) == []


@pytest.mark.parametrize("kind", PARENTS, ids=lambda kind: kind.__name__)
def test_each_error_stands_in_the_tree_and_in_the_table(kind: type[Exception]) -> None:
    tree, _, table = section("Errors").partition("\n| error |")
    assert re.search(rf"\b{kind.__name__}\b", tree)
    assert f"\n| `acurl.{kind.__name__}` | " in table


@pytest.mark.parametrize("title", re.findall(r"\]\(#([\w-]+)\)", PAGE))
def test_links_within_the_page_lead_somewhere(title: str) -> None:
    headings = re.findall(r"^#+ (.+)$", PAGE, re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
    assert title in anchors
