"""The example of a package from outside the tree: installed from its folder, found by its name, and run."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

EXAMPLE = Path(__file__).parents[1] / "examples/harness-moves"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the example's wheel holds, as an installer would put it there."""
    source, out, site = (tmp_path_factory.mktemp(name) for name in ("source", "wheel", "site"))
    shutil.copytree(EXAMPLE, source, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    build = f"from setuptools import build_meta; build_meta.build_wheel({str(out)!r})"
    subprocess.run([sys.executable, "-W", "ignore", "-c", build], cwd=source, check=True, capture_output=True)
    with ZipFile(next(out.glob("*.whl"))) as wheel:
        wheel.extractall(site)
    return site


def test_its_benchmark_and_its_report_are_found_by_name(
    harness: Callable[..., Any], site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.chdir(tmp_path)
    assert "6 of 6 reference answers score 1.0" in harness("tasks", "--check", "moves").out
    assert harness("data", "shapes", "--tasks", "moves", "--out", "data", "--count", 3).code == 0
    rows = json.loads(Path("data/moves/moves.json").read_text(encoding="utf-8"))
    told = ({"match": asked(row), "texts": [f"<answer>{row['answer']}</answer>"]} for row in rows)
    Path("answers.jsonl").write_text("".join(f"{json.dumps(each)}\n" for each in told))
    words = ("--data", "data", "--engine", "scripted", "--answers", "answers.jsonl", "--out", "run")
    said = harness("run", "--tasks", "moves", *words)
    assert said.code == 0 and "Moves (version 1)" in said.out
    report = harness("report", "run", "--as", "moves", "--out", "moves.md").out
    assert "chance" in report and "100.0" in report and "25.0" in report
    assert "| run | Acc | chance |" in Path("moves.md").read_text(encoding="utf-8")


def asked(row: dict[str, Any]) -> str:
    options = zip("ABCD", row["options"], strict=True)
    return "\n".join([row["question"], *(f"{letter}. {text}" for letter, text in options)])


def test_it_is_short() -> None:
    assert len((EXAMPLE / "harness_moves.py").read_text(encoding="utf-8").splitlines()) < 100
