"""Annotation files read with care: what is not as published is named by file, row and column."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from harness.errors import DataError

LARGEST = 1 << 30
"""Bytes of text that are read, many times what any published annotation known to us has."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of an annotation file."""

    path: Path
    index: int
    """Counted from 0."""
    data: Mapping[str, Any]

    def text(self, column: str) -> str:
        """The text in a column."""
        value = self._get(column, "text")
        return value if isinstance(value, str) else self.fail(column, "text", value)

    def number(self, column: str) -> float:
        """The finite number in a column."""
        value = self._get(column, "a number")
        return float(value) if _is_number(value) else self.fail(column, "a finite number", value)

    def positive(self, column: str) -> float:
        """The number above 0 in a column."""
        value = self.number(column)
        return value if value > 0 else self.fail(column, "a number above 0", value)

    def numbers(self, column: str, count: int) -> list[float]:
        """The list of so many finite numbers in a column."""
        wanted = f"a list of {count} finite numbers"
        value = self._get(column, wanted)
        if not isinstance(value, list) or len(value) != count or not all(map(_is_number, value)):
            self.fail(column, wanted, value)
        return [float(v) for v in value]

    def texts(self, column: str) -> list[str]:
        """The list of texts in a column."""
        value = self._get(column, "a list of texts")
        if not isinstance(value, list) or not value or not all(isinstance(v, str) for v in value):
            self.fail(column, "a list of texts", value)
        return [str(v) for v in value]

    def rows(self, column: str) -> list[Row]:
        """The list of objects in a column, each as a row of its own."""
        value = self._get(column, "a list of objects")
        if not isinstance(value, list) or not all(isinstance(v, dict) for v in value):
            self.fail(column, "a list of objects", value)
        return [Row(self.path, self.index, v) for v in value]

    def _get(self, column: str, wanted: str) -> Any:
        if column not in self.data:
            found = ", ".join(map(str, self.data)) or "no columns"
            raise DataError(f"{self.path}, row {self.index}: no column {column!r}; expected {wanted}, found {found}")
        return self.data[column]

    def fail(self, column: str, wanted: str, found: object) -> NoReturn:
        """Raise the DataError for a value that is not what it should be."""
        shown = repr(found)
        shown = shown if len(shown) <= 60 else f"{shown[:57]}..."
        raise DataError(f"{self.path}, row {self.index}: column {column!r}: expected {wanted}, found {shown}")


def _is_number(value: object) -> bool:
    """Whether it is one that a float can hold."""
    try:
        return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    except OverflowError:
        return False


def folder(root: Path, holds: str) -> Path:
    """The data folder as an absolute path; DataError when there is none."""
    if not root.is_dir():
        raise DataError(f"there is no data folder {root}; give the folder that holds {holds}")
    return root.absolute()


def read(path: Path) -> list[Row]:
    """The rows of a .json list, a .jsonl, a .tsv or a .parquet file."""
    return _rows(path, document(path))


def document(path: Path) -> Any:
    """What such a file holds, which need not be rows; DataError when there is no such file or it is damaged."""
    if not path.is_file():
        raise DataError(f"there is no file {path}; put the published annotation there, or give another data folder")
    if path.suffix == ".parquet":
        return _parquet(path)
    return _tsv(path, _text(path)) if path.suffix == ".tsv" else _json(path, _text(path))


def rows(path: Path, text: str) -> list[Row]:
    """The rows in a text that stands for that of the file."""
    return _rows(path, _json(path, text))


def _rows(path: Path, data: Any) -> list[Row]:
    if not isinstance(data, list) or not data:
        raise DataError(f"{path}: expected a list of rows, found {type(data).__name__} {str(data)[:40]!r}")
    for index, row in enumerate(data):
        if not isinstance(row, dict):
            raise DataError(f"{path}, row {index}: expected an object with columns, found {type(row).__name__}")
    return [Row(path, index, row) for index, row in enumerate(data)]


def _text(path: Path) -> str:
    if (size := path.stat().st_size) > LARGEST:
        raise DataError(f"{path} has {size / 2**30:.1f} GiB of text, which no annotation has; look what it is")
    try:
        return path.read_text(encoding="utf-8-sig")
    except ValueError as error:
        wanted = "a table" if path.suffix == ".tsv" else "JSON"
        raise DataError(f"{path}: expected {wanted}, found something else: {error}") from error


def _json(path: Path, text: str) -> Any:
    try:
        if path.suffix == ".jsonl":
            return [json.loads(line) for line in text.split("\n") if line.strip()]
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: expected JSON, found something else: {error}") from error


def _tsv(path: Path, text: str) -> Any:
    """Rows of texts under the names in the first line."""
    try:
        return list(csv.DictReader(io.StringIO(text), delimiter="\t", strict=True))
    except csv.Error as error:
        raise DataError(f"{path}: expected a table with tabs, found something else: {error}") from error


def _parquet(path: Path) -> Any:
    import pandas

    try:
        table = pandas.read_parquet(path)
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: expected a parquet table, found something else: {str(error)[:200]}") from error
    rows = table.to_dict("records")
    return [{str(k): v.tolist() if hasattr(v, "tolist") else v for k, v in row.items()} for row in rows]


def video(row: Row, column: str, root: Path, path: Path) -> str:
    """The absolute path of a row's video, which need not exist; DataError when it lies outside `root`."""
    if not inside(path, root):
        row.fail(column, f"a video inside {root}", row.data[column])
    return str(path)


def inside(path: Path, root: Path) -> bool:
    """Whether a file, which need not exist, lies in a folder, links followed; what cannot be a path lies nowhere."""
    try:
        return path.resolve().is_relative_to(root.resolve())
    except ValueError:
        return False


def index_videos(root: Path, suffixes: Sequence[str] = (".mp4",)) -> dict[str, Path]:
    """Every video anywhere under a folder by its name without suffix; the first in path order wins."""
    found: dict[str, Path] = {}
    for path in sorted(path for suffix in suffixes for path in root.rglob(f"*{suffix}")):
        found.setdefault(path.stem, path)
    return found


def unique(rows: Iterable[Row], column: str) -> None:
    """DataError when two rows have the same value in a column."""
    seen: dict[str, int] = {}
    for row in rows:
        value = row.text(column)
        if value in seen:
            row.fail(column, "a value of its own", f"{value} (also in row {seen[value]})")
        seen[value] = row.index
