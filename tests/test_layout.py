"""The house rules that a program can check: imports, sizes, names, docs, what gets installed."""

import ast
import re
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("acurl", "mite", "mite_http")
TREES = (*PACKAGES, "journeys", "scenarios", "bench", "tests", "scripts")

# What each tree may import of the others; anything else of ours is against the law.
MAY_IMPORT: dict[str, set[str]] = {
    "acurl": set(),
    "mite": set(),
    "mite_http": {"mite", "acurl"},
    "journeys": {"mite", "mite_http"},
    "scenarios": {"mite", "mite_http", "journeys"},
}
# Modules that only one place may import, so that only one file has to change with them.
ONLY_IN = {
    "zmq": {"mite/transport/zmq.py"},
    "asyncio": {"acurl/driver.py"},
}
HEAVY = ("rich", "prometheus_client", "numpy")
FORBIDDEN_NAMES = {"utils", "common", "helpers", "misc"}

PYTHON_FILE_LINES, PYTHON_FUNCTION_LINES, PYTHON_MEDIAN_LINES = 400, 60, 10
C_FILE_LINES, C_FUNCTION_LINES = 500, 80
JOURNEY_LINES = 40


def files(*suffixes: str, trees: tuple[str, ...] = TREES) -> list[Path]:
    """Our own files, relative to the root; what is built or installed in place is not ours."""
    found = (path for tree in trees for path in (ROOT / tree).rglob("*") if path.is_file())
    relative = (path.relative_to(ROOT) for path in found if path.suffix in suffixes)
    return sorted(path for path in relative if not any(part[0] == "." for part in path.parts))


def parsed(path: Path) -> ast.Module:
    return ast.parse((ROOT / path).read_bytes(), str(path))


def imports(path: Path) -> Iterator[str]:
    """Dotted names of the modules that a file imports, wherever in it."""
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative import"
            yield node.module or ""


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """Name and length in lines, docstring and decorators included, of each function."""
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = min([node.lineno, *(mark.lineno for mark in node.decorator_list)])
            yield node.name, (node.end_lineno or node.lineno) - first + 1


def c_functions(path: Path) -> Iterator[tuple[str, int]]:
    """Name and length of each C function: our style opens and closes its body in column 0."""
    name, start = "", 0
    for number, line in enumerate((ROOT / path).read_text().splitlines(), 1):
        if (opened := re.match(r"[a-zA-Z_].*?(\w+)\(", line)) and not line.endswith(";"):
            name, start = opened[1], number
        elif line == "}" and name:
            yield name, number - start + 1
            name = ""


def lines(path: Path) -> int:
    return len((ROOT / path).read_bytes().splitlines())


def over(measured: Iterator[tuple[str, int]], ceiling: int) -> list[str]:
    return [f"{what}: {size} lines, at most {ceiling}" for what, size in measured if size > ceiling]


def test_import_law() -> None:
    broken = [
        f"{path} imports {module}"
        for tree, allowed in MAY_IMPORT.items()
        for path in files(".py", trees=(tree,))
        for module in imports(path)
        if (top := module.split(".")[0]) in MAY_IMPORT and top not in allowed | {tree}
    ]
    assert broken == []


def test_packages_import_nothing_that_is_not_installed_with_them() -> None:
    broken = [
        f"{path} imports {module}"
        for path in files(".py", trees=PACKAGES)
        for module in imports(path)
        if module.split(".")[0] in {"tests", "bench", "journeys", "scenarios", "pytest", "_pytest"}
    ]
    assert broken == []


@pytest.mark.parametrize(("module", "tree"), [("zmq", None), ("asyncio", "acurl")])
def test_modules_with_one_door(module: str, tree: str | None) -> None:
    users = {
        path.as_posix()
        for path in files(".py", trees=(tree,) if tree else PACKAGES)
        if module in {name.split(".")[0] for name in imports(path)}
    }
    assert users <= ONLY_IN[module]


def test_python_files_are_short() -> None:
    assert over(((str(path), lines(path)) for path in files(".py")), PYTHON_FILE_LINES) == []


def test_python_functions_are_short() -> None:
    measured = (
        (f"{path}: {name}", size) for path in files(".py") for name, size in functions(path)
    )
    assert over(measured, PYTHON_FUNCTION_LINES) == []


@pytest.mark.parametrize("tree", PACKAGES)
def test_half_of_all_functions_are_very_short(tree: str) -> None:
    sizes = [size for path in files(".py", trees=(tree,)) for _name, size in functions(path)]
    assert median(sizes) <= PYTHON_MEDIAN_LINES


def test_c_files_are_short() -> None:
    measured = ((str(path), lines(path)) for path in files(".c", ".h"))
    assert over(measured, C_FILE_LINES) == []


