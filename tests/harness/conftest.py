"""A small benchmark to type commands for."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

DATA = Path(__file__).parent / "data"
COLOURS, SLOW = str(DATA / "colours.py"), str(DATA / "slow.py")


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with the benchmark of data/colours.py: 5 videos, 15 questions."""
    from harness.plan import load

    root = tmp_path_factory.mktemp("data")
    (root / "colours").mkdir()
    load(COLOURS).demo(root / "colours", 5, 0)
    return root


@pytest.fixture(scope="session")
def finished(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of it, to be copied; `run()` into a copy finds nothing to do."""
    out = tmp_path_factory.mktemp("finished") / "run"
    words = ["run", "--tasks", COLOURS, "--engine", SLOW, "--data", str(data), "--out", str(out), "--cache-gb", "0"]
    subprocess.run(
        [sys.executable, "-c", "from harness.cli import main; main()", *words], check=True, capture_output=True
    )
    return out


@pytest.fixture
def run(harness: Callable[..., Any], data: Path, tmp_path: Path) -> Callable[..., Any]:
    """`harness run` of that benchmark with the engine of data/slow.py into tmp_path/run; further words are added."""

    def command(*words: object) -> Any:
        start = ["run", "--tasks", COLOURS, "--engine", SLOW, "--in-flight", 4]
        where = [] if "--data" in words else ["--data", data]
        out = [] if "--out" in words else ["--out", tmp_path / "run"]
        return harness(*start, *where, *out, *words)

    return command
