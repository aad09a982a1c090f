"""Rows of STGR-SFT.json and STGR-RL.json: questions with reasoning, evidence and answer (arXiv 2510.20579, Sec. 3).

A file is one JSON array; harness/schemas/stgr.json is the schema of a row. Boxes of key items are fractions of the
frame, boxes in the text of image rows are pixels of the original image.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness import parse, schema
from harness.errors import DataError
from harness.geometry import Box, Span

VISUAL = "visual QA"
TEMPORAL = "temporal QA"
TEMPORAL_CHOICE = "temporal QA (MCQ)"
GROUNDED = "temporal-spatial free-form QA"
CHOICE = "General video QA MCQ"
OPEN = "General video QA Free-form"
TASKS = (VISUAL, TEMPORAL, TEMPORAL_CHOICE, GROUNDED, CHOICE, OPEN)

_LETTER = re.compile(r"\s*[(\[]?([A-Za-z])[)\].:]?(?:\s|$)")
_BOX = re.compile(r"<box>\s*\[([^\[\]<]{1,200})\]\s*</box>")
_IDX = re.compile(r"-?[0-9]{1,9}")
_LABEL = re.compile(r"<obj>([^<]{1,200})</obj>")


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyFrame:
    """A frame that the answer rests on."""

    idx: int
    """Its key in `Row.key_items`."""
    time: float
    """Seconds of the video."""
    path: str | None = None
    """Its image, relative to the folder of key frames."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A question about a video or an image, with its reference."""

    id: str | int
    source: str
    """Where it comes from; it says in which folder its media lie (training/sources.py)."""
    task: str
    """One of TASKS."""
    question: str
    answer: str
    """As written in the file; `letter`, `span` and `box` are what it means."""
    reasoning: str | None = None
    """The chain of thought; only rows of SFT have one."""
    video: str | None = None
    """Relative to the folder of its source."""
    image: str | None = None
    image_size: tuple[float, float] | None = None
    """(width, height) of the original image in pixels."""
    key_frames: tuple[KeyFrame, ...] = ()
    key_items: Mapping[int, Mapping[str, tuple[Box, ...]]] = field(default_factory=dict)
    """Key frame -> object -> boxes, as fractions of the frame."""

    @property
    def letter(self) -> str | None:
        """The letter of the right option, for questions with options.

        >>> row = Row(id=1, source="TVG_x", task=TEMPORAL_CHOICE, question="q", answer="B\\n[4.0, 10.0]")
        >>> row.letter, row.span
        ('B', Span(start=4.0, end=10.0))
        """
        found = _LETTER.match(self.answer) if self.task in (TEMPORAL_CHOICE, CHOICE) else None
        return found[1].upper() if found else None

    @property
    def span(self) -> Span | None:
        """When it happens, in seconds, for temporal questions."""
        if self.task not in (TEMPORAL, TEMPORAL_CHOICE):
            return None
        return parse.span(self.answer.partition("\n")[2] if self.task == TEMPORAL_CHOICE else self.answer)[0]

    @property
    def box(self) -> Box | None:
        """Where it is, as fractions of the image, for image rows whose answer is a box."""
        found = _BOX.search(self.answer) if self.task == VISUAL and self.image_size else None
        if found is None or self.image_size is None:
            return None
        numbers = numbers_of(found[1])
        width, height = self.image_size
        return Box(*numbers).scale(1 / width, 1 / height) if numbers else None

    @property
    def label(self) -> str | None:
        """What the box of the answer shows."""
        found = _LABEL.search(self.answer)
        return found[1].strip() if found else None


def read(path: Path, notes: Counter[str] | None = None) -> list[Row]:
    """All rows of a file, in its order; DataError names the row that is not one.

    What is odd but can be used is counted in `notes`.
    """
    notes = Counter() if notes is None else notes
    found = [row(each, f"{path}, row {number}", notes) for number, each in enumerate(entries(path))]
    notes.update(repeated(found))
    return found


def entries(path: Path) -> list[Any]:
    """What a file holds, not looked at yet; DataError when it is not a JSON array."""
    try:
        data = schema.loads(path.read_bytes(), str(path))
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}; it should be a JSON array of STGR rows") from error
    if not isinstance(data, list):
        raise DataError(f"{path} is not a JSON array of STGR rows")
    return data


def repeated(rows: Iterable[Row]) -> Counter[str]:
    """How many ids are those of several rows of one source."""
    counts = Counter((row.source, str(row.id)) for row in rows)
    several = [name for name, count in counts.items() if count > 1]
    return Counter({f"ids of several rows of one source, such as {several[0][1]}": len(several)} if several else {})


