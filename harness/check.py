"""Whether a task's own scorer gives full marks to its own reference answers, as it must."""

from __future__ import annotations

import asyncio
import tempfile
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from harness.contracts import Task
from harness.families import FAMILIES
from harness.frames import Frames
from harness.plan import data_folder, load
from harness.records import Response, Sample, View
from harness.run import Views

if TYPE_CHECKING:
    from rich.console import Console

DEMO_VIDEOS = 6
ROUNDING = 0.02
"""IoU that a short span may lose, as times are written with one decimal."""
FINE = 10
"""Boxes are written in whole pixels of the frame that is shown, so it is shown this much larger."""
SIDE = 1000
"""Width and height of a video that is not there."""


def check_task(name: str, data: Path | None, console: Console) -> int:
    """Print how many reference answers score 1.0; the exit code is 1 when one does not."""
    task = load(name)
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch) / task.name
        if data is None:
            root.mkdir()
            task.demo(root, DEMO_VIDEOS, 0)
        else:
            root = data_folder(data, task.name)
        samples = [*task.samples(root)]
        missing = len({sample.video for sample in samples if not Path(sample.video).is_file()})
        frames = Frames()
        faults = asyncio.run(find_faults(task, samples, frames))
        frames.close()
    for sample, fault in faults[:10]:
        console.print(f"{sample.id}: {fault}", highlight=False, markup=False, soft_wrap=True)
    if missing:
        told = f"{missing} videos are not there: the answers to their questions are scored, but nothing is asked"
        console.print(told, highlight=False)
    kinds = Counter(sample.kind for sample in samples)
    told = ", ".join(f"{kind} {number}" for kind, number in sorted(kinds.items()))
    right = len(samples) - len(faults)
    console.print(f"{task.name}: {right} of {len(samples)} reference answers score 1.0 ({told})", highlight=False)
    return 1 if faults or not samples else 0


def unseen(sample: Sample) -> View:
    """A stand-in for what would be shown of a video that is not there."""
    start = sample.part.start if sample.part else 0.0
    return View(
        video=sample.video,
        times=(start,),
        start=start,
        duration=sample.part.end - start if sample.part else 0.0,
        width=SIDE,
        height=SIDE,
        size=(FINE * SIDE, FINE * SIDE),
        family=next(iter(FAMILIES)),
    )


async def find_faults(task: Task, samples: list[Sample], views: Views) -> list[tuple[Sample, str]]:
    """The samples whose reference answer does not score 1.0, and what it scores."""
    faults = []
    for sample in samples:
        fault = await _fault(task, sample, views)
        if fault is not None:
            faults.append((sample, fault))
    return faults


async def _fault(task: Task, sample: Sample, views: Views) -> str | None:
    if Path(sample.video).is_file():
        found = await views.view(sample, task.frames, next(iter(FAMILIES)), task.max_pixels)
        view = replace(found, size=(FINE * found.width, FINE * found.height))
        task.request(sample, view)
    else:
        view = unseen(sample)
    response = Response(rollout=0, text=task.reference(sample, view), finish="stop")
    prediction = task.read(sample, view, response)
    score = task.score(sample, prediction)
    known = {name: value for name, value in score.values.items() if value is not None}
    low = {name: value for name, value in known.items() if not abs(value - 1) <= ROUNDING}
    if known and not low:
        return None
    why = f"scores {low}" if known else f"is not scored ({score.reason})"
    return "; ".join([f"the reference {response.text!r} {why}", *prediction.problems])
