"""Figures of others beside our own: published.json has them as papers print them, each with its source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.contracts import PUBLISHED, Entry, Sheet
from harness.schema import loads, validate

from .printed import SIGNS

FILE = Path(__file__).with_name("published.json")


def tables() -> Mapping[str, Any]:
    """Report -> its published figures, in per cent."""
    data = loads(FILE.read_bytes(), str(FILE))
    validate("published", data, str(FILE))
    return dict(data["tables"])


def beside(sheets: Sequence[Sheet], report: str) -> list[Sheet]:
    """The tables, with the published rows above those of the first; a note where there are none."""
    first, *others = sheets
    told = tables().get(report)
    if told is None or not set(told["columns"]) & set(first.head):
        return [replace(first, notes=(*first.notes, "no published figures for these columns")), *others]
    rows = [_row(first, dict(zip(told["columns"], row["figures"], strict=True)), row["name"]) for row in told["rows"]]
    marks = {
        **dict.fromkeys(range(len(rows)), PUBLISHED),
        **{len(rows) + key: each for key, each in first.marks.items()},
    }
    sign = SIGNS[PUBLISHED]
    notes = [f"{sign} published in {told['source']}, not measured here"]
    notes += [f"{sign} {row['note']}" for row in told["rows"] if "note" in row]
    return [replace(first, rows=(*rows, *first.rows), notes=(*first.notes, *notes), marks=marks), *others]


def _row(sheet: Sheet, figures: Mapping[str, float | None], name: str) -> tuple[Entry, ...]:
    """A published row in the columns of a table; nothing in its columns of words."""
    cells: list[Entry] = [name]
    for place, heading in enumerate(sheet.head[1:], 1):
        value = figures.get(heading)
        words = any(isinstance(row[place], str) for row in sheet.rows)
        cells.append("" if words else None if value is None else round(value / 100, 6))
    return tuple(cells)
