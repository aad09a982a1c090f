"""A file of completions, one JSON object a line, and what each of them earns.

    {"id": row id, "completion": text, "progress": 0..1, "frame_size": [width, height]}

The file is read twice: all lines are checked before the first is answered, and none is kept.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from harness import schema
from harness.errors import DataError
from harness.families import family
from harness.records import View

from ..rows import GROUNDED, VISUAL, Row
from . import earn
from .component import Component
from .rule import Rule

MOST_PIXELS = 1 << 16
"""A longer side of a frame is taken for a mistake."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """A line of the file, checked."""

    id: str | int
    """As in the line, which may write a number as text."""
    row: Row
    text: str
    progress: float = 1.0
    """Through training; what is not said is judged as at its end, when σ is smallest."""
    size: tuple[int, int] | None = None
    """(width, height) in pixels of the frames, or of the image, as the model saw them."""


@dataclass(frozen=True, slots=True)
class Earned:
    """What a completion earns."""

    completion: Completion
    parts: Mapping[str, Component]

    @property
    def total(self) -> float:
        """The reward."""
        return sum(part.value for part in self.parts.values())

    def as_json(self) -> dict[str, Any]:
        """The line of output."""
        values = {name: part.value for name, part in self.parts.items()}
        why = {name: part.why for name, part in self.parts.items()}
        return {"id": self.completion.id, **values, "sum": self.total, "why": why}


class Rows:
    """Rows by their id, which a line may give as it is in the file or as text."""

    def __init__(self, rows: Sequence[Row]) -> None:
        """Take note of ids that several rows have."""
        self._by_id = {(type(row.id), row.id): row for row in rows}
        self._by_text = {str(row.id): row for row in rows}
        self._count = Counter(str(row.id) for row in rows)
        self._exact = Counter((type(row.id), row.id) for row in rows)

    def find(self, key: str | int, where: str) -> Row:
        """The row of that id; DataError when there is none, or more than one."""
        exact = (type(key), key)
        row = self._by_id.get(exact) or self._by_text.get(str(key))
        if row is None:
            raise DataError(f"{where} has the id {key!r}, which no row has")
        if (self._exact[exact] or self._count[str(key)]) > 1:
            raise DataError(f"{where} has the id {key!r}, which several rows have; give each row an id of its own")
        return row


def check(path: Path, rows: Rows, names: str) -> None:
    """DataError when a line of a file is no completion, or when it has none; UsageError for an unknown family."""
    family(names)
    if not path.is_file():
        raise DataError(f"{path} is not a file; it is read twice, so give one with a JSON object a line")
    if not sum(1 for _ in read(path, rows, names)):
        raise DataError(f"{path} has no completions; it should have one JSON object a line")


def read(path: Path, rows: Rows, names: str) -> Iterator[Completion]:
    """Every completion of a file, checked; DataError names the line that is not one.

    `names` is the model family that wrote them.
    """
    try:
        with path.open("rb") as file:
            yield from _lines(file, path, rows, names)
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}; it should have one JSON object a line") from error


def reward(completion: Completion, rule: Rule, names: str) -> Earned:
    """What a completion earns under a rule."""
    width, height = completion.size or (1, 1)
    view = View(video="", times=(), duration=0, width=width, height=height, size=(width, height), family=names)
    return Earned(completion, earn(completion.row, completion.text, view, completion.progress, rule))


def _lines(file: BinaryIO, path: Path, rows: Rows, names: str) -> Iterator[Completion]:
    for number, line in enumerate(file, 1):
        if line.strip():
            yield _completion(line, f"{path}, line {number}", rows, names)


def _completion(line: bytes, where: str, rows: Rows, names: str) -> Completion:
    data = schema.loads(line, where)
    if not isinstance(data, dict):
        raise DataError(f"{where} is not a JSON object with id and completion")
    key, text, progress = data.get("id"), data.get("completion"), data.get("progress", 1.0)
    if isinstance(key, bool) or not isinstance(key, (str, int)):
        raise DataError(f"{where} has no id of a row, text or a whole number: {str(key)[:80]}")
    if not isinstance(text, str):
        raise DataError(f"{where} has no completion: {str(text)[:80]}; expected text")
    if isinstance(progress, bool) or not isinstance(progress, (int, float)) or not 0 <= progress <= 1:
        raise DataError(f"{where} has the progress {str(progress)[:80]}; it goes from 0 to 1")
    row = rows.find(key, where)
    size = _size(data.get("frame_size"), where)
    if size is None and family(names).grid is None and (row.task == GROUNDED or (row.task == VISUAL and row.box)):
        raise DataError(
            f"{where} has no frame_size, and boxes of {names} are pixels of the frame it saw; give [width, height]"
        )
    return Completion(id=key, row=row, text=text, progress=float(progress), size=size)


def _size(value: Any, where: str) -> tuple[int, int] | None:
    if value is None:
        return None
    whole = isinstance(value, list) and len(value) == 2 and all(type(side) is int for side in value)
    if not whole or not all(0 < side <= MOST_PIXELS for side in value):
        raise DataError(f"{where} has the frame_size {str(value)[:80]}; expected [width, height] in whole pixels")
    return value[0], value[1]
