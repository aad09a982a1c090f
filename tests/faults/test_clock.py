"""A clock that is set while a run goes on: rates, deadlines and records do not hang on it."""

from __future__ import annotations

import ast
import json
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.plan import load

ROOT = Path(__file__).parents[2]
DATA = Path(__file__).parent / "data"
TASK, ENGINE = str(DATA / "seen.py"), str(DATA / "steady.py")
WALL = {"time.time", "time.time_ns", "datetime.now", "datetime.utcnow", "datetime.today", "date.today"}
TOLD = {"harness/manifest.py"}
"""Where a date is only written down."""


def test_nothing_is_reckoned_by_the_clock_on_the_wall() -> None:
    for room in ("harness", "tasks", "scaling", "training", "reports"):
        for path in (ROOT / room).rglob("*.py"):
            calls = (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call))
            found = {ast.unparse(node.func) for node in calls} & WALL
            name = path.relative_to(ROOT).as_posix()
            assert not found or name in TOLD, f"{name} reads the clock: {found}"


def test_a_clock_that_jumps_changes_nothing(
    harness: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data").mkdir()
    load(TASK).demo(tmp_path / "data", 2, 0)
    words = ("run", "--tasks", TASK, "--engine", ENGINE, "-n", 2, "--temperature", 1, "--data", tmp_path / "data")
    assert harness(*words, "--out", tmp_path / "steady").code == 0
    rng, now = random.Random(0), time.time
    monkeypatch.setattr(time, "time", lambda: now() + rng.uniform(-1e8, 1e8))
    assert harness(*words, "--out", tmp_path / "jumping", "--limit", 20).code == 0
    told = json.loads((tmp_path / "jumping" / "run.json").read_text())
    told["sessions"][0]["started"] = "2999-12-31T23:59:59+00:00"
    (tmp_path / "jumping" / "run.json").write_text(json.dumps(told))
    assert harness(*words, "--out", tmp_path / "jumping", "--limit", 20).code == 0
    one, other = (records(tmp_path / name) for name in ("steady", "jumping"))
    assert len(other) == 20 and all(one[sample] == record for sample, record in other.items())


def records(folder: Path) -> dict[str, Any]:
    """What was asked and answered, by sample; the seconds that it took are sound."""
    found = {}
    for record in map(json.loads, (folder / "records.jsonl").read_text().splitlines()):
        assert 0 < record.pop("seconds") < 3600
        found[record["sample"]["id"]] = record
    return found