def test_c_functions_are_short() -> None:
    measured = [
        (f"{path}: {name}", size) for path in files(".c") for name, size in c_functions(path)
    ]
    assert len(measured) > len(files(".c")), "the pattern no longer finds our C functions"
    assert over(iter(measured), C_FUNCTION_LINES) == []


def test_example_journeys_fit_on_a_screen_and_say_what_they_show() -> None:
    journeys = [path for path in files(".py", trees=("journeys",)) if path.stem != "__init__"]
    assert journeys
    assert over(((str(path), lines(path)) for path in journeys), JOURNEY_LINES) == []
    assert [str(path) for path in journeys if not ast.get_docstring(parsed(path))] == []


def test_file_names_are_nouns_that_say_something() -> None:
    vague = [str(path) for path in files(".py", ".c", ".h") if path.stem in FORBIDDEN_NAMES]
    assert vague == []


def test_no_work_is_put_off_in_a_comment() -> None:
    marks = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
    found = []
    for path in files(".py"):
        with (ROOT / path).open("rb") as source:
            tokens = list(tokenize.tokenize(source.readline))
        comments = (token for token in tokens if token.type == tokenize.COMMENT)
        found += [f"{path}:{token.start[0]}" for token in comments if marks.search(token.string)]
    for path in files(".c", ".h"):
        if marks.search((ROOT / path).read_text()):
            found.append(str(path))
    assert found == []


def test_tests_mirror_the_packages() -> None:
    """tests/acurl/test_session.py tests acurl/session.py: a test of nothing is a leftover.

    Folders that mirror no package, such as tests/acurl/users, hold tests of what spans files.
    """
    orphans = [
        str(path)
        for package in PACKAGES
        for path in files(".py", trees=(f"tests/{package}",))
        if path.name.startswith("test_") and _mirrors(path) and not _tested(path)
    ]
    assert orphans == []


def _mirrors(path: Path) -> bool:
    return (ROOT / Path(*path.parts[1:-1])).is_dir()


def _tested(path: Path) -> bool:
    """Whether a test file names a module, a package or a C file of the tree it mirrors."""
    place = Path(*path.parts[1:-1])
    noun = path.stem.removeprefix("test_")
    return any(
        (ROOT / candidate).exists()
        for name in (noun, f"_{noun}", f"__{noun}__")
        for candidate in (place / f"{name}.py", place / name, place / "csrc" / f"{name}.c")
    )


def documents() -> list[Path]:
    found = [*ROOT.glob("*.md"), *ROOT.glob("bench/*.md"), *ROOT.glob("docs/**/*.md")]
    return sorted(path.relative_to(ROOT) for path in found)


def named_paths(text: str) -> set[str]:
    """What stands in backticks and looks like a file or folder of this project."""
    spans = re.findall(r"(?<!`)`([^`\s]+)`(?!`)", text)
    roots = "|".join((*TREES, "docs", "deploy", r"\.ci"))
    return {span for span in spans if re.fullmatch(rf"(?:{roots})/[\w./-]*", span)}


@pytest.mark.parametrize("document", documents(), ids=str)
def test_files_that_documents_name_exist(document: Path) -> None:
    made_later = set((ROOT / ".gitignore").read_text().split())
    named = named_paths((ROOT / document).read_text()) - made_later
    assert sorted(name for name in named if not (ROOT / name).exists()) == []


@pytest.mark.parametrize("document", documents(), ids=str)
def test_functions_that_documents_name_exist(document: Path) -> None:
    sources = "".join((ROOT / path).read_text() for path in files(".py", ".c", ".h"))
    called = set(re.findall(r"`(?:\w+\.)*(\w+)\(\)`", (ROOT / document).read_text()))
    assert sorted(name for name in called if not re.search(rf"\b{name}\b", sources)) == []


@pytest.mark.parametrize("document", documents(), ids=str)
def test_make_targets_that_documents_name_exist(document: Path) -> None:
    makefile = (ROOT / "Makefile").read_text()
    named = set(
        re.findall(r"(?:`|^ {4}|^)make ([a-z-]+)", (ROOT / document).read_text(), re.MULTILINE)
    )
    assert sorted(name for name in named if f"\n{name}:" not in makefile) == []


@pytest.mark.parametrize("document", documents(), ids=str)
def test_links_in_documents_lead_somewhere(document: Path) -> None:
    links = re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", (ROOT / document).read_text())
    assert [link for link in links if not (ROOT / document.parent / link).exists()] == []


def test_make_alone_lists_every_target() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^\.PHONY: (.+)$", makefile, re.MULTILINE)) - {"environment"}
    help_text = subprocess.run(
        ["make"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": "/usr/bin:/bin"},
    ).stdout
    assert {line.split()[0] for line in help_text.splitlines()[1:]} == targets


@pytest.mark.parametrize("module", ["mite.runner", "mite_http", "acurl"])
def test_runners_stay_light(module: str) -> None:
    program = f"import sys, {module}; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert [name for name in HEAVY if name in loaded.stdout.split()] == []
