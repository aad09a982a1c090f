"""Where comparisons of runs lie: a folder of their own, with data and pages."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness import store
from harness.errors import UsageError


def beside(kind: str, first: Path, last: Path) -> Path:
    """A folder in that of the last run, named after the first: RUN/compare-BASE."""
    if not last.is_dir():
        raise UsageError(f"{last} is no run folder to write into; give a folder, or another --out")
    return last / f"{kind}-{first.resolve().stem if first.is_file() else first.resolve().name}"


def write(folder: Path, kind: str, data: Mapping[str, Any], pages: Mapping[str, bytes]) -> None:
    """The data as KIND.json, and the pages; a folder that cannot be written is a UsageError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"cannot write to {folder}: {error.strerror}; give another --out") from error
    store.write(folder / f"{kind}.json", kind, data)
    for name, page in pages.items():
        store.write_bytes(folder / name, page)
