"""V-STaR's annotation: a row, which holds five questions, as five samples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from harness import parse
from harness.geometry import Box, Span
from harness.records import Evidence, Sample

from . import _annotations, _vstar_prompt
from ._annotations import Row

CORNERS = ("xmin", "ymin", "xmax", "ymax")


def samples(row: Row, root: Path, videos: Mapping[str, Path]) -> list[Sample]:
    """The five samples of a row; `videos` are those found by their names."""
    vid = row.text("vid")
    path = _annotations.video(row, "vid", root, videos.get(vid, root / f"{vid}.mp4"))
    length = round(row.positive("frame_count") / row.positive("fps"), 2)
    span, boxes = Span(*row.numbers("timestamps", 2)), _boxes(row)
    words = {
        "what": row.text("question"),
        "when_1": row.text("temporal_question"),
        "where_1": row.text("spatial_question"),
        "where_2": row.text("spatial_question_2"),
        "when_2": row.text("temporal_question"),
    }
    groups = {"domain": row.text("domain"), "length": length_class(length)}
    answer, evidence = row.text("answer"), _evidence(row.text("object"), boxes)
    item = f"{vid}:{row.index}"
    return [
        Sample(
            id=f"{item}/{kind}",
            item=item,
            kind=kind,
            video=path,
            question=words[kind],
            answer=answer if kind == "what" else None,
            span=span,
            boxes=boxes,
            evidence=evidence,
            groups=groups,
        )
        for kind in _vstar_prompt.KINDS
    ]


def length_class(duration: float) -> str:
    """The class of a length in seconds, as the published program has it: a video of 60 s is medium, of 180 s long.

    >>> [length_class(t) for t in (59.99, 60, 179.99, 180)]
    ['short', 'medium', 'medium', 'long']
    """
    return "short" if duration < 60 else "medium" if duration < 180 else "long"


def _boxes(row: Row) -> dict[float, Box]:
    boxes = replace(row, data={**row.data, "bboxes": _flat(row.data["bboxes"])}) if "bboxes" in row.data else row
    return {box.number("timestamp"): Box(*(box.number(c) for c in CORNERS)) for box in boxes.rows("bboxes")}


def _flat(boxes: object) -> object:
    """Boxes of the older shape, keyed by "<timestamp>_<frame_index>", in the shape of today; others as they are."""
    if isinstance(boxes, dict):
        boxes = [{key: value} for key, value in boxes.items()]
    return [_unkeyed(box) for box in boxes] if isinstance(boxes, list) else boxes


def _unkeyed(box: object) -> object:
    if not isinstance(box, dict) or len(box) != 1:
        return box
    ((key, corners),) = box.items()
    time = parse.seconds(str(key).partition("_")[0])
    return {"timestamp": time, **corners} if time is not None and isinstance(corners, dict) else box


def _evidence(label: str, boxes: Mapping[float, Box]) -> tuple[Evidence, ...]:
    """The first box and the one nearest to the middle of the time they cover."""
    if not boxes:
        return ()
    first, last = min(boxes), max(boxes)
    middle = min(sorted(boxes), key=lambda t: abs(t - round((first + last) / 2)))
    return tuple(Evidence(label=label, time=t, box=boxes[t]) for t in sorted({first, middle}))
