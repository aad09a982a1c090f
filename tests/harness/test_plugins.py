"""A plugin is found by its name, by its file, or as installed by another package; no edit elsewhere is needed."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness import plugins
from harness.errors import UsageError
from harness.plan import load

DATA = Path(__file__).parent / "data"
COLOURS, SLOW = DATA / "colours.py", DATA / "slow.py"


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A site folder with another package that brings a task, an engine and a voter."""
    site = tmp_path / "site"
    (site / "rainbow-1.0.dist-info").mkdir(parents=True)
    shutil.copy(COLOURS, site / "rainbow_task.py")
    shutil.copy(SLOW, site / "rainbow_engine.py")
    (site / "rainbow_voter.py").write_text("def last(sample, predictions):\n    return predictions[-1]\n")
    (site / "rainbow-1.0.dist-info/METADATA").write_text("Metadata-Version: 2.1\nName: rainbow\nVersion: 1.0\n")
    (site / "rainbow-1.0.dist-info/entry_points.txt").write_text(
        "[harness.tasks]\nrainbow = rainbow_task\n"
        "[harness.engines]\nslow = rainbow_engine:engine\n"
        "[harness.scaling]\nlast = rainbow_voter:last\n"
    )
    monkeypatch.syspath_prepend(str(site))
    return site


def test_a_new_benchmark_is_one_short_file() -> None:
    assert len(COLOURS.read_text().splitlines()) < 100
    assert load(str(COLOURS)).name == "colours"


def test_a_file_in_the_current_folder_is_run(
    harness: Callable[..., Any], data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(COLOURS, tmp_path / "mybench.py")
    monkeypatch.chdir(tmp_path)
    words = ("run", "--data", data, "--engine", SLOW, "--out", "run")
    assert harness(*words, "--tasks", "./mybench.py").code == 0
    monkeypatch.chdir(tmp_path.parent)
    assert harness("report", tmp_path / "run").code == 0


def test_what_another_package_brings_is_run_by_its_name(
    harness: Callable[..., Any], data: Path, tmp_path: Path, installed: Path
) -> None:
    words = ("run", "--tasks", "rainbow", "--engine", "slow", "--voter", "last", "-n", 2, "--temperature", 1)
    said = harness(*words, "--data", data, "--out", tmp_path / "run")
    assert said.code == 0 and "Colours (version 1)" in said.out
    settings = json.loads((tmp_path / "run/run.json").read_text())["settings"]
    assert settings["tasks"][0]["plugin"] == "rainbow" and settings["voter"] == "last"
    assert "rainbow" in harness("tasks").out


def test_the_names_are_ours_and_those_of_others(installed: Path) -> None:
    assert {"rainbow", "vstar", "videomme"} <= set(plugins.names("harness.tasks"))
    assert not any(name.startswith("_") for name in plugins.names("harness.tasks"))


def test_ours_comes_first(installed: Path) -> None:
    path = installed / "rainbow-1.0.dist-info/entry_points.txt"
    path.write_text("[harness.tasks]\nvstar = rainbow_task\n")
    assert load("vstar").title == "V-STaR"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = 1\n", "has no attribute 'task'"),
        ("task = 1\n", "must be an instance of harness.contracts.Task, found 1"),
        ("from harness.contracts import Task\ntask = Task\n", "must be an instance of"),
    ],
)
def test_a_file_that_is_no_task_is_told(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "bad.py").write_text(text)
    with pytest.raises(UsageError, match=said):
        load(str(tmp_path / "bad.py"))


def test_a_file_may_have_the_name_of_another_module(tmp_path: Path) -> None:
    shutil.copy(COLOURS, tmp_path / "json.py")
    load(str(tmp_path / "json.py"))
    assert sys.modules["json"] is json


def test_a_plugin_is_not_imported_to_list_names() -> None:
    code = "import sys; from harness.plugins import names; names('harness.tasks'); print(*sys.modules)"
    fresh = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "harness.tasks" in fresh.stdout.split() and "harness.tasks.vstar" not in fresh.stdout.split()


def test_a_name_with_a_colon_is_what_a_plugin_makes_of_the_rest(tmp_path: Path, installed: Path) -> None:
    path = installed / "rainbow-1.0.dist-info/entry_points.txt"
    path.write_text("[harness.tasks]\nmany = rainbow_many\nrainbow = rainbow_task\n")
    text = "import rainbow_task\n\ndef named(text):\n    return rainbow_task.task if text == 'a:b' else None\n"
    (installed / "rainbow_many.py").write_text(text)
    assert load("many:a:b").title == "Colours"
    for name, said in (("none:a", "no task named 'none'"), ("rainbow:a", "has no attribute 'named'")):
        with pytest.raises(UsageError, match=said):
            load(name)


def test_a_report_of_another_package_is_found(installed: Path) -> None:
    path = installed / "rainbow-1.0.dist-info/entry_points.txt"
    path.write_text("[harness.reports]\nbows = rainbow_report:report\n")
    (installed / "rainbow_report.py").write_text("def report(runs):\n    return []\n")
    assert plugins.load("harness.reports", "bows")([]) == []
    assert {"bows", "table2"} <= set(plugins.names("harness.reports"))
    assert "table" not in plugins.names("harness.reports")
