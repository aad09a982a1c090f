"""The benchmark that CONTRIBUTING.md shows is one, as it stands on the page."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[1] / "CONTRIBUTING.md"
HARNESS = (sys.executable, "-c", "from harness.cli import main; main()")


@pytest.fixture
def benchmark(tmp_path: Path) -> Path:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    path = tmp_path / "mybench.py"
    path.write_text(code, encoding="utf-8")
    return path


def test_it_is_short(benchmark: Path) -> None:
    assert len(benchmark.read_text(encoding="utf-8").splitlines()) < 100


def test_its_reference_answers_score_full_marks(benchmark: Path) -> None:
    command = (*HARNESS, "tasks", "--check", "./mybench.py")
    done = subprocess.run(command, cwd=benchmark.parent, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "6 of 6 reference answers score 1.0" in done.stdout
