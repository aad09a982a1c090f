"""The main job in small: all benchmarks on the synthetic world with the model that ships."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.demo import published
from harness.store import read_records, read_run

ALL = {
    "camerabench",
    "longvideo-reason",
    "star",
    "tvgbench",
    "videommmu",
    "videommmu-question-only",
    "videomme",
    "vstar",
    "worldsense",
}


def test_all_benchmarks_are_those_whose_data_is_published() -> None:
    assert set(published()) == ALL


@pytest.mark.slow
def test_the_demo_asks_all_and_prints_the_tables_and_goes_on_where_it_stopped(
    harness: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    out = tmp_path / "demo"
    said = harness("demo", "--all", "--out", out, "--count", 2)
    assert said.code == 0 and "Avg" in said.out and "Δknowledge" in said.out
    assert len(read_run(out / "run")["tasks"]) == len(ALL)
    records = [*read_records(out / "run")]
    assert all(record.error is None for record in records)
    written = {path: path.stat().st_mtime_ns for path in (out / "data").rglob("*.mp4")}
    assert harness("demo", "--all", "--out", out, "--count", 2).code == 0
    assert [*read_records(out / "run")] == records
    assert {path: path.stat().st_mtime_ns for path in (out / "data").rglob("*.mp4")} == written
