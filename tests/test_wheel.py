"""The built package holds everything, under one name."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ("tasks", "scaling", "training", "reports")
DATA = ("harness/schemas", "harness/checkpoints")


@pytest.fixture(scope="module")
def members(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The files in a wheel, built from a copy so that the checkout stays as it is."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    for room in ("harness", *ROOMS):
        shutil.copytree(ROOT / room, source / room, ignore=shutil.ignore_patterns("__pycache__"))
    build = f"from setuptools import build_meta; build_meta.build_wheel({str(out)!r})"
    subprocess.run([sys.executable, "-W", "ignore", "-c", build], cwd=source, check=True, capture_output=True)
    with ZipFile(next(out.glob("grounded_harness-*.whl"))) as wheel:
        return set(wheel.namelist())


def test_harness_is_the_only_top_level_name(members: set[str]) -> None:
    assert {name.split("/")[0] for name in members if ".dist-info/" not in name} == {"harness"}


def test_every_module_is_inside(members: set[str]) -> None:
    core = {path.relative_to(ROOT).as_posix() for path in (ROOT / "harness").rglob("*.py")}
    rooms = {f"harness/{path.relative_to(ROOT).as_posix()}" for room in ROOMS for path in (ROOT / room).rglob("*.py")}
    assert {name for name in members if name.endswith(".py")} == core | rooms


def test_schemas_checkpoints_and_type_marker_are_inside(members: set[str]) -> None:
    files = {p.relative_to(ROOT).as_posix() for folder in DATA for p in (ROOT / folder).rglob("*") if p.is_file()}
    assert files and files <= members
    assert "harness/py.typed" in members
    assert any(name.endswith("/licenses/LICENSE") for name in members)


def test_the_command_and_the_python_are_declared() -> None:
    from importlib.metadata import entry_points, metadata

    (command,) = entry_points(group="console_scripts", name="harness")
    assert command.value == "harness.cli:main"
    assert metadata("grounded-harness")["Requires-Python"] == ">=3.10"
