"""Runs whose rollouts cite evidence, without a model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ENGINE = str(Path(__file__).parent / "data" / "grading.py")


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two questions about each of three clips: letters of Video-MME."""
    from harness.plan import load

    root = tmp_path_factory.mktemp("data")
    (root / "videomme").mkdir()
    load("videomme").demo(root / "videomme", 3, 0)
    return root


@pytest.fixture
def run(harness: Callable[..., Any], data: Path, tmp_path: Path) -> Callable[..., Any]:
    """`harness run` of that with the engine of data/grading.py into tmp_path/run; further words are added."""

    def command(*words: object) -> Any:
        start = ["run", "--tasks", "videomme", "--data", data, "--engine", ENGINE, "-n", 4, "--temperature", 1]
        return harness(*start, "--cache-gb", 0, *([] if "--out" in words else ["--out", tmp_path / "run"]), *words)

    return command
