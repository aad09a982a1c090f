"""Synthetic instances of tasks on disk: whole, or not there."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.contracts import Task
from harness.errors import UsageError

PART = ".part"
"""Ends the name of a folder that is being written."""


def check(folder: Path) -> None:
    """UsageError when the folder is there and not empty."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder} is there already and not empty; give another --out")


@contextmanager
def made(folder: Path) -> Iterator[Path]:
    """A folder to write into, which becomes `folder` at the end; UsageError when that is there and not empty.

    What a writer that was killed has left is thrown away.
    """
    check(folder)
    part = folder.with_name(folder.name + PART)
    if part.exists():
        shutil.rmtree(part)
    part.mkdir(parents=True)
    yield part
    if folder.exists():
        folder.rmdir()
    part.rename(folder)


def write(task: Task, folder: Path, count: int, seed: int) -> None:
    """A synthetic instance of a task, of `count` videos."""
    with made(folder) as part:
        task.demo(part, count, seed)
