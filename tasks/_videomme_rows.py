"""Video-MME's annotation: a row as a sample."""

from __future__ import annotations

from pathlib import Path
from string import ascii_uppercase

from harness.records import Sample

from . import _annotations
from ._annotations import Row

AXES = ("duration", "domain", "sub_category", "task_type")


def sample(row: Row, root: Path) -> Sample:
    """The sample of a row; its video lies in data/ below the root."""
    video = row.text("videoID")
    options = row.texts("options")
    letters = ascii_uppercase[: len(options)]
    for letter, option in zip(letters, options, strict=True):
        if not option.startswith(f"{letter}."):
            row.fail("options", f'"{letter}. ..." in its place', option)
    answer = row.text("answer")
    if len(answer) != 1 or answer not in letters:
        row.fail("answer", f"one letter of {letters}", answer)
    return Sample(
        id=row.text("question_id"),
        item=row.text("question_id"),
        kind="mcq",
        video=_annotations.video(row, "videoID", root, root / "data" / f"{video}.mp4"),
        question=row.text("question"),
        options=tuple(option[2:].strip() for option in options),
        answer=answer,
        groups={axis: row.text(axis) for axis in AXES},
    )