def row(data: Any, where: str, notes: Counter[str]) -> Row:
    """One row; DataError when it does not fit the schema or lacks what its task needs."""
    schema.validate("stgr", data, where)
    size = data.get("image_size")
    made = Row(
        id=data["id"],
        source=data["source"],
        task=data["task"],
        question=data["question"],
        answer=data["answer"],
        reasoning=data.get("reasoning_process"),
        video=data.get("video_path"),
        image=data.get("image_path"),
        image_size=(size[0], size[1]) if size else None,
        key_frames=tuple(
            KeyFrame(idx=each["idx"], time=each["time"], path=each.get("path")) for each in data.get("key_frames") or ()
        ),
        key_items=_items(data.get("key_items") or {}, where, notes),
    )
    _check(made, where)
    return made


def write(rows: Iterable[Row], path: Path) -> None:
    """Write rows as a file of the data set."""
    from harness.store import write_bytes

    write_bytes(path, schema.dumps([as_json(each) for each in rows], str(path), indent=1) + b"\n")


def as_json(row: Row) -> dict[str, Any]:
    """A row as it stands in a file; what it does not have is left out."""
    told: dict[str, Any] = {
        "id": row.id,
        "source": row.source,
        "task": row.task,
        "question": row.question,
        "answer": row.answer,
        "reasoning_process": row.reasoning,
        "video_path": row.video,
        "image_path": row.image,
        "image_size": list(row.image_size) if row.image_size else None,
        "key_frames": [{"idx": k.idx, "time": k.time, "path": k.path} for k in row.key_frames] or None,
        "key_items": {
            str(idx): {name: [[round(v, 4) for v in box] for box in boxes] for name, boxes in items.items()}
            for idx, items in row.key_items.items()
        }
        or None,
    }
    return {name: value for name, value in told.items() if value is not None}


def numbers_of(text: str) -> tuple[float, float, float, float] | None:
    """Four finite numbers with commas between them; None when they are not.

    >>> numbers_of("0.1, 2,3,4"), numbers_of("1,2,3"), numbers_of("1,2,3,nan")
    ((0.1, 2.0, 3.0, 4.0), None, None)
    """
    try:
        found = [float(part) for part in text.split(",")]
    except ValueError:
        return None
    if len(found) != 4 or not all(map(math.isfinite, found)):
        return None
    return found[0], found[1], found[2], found[3]


def _items(data: Mapping[str, Any], where: str, notes: Counter[str]) -> dict[int, dict[str, tuple[Box, ...]]]:
    """Arrow files fill up with null what other rows have: that is no item."""
    found: dict[int, dict[str, tuple[Box, ...]]] = {}
    for key, items in data.items():
        if not _IDX.fullmatch(key) or int(key) in found:
            raise DataError(f"{where} has the key_items {key!r}; expected the idx of a key frame, each once")
        named = {name: tuple(Box(*box) for box in boxes) for name, boxes in (items or {}).items() if boxes}
        for box in (box for boxes in named.values() for box in boxes):
            if not box.finite:
                raise DataError(f"{where} has a box of key_items {key} that is not finite: {[*box]}")
            if not (box.x1 <= box.x2 and box.y1 <= box.y2):
                notes["key items with an inverted box"] += 1
        found[int(key)] = named
    return found


def _check(row: Row, where: str) -> None:
    """What a row of each task must have."""
    if not all(map(math.isfinite, (*(row.image_size or ()), *(frame.time for frame in row.key_frames)))):
        raise DataError(f"{where} has an image_size or the time of a key frame that is not finite")
    if row.task == VISUAL and not row.image:
        raise DataError(f"{where} is {row.task!r} but has no image_path")
    if row.task != VISUAL and not row.video:
        raise DataError(f"{where} is {row.task!r} but has no video_path")
    if row.task == GROUNDED and not row.key_frames:
        raise DataError(f"{where} is {row.task!r} but has no key_frames")
    if row.task in (TEMPORAL, TEMPORAL_CHOICE) and row.span is None:
        raise DataError(f"{where} is {row.task!r} but its answer has no span: {row.answer[:80]!r}")
    if row.task in (TEMPORAL_CHOICE, CHOICE) and row.letter is None:
        raise DataError(f"{where} is {row.task!r} but its answer has no letter: {row.answer[:80]!r}")
