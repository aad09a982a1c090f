"""The rules of the house, read from the source."""

from __future__ import annotations

import ast
import io
import json
import re
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from functools import cache
from importlib.metadata import packages_distributions, requires
from pathlib import Path

import pytest

from harness.cli import VERBS

ROOT = Path(__file__).parents[1]
ROOMS = ("tasks", "scaling", "training", "reports")
PACKAGE = sorted(path for room in ("harness", *ROOMS) for path in (ROOT / room).rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
DRAWERS = {"utils", "util", "common", "helpers", "helper", "misc"}
HEAVY = {
    "torch",
    "vllm",
    "transformers",
    "matplotlib",
    "pandas",
    "pyarrow",
    "av",
    "scipy",
    "PIL",
    "numpy",
    "jsonschema",
}
HELP = {"harness", "harness.__main__", "harness.cli", "harness.errors"}
"""What of ours `harness --help` needs."""
EXECUTES_DATA = {"pickle", "cPickle", "marshal", "shelve", "dill", "joblib", "cloudpickle"}


def label(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


every_module = pytest.mark.parametrize("path", PACKAGE, ids=label)
every_file = pytest.mark.parametrize("path", [*PACKAGE, *TESTS], ids=label)
schemas = pytest.mark.parametrize("path", sorted((ROOT / "harness/schemas").glob("*.json")), ids=label)


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    parts = parts if parts[0] == "harness" else ("harness", *parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def targets(path: Path) -> Iterator[tuple[int, str]]:
    """(line, absolute name) of all that a module imports, wherever; of `from a import b` both a and a.b."""
    package = module_name(path) if path.name == "__init__.py" else module_name(path).rpartition(".")[0]
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package.split(".")[: len(package.split(".")) - node.level + 1]) if node.level else ""
            source = ".".join(filter(None, (base, node.module)))
            yield node.lineno, source
            yield from ((node.lineno, f"{source}.{alias.name}") for alias in node.names)


def room_of(name: str) -> str | None:
    """The room that a module such as harness.tasks.vstar is in; None for the core and for other packages."""
    first, _, rest = name.partition(".")
    second = rest.partition(".")[0]
    return second if first == "harness" and second in ROOMS else None


def inside(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


@every_module
def test_a_module_imports_only_what_its_room_may(path: Path) -> None:
    mine = room_of(module_name(path))
    for line, name in targets(path):
        assert name.split(".")[0] not in ROOMS, f"{label(path)}:{line} imports {name}, which is not installed so"
        theirs = room_of(name)
        assert theirs in (None, mine), f"{label(path)}:{line}: {mine or 'the core'} must not import {theirs}"


@every_module
def test_a_room_speaks_to_itself_relatively(path: Path) -> None:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.ImportFrom) and not node.level:
            assert room_of(f"{node.module}.") is None, f"{label(path)}:{node.lineno}: import it relatively"
        if isinstance(node, ast.Import):
            assert not any(room_of(alias.name) for alias in node.names), f"{label(path)}:{node.lineno}: the same"


def test_no_module_imports_itself_through_others() -> None:
    known = {module_name(path): path for path in PACKAGE}
    graph = {name: {t for _, t in eager_targets(path) if t in known and t != name} for name, path in known.items()}
    done: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, " -> ".join((*trail[trail.index(name) :], name))
        if name not in done:
            for target in sorted(graph[name]):
                visit(target, (*trail, name))
            done.add(name)

    for name in sorted(graph):
        visit(name, ())


def eager_targets(path: Path) -> Iterator[tuple[int, str]]:
    """Imports less those for the type checker, and less the package that `from package import module` names."""
    typing_only = {
        line
        for node in ast.walk(tree(path))
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }
    known = {module_name(each) for each in PACKAGE}
    found = [(line, name) for line, name in targets(path) if line not in typing_only and name in known]
    for line, name in found:
        if not any(line == other and inside(deeper, name) and deeper != name for other, deeper in found):
            yield line, name


@every_file
def test_files_and_functions_are_short_and_rightly_named(path: Path) -> None:
    assert path.stem not in DRAWERS, f"{label(path)}: name the noun that this module is about"
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 300
    for node in ast.walk(tree(path)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            assert length <= 50, f"{label(path)}:{node.lineno}: {node.name} has {length} lines"


@every_file
def test_no_error_is_swallowed(path: Path) -> None:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.ExceptHandler):
            caught = {"BaseException"} if node.type is None else set(re.findall(r"\w+", ast.unparse(node.type)))
            raises = any(isinstance(inner, ast.Raise) for inner in ast.walk(node))
            assert raises or not caught & {"Exception", "BaseException"}, f"{label(path)}:{node.lineno}"


@every_module
def test_data_is_never_executed(path: Path) -> None:
    for line, name in targets(path):
        assert name.split(".")[0] not in EXECUTES_DATA, f"{label(path)}:{line} imports {name}"
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            assert called not in {"eval", "exec", "torch.load", "yaml.load"}, f"{label(path)}:{node.lineno}"


@every_module
def test_a_module_says_what_it_is(path: Path) -> None:
    assert ast.get_docstring(tree(path)), label(path)


def test_comments_are_rare() -> None:
    lines = comments = 0
    for path in PACKAGE:
        text = path.read_text(encoding="utf-8")
        lines += text.count("\n")
        tokens = tokenize.generate_tokens(io.StringIO(text).readline)
        comments += sum(t.type == tokenize.COMMENT and not t.string.startswith(("# type:", "# noqa")) for t in tokens)
    assert comments < 0.05 * lines


def imported(*words: str) -> set[str]:
    """The modules that a start of the command imports."""
    run = [sys.executable, "-X", "importtime", "-m", "harness", *words]
    done = subprocess.run(run, capture_output=True, text=True, check=True)
    return {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}


def test_the_help_imports_no_verb_and_nothing_heavy() -> None:
    found = imported("--help")
    assert {name for name in found if inside(name, "harness")} <= HELP
    assert not {"rich", "pydantic", *HEAVY} & found


@pytest.mark.parametrize("words", [("tasks",), *((verb, "--help") for verb in VERBS)], ids=" ".join)
def test_a_verb_that_has_nothing_to_compute_imports_nothing_heavy(words: tuple[str, ...]) -> None:
    found = imported(*words)
    assert not HEAVY & found
    verbs = {name for name in found if inside(name, "harness.verbs")}
    assert len(verbs) <= 3, "its own module, the package, and one of its own sub-verbs"


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_is_imported_under_its_one_name(room: str) -> None:
    code = f"import harness.{room} as room; print(room.__file__)"
    fresh = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT.anchor)
    assert Path(fresh.stdout.strip()) == ROOT / room / "__init__.py"


@schemas
def test_the_schemas_are_schemas(path: Path) -> None:
    from jsonschema import Draft202012Validator

    schema = json.loads(path.read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == Draft202012Validator.META_SCHEMA["$schema"]


def test_the_tree_on_the_page_is_the_tree_on_disk() -> None:
    _, _, drawn = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8").partition("## The tree\n")
    trail: list[str] = []
    files = set()
    for indent, name in re.findall(r"^(    +)(\S+)  ", drawn, re.MULTILINE):
        trail[len(indent) // 4 - 1 :] = [name.rstrip("/")]
        files.add("/".join(trail))
    modules = {label(path) for path in PACKAGE if path.name != "__init__.py"}
    assert {file for file in files if file.endswith(".py")} == modules
    assert all((ROOT / file).exists() for file in files)


def test_what_is_imported_is_declared_and_what_is_declared_is_imported() -> None:
    lines = requires("grounded-harness") or ()
    declared = {re.split(r"[^\w-]", line)[0].replace("_", "-"): "extra ==" in line for line in lines}
    owners = packages_distributions()
    imported = {
        owner.lower().replace("_", "-")
        for path in PACKAGE
        for _, name in targets(path)
        for owner in owners.get(name.split(".")[0], ())
        if owner != "grounded-harness"
    }
    needed = {name for name, optional in declared.items() if not optional}
    assert imported <= declared.keys()
    assert needed - {"pyarrow"} <= imported, (
        "pyarrow alone is used through another package: pandas reads Parquet with it"
    )
