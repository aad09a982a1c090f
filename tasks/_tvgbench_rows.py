"""TVGBench's annotation: a row as a sample."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath

from harness.geometry import Span
from harness.records import Sample

from . import _annotations
from ._annotations import Row

VIDEOS = "tvgbench_data"
"""The folder of the videos."""
SUFFIXES = (".mp4", ".avi", ".mkv")
SOURCES = {
    "tacos": "TACoS",
    "anet": "ActivityNet",
    "egonlq": "EgoNLQ",
    "hirest": "HiREST",
    "charades": "Charades",
}
WITHIN, PAST, EMPTY = "within the video", "past its end", "no length"
"""Where a reference lies, by the length that the annotation gives."""

_ANSWER = re.compile(r"(\d{1,9}(?:\.\d{1,20})?)-(\d{1,9}(?:\.\d{1,20})?)")


def folder(root: Path) -> Path:
    """The folder that holds the videos: as it is unpacked, or as the published program wants it."""
    return next((path for path in (root / VIDEOS, root / "videos" / VIDEOS) if path.is_dir()), root)


def sample(row: Row, root: Path, videos: Mapping[str, Path], parts: bool) -> Sample:
    """The sample of a row; `videos` are those found by their names.

    Without `parts` the whole file is shown and the answer stays as it is, though it counts from the start of the part.
    """
    name = PurePosixPath(row.text("path")).name
    stem = PurePosixPath(name).stem
    path = _annotations.video(row, "path", root, videos.get(stem, root / VIDEOS / name))
    answer, part = _answer(row), _part(row)
    item, shown = f"{stem}:{row.index}", part if parts else None
    source = _source(row)
    return Sample(
        id=item,
        item=item,
        kind="when",
        video=path,
        part=shown,
        question=row.text("question").strip(),
        span=answer.shift(shown.start) if shown else answer,
        groups={
            "type": row.text("qsemtype"),
            "source": SOURCES.get(source, source),
            "reference": reference(answer, row.positive("duration")),
            "clip": "part of a file" if part else "whole file",
        },
    )


def reference(span: Span, duration: float) -> str:
    """The class of a reference.

    >>> [reference(Span(2, end), 9.5) for end in (9.5, 10, 2)]
    ['within the video', 'past its end', 'no length']
    """
    return EMPTY if span.start == span.end else PAST if span.end > duration else WITHIN


def _answer(row: Row) -> Span:
    text = row.text("answer")
    match = _ANSWER.fullmatch(text.strip())
    span = Span(float(match[1]), float(match[2])) if match else None
    return span if span and span.start <= span.end else row.fail("answer", '"start-end" in seconds', text)


def _part(row: Row) -> Span | None:
    ends = [row.data.get("start"), row.data.get("end")]
    if ends == [None, None]:
        return None
    part = Span(row.number("start"), row.number("end"))
    return part if 0 <= part.start < part.end else row.fail("start", "seconds before those of end", ends)


def _source(row: Row) -> str:
    bins = row.data.get("bins")
    return replace(row, data=bins).text("dataset") if isinstance(bins, dict) else row.fail("bins", "an object", bins)
