"""The examples in docstrings hold."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
WITH_EXAMPLES = [
    path.relative_to(ROOT)
    for room in ("harness", "tasks", "scaling", "training", "reports")
    for path in sorted((ROOT / room).rglob("*.py"))
    if ">>>" in path.read_text(encoding="utf-8")
]


@pytest.mark.parametrize("path", WITH_EXAMPLES, ids=Path.as_posix)
def test_examples(path: Path) -> None:
    parts = path.with_suffix("").parts
    parts = parts[:-1] if parts[-1] == "__init__" else parts
    module = importlib.import_module(".".join(parts if parts[0] == "harness" else ("harness", *parts)))
    result = doctest.testmod(module)
    assert result.attempted and not result.failed
