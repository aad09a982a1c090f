"""Whether a file of rows can be trained on: what it holds, beside what was published, what is odd, what is missing."""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import DataError
from harness.schema import whole

from . import durations, oddities, published, rows, sources
from .cases import Cases
from .rows import Row

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

OPENED = 24
"""Videos that are opened unless all are asked for."""


def check(path: Path, data: Path | None, deep: bool, lengths: Path | None, console: Console) -> int:
    """Print what is in a file of rows and what is wrong with it; 1 when a row or a file is missing or broken, else 0.

    `lengths` is a file of the lengths of videos (training/durations.py). DataError when `path` is no JSON array.
    """
    faults, odd = Cases(), Cases()
    found = _read(path, faults, odd)
    console.print(_table(found))
    seconds: Mapping[durations.Video, float] = {}
    if data is not None:
        there = _there(data, found, faults)
        videos = [*{(row.source, row.video): row for row in there if row.video is not None}.values()]
        chosen = videos if deep else random.Random(0).sample(videos, min(OPENED, len(videos)))
        seconds = durations.measure(data, chosen, lengths, faults)
        console.print(f"opened {len(chosen):,} of {len(videos):,} videos", highlight=False)
    for row in found:
        for each in oddities.of(row, seconds.get((row.source, row.video))):
            odd.add(each, _name(row))
    for line in (*(f"odd: {each}" for each in odd.told()), *faults.told()):
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    good = "complete" if data is not None else "complete; give --data to look for its media"
    verdict = "NOT complete" if faults.count else good
    console.print(f"{path}: {len(found):,} rows: {verdict}", highlight=False, markup=False, soft_wrap=True)
    return 1 if faults.count else 0


def _read(path: Path, faults: Cases, odd: Cases) -> list[Row]:
    """The rows that can be read; the others are faults. DataError when there are none."""
    found, notes = [], Counter[str]()
    for number, data in enumerate(rows.entries(path)):
        try:
            found.append(rows.row(data, f"row {number}", notes))
        except DataError as error:
            faults.add("rows that cannot be used", str(error))
        else:
            for what in notes:
                odd.add(what, _name(found[-1]))
            notes.clear()
    if not found and not faults.count:
        raise DataError(f"{path} holds no rows")
    for what, count in rows.repeated(found).items():
        odd.count[what] = count
    return found


def _there(data: Path, found: Sequence[Row], faults: Cases) -> list[Row]:
    """Rows whose video or image is there; the others are faults, each file once, and so are images of key frames."""
    there, seen = [], dict[Path, bool]()

    def is_there(path: Path, what: str) -> bool:
        if path not in seen:
            seen[path] = os.path.isfile(path) and os.path.getsize(path) > 0  # noqa: PTH113, PTH202 - never raises
            if not seen[path]:
                faults.add(f"missing or empty {what}", str(path))
        return seen[path]

    for row in found:
        try:
            if is_there(sources.media(data, row), "images" if row.task == rows.VISUAL else "videos"):
                there.append(row)
            for path in (sources.key_frame(data, row, frame) for frame in row.key_frames):
                if path is not None:
                    is_there(path, "images of key frames")
        except DataError as error:
            faults.add("paths that leave the data folder", str(error))
    return there


def _table(found: Sequence[Row]) -> Table:
    """Rows by task and by source, beside the published file that they are like: that with reasoning or the other."""
    from rich.table import Table
    from rich.text import Text

    known = published.SFT if any(row.reasoning is not None for row in found) else published.RL
    made = Table("", "rows", known.name)
    for column in made.columns[1:]:
        column.justify = "right"
    for counts, numbers in (
        (Counter(row.task for row in found), known.tasks),
        (Counter(row.source for row in found), known.sources),
    ):
        for name in sorted(counts.keys() | numbers.keys()):
            made.add_row(Text(whole(name)), f"{counts[name]:,}", f"{numbers.get(name, 0):,}")
        made.add_section()
    made.add_row("all", f"{len(found):,}", f"{known.rows:,}")
    return made


def _name(row: Row) -> str:
    return f"{row.source} {row.id}"
