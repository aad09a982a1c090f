"""Rows of differences against a run that is named."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from harness.contracts import GAIN, PUBLISHED, Entry, Sheet
from harness.errors import UsageError

from .printed import figure

Gain = Callable[[int, int], Mapping[str, Entry]]
"""The differences, by heading, of the row of the second number to that of the first."""


def against(sheets: Sequence[Sheet], name: str, gain: Gain | None = None) -> list[Sheet]:
    """The tables with a row below each measured one; UsageError where none of them has a row of that name."""
    named = [sheet for sheet in sheets if name in _names(sheet)]
    if not named:
        known = dict.fromkeys(each for sheet in sheets for each in _names(sheet))
        raise UsageError(f"--baseline {name!r} is none of the rows; there are: {', '.join(known)}")
    return [_against(sheet, name, gain) if sheet in named else sheet for sheet in sheets]


def _measured(sheet: Sheet) -> list[int]:
    """The numbers of the measured rows of a table that has figures."""
    if not any(figure(entry) is not None for row in sheet.rows for entry in row):
        return []
    return [number for number in range(len(sheet.rows)) if sheet.marks.get(number) not in (GAIN, PUBLISHED)]


def _names(sheet: Sheet) -> list[str]:
    return [str(sheet.rows[number][0]) for number in _measured(sheet)]


def _against(sheet: Sheet, name: str, gain: Gain | None) -> Sheet:
    measured = _measured(sheet)
    if _names(sheet).count(name) > 1:
        raise UsageError(f"--baseline {name!r} is the name of several rows; rename the folder of one")
    base = measured[_names(sheet).index(name)]
    rows: list[tuple[Entry, ...]] = []
    marks: dict[int, str] = {}
    for number, row in enumerate(sheet.rows):
        if number in sheet.marks:
            marks[len(rows)] = sheet.marks[number]
        rows.append(row)
        if number in measured and number != base:
            marks[len(rows)] = GAIN
            plain = {heading: less(*pair) for heading, *pair in zip(sheet.head, row, sheet.rows[base], strict=True)}
            cells = {**plain, **(gain(base, number) if gain else {})}
            rows.append((f"Δ {row[0]}", *[*cells.values()][1:]))
    notes = (*sheet.notes, f"Δ: the difference to {name}, points")
    return replace(sheet, rows=tuple(rows), marks=marks, notes=notes)


def less(entry: Entry, base: Entry) -> str | float | None:
    """A difference; nothing between texts."""
    if isinstance(entry, str) or isinstance(base, str):
        return ""
    one, other = figure(entry), figure(base)
    return None if one is None or other is None else one - other
