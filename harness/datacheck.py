"""Whether the data of a task is all there: asked before a GPU is rented."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from harness.contracts import Task
from harness.errors import VideoError
from harness.guarded import probe
from harness.plan import data_folder

if TYPE_CHECKING:
    from rich.console import Console

OPENED = 24
"""Videos that are opened unless all are asked for."""


def check_data(task: Task, data: Path, *, deep: bool, console: Console) -> int:
    """Print what is there and what is missing; the exit code is 1 when something is. DataError for a bad annotation."""
    root = data_folder(data, task.name)
    samples = [*task.samples(root)]
    videos = [Path(video) for video in dict.fromkeys(sample.video for sample in samples)]
    there = [path for path in videos if path.is_file() and path.stat().st_size]
    published = task.dataset
    faults = [
        *_counted("items", len({s.item for s in samples}), published.items if published else None, console),
        *_counted("videos", len(videos), published.videos if published else None, console),
        *_named("missing", [path for path in videos if not path.is_file()]),
        *_named("empty", [path for path in videos if path.is_file() and not path.stat().st_size]),
    ]
    chosen = there if deep else sorted(random.Random(0).sample(there, min(OPENED, len(there))))
    broken = _broken(chosen, console)
    console.print(f"opened {len(chosen)} of {len(there)} videos: {len(broken)} cannot be read", highlight=False)
    faults += broken[:10]
    for pattern, number in (published.holds if published else {}).items():
        faults += _counted(pattern, sum(path.stat().st_size > 0 for path in root.glob(pattern)), number, console)
    for fault in faults:
        console.print(fault, highlight=False, markup=False, soft_wrap=True)
    verdict = "NOT complete" if faults else "complete"
    console.print(f"{task.name}: {len(samples)} samples in {root}: {verdict}", highlight=False, soft_wrap=True)
    return 1 if faults else 0


def _counted(name: str, found: int, published: int | None, console: Console) -> Iterator[str]:
    console.print(f"{name}: {found:,}" + (f" of {published:,}" if published else ""), highlight=False, markup=False)
    if published is not None and found != published:
        yield f"{name}: {found:,} are there and {published:,} were published"


def _named(what: str, paths: Sequence[Path]) -> Iterator[str]:
    if paths:
        yield f"{what}: {len(paths):,} videos, the first {', '.join(map(str, paths[:3]))}"


def _broken(paths: Sequence[Path], console: Console) -> list[str]:
    """Why videos cannot be read, each opened with its times read and its first frame decoded."""
    from rich.progress import track

    with ThreadPoolExecutor(min(os.cpu_count() or 1, 8)) as pool:
        found = pool.map(_fault, map(str, paths))
        told = track(found, "opening", total=len(paths), console=console, disable=not console.is_terminal)
        return [fault for fault in told if fault is not None]


def _fault(path: str) -> str | None:
    try:
        probe(path)
    except VideoError as error:
        return str(error)
    return None
