"""What is printed of a table, whatever the format: the text of each cell, its interval, its place in its column."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from harness.contracts import GAIN, PARTIAL, PUBLISHED, Cell, Entry, Sheet

from .comparison import points
from .table import per_cent

SIGNS = {PUBLISHED: "†", PARTIAL: "‡"}
"""What stands behind the name of such a row."""
BEST, SECOND = 1, 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Printed:
    """A cell as it is printed."""

    text: str
    number: bool = False
    """Whether it is a figure, or the lack of one, and no words."""
    interval: str = ""
    place: int = 0
    """BEST or SECOND in its column; 0 for the others."""

    @property
    def whole(self) -> str:
        """The text and its interval."""
        return f"{self.text} {self.interval}".rstrip()


def figure(entry: Entry) -> float | None:
    """The number in a cell; None where there is none.

    >>> figure(Cell(value=0.5, low=0.4, high=0.6)), figure("uniform:16")
    (0.5, None)
    """
    if isinstance(entry, str):
        return None
    return entry.value if isinstance(entry, Cell) else entry


def rows(sheet: Sheet) -> Iterator[tuple[str | None, list[Printed]]]:
    """Each row with its mark."""
    places = ranks(sheet)
    for number, row in enumerate(sheet.rows):
        mark = sheet.marks.get(number)
        cells = [_cell(entry, mark == GAIN, places.get((number, column), 0)) for column, entry in enumerate(row)]
        if mark in SIGNS:
            cells[0] = Printed(text=f"{cells[0].text} {SIGNS[mark]}")
        yield mark, cells


def ranks(sheet: Sheet) -> dict[tuple[int, int], int]:
    """(row, column) -> its place, for the best and the second best measured figures of each ranked column.

    Figures that are printed alike tie: all of them are marked. A single figure is not.
    """
    found: dict[tuple[int, int], int] = {}
    for column, heading in enumerate(sheet.head):
        if heading not in sheet.ranked:
            continue
        measured = {
            number: per_cent(value)
            for number, row in enumerate(sheet.rows)
            if sheet.marks.get(number) not in (PUBLISHED, GAIN) and (value := figure(row[column])) is not None
        }
        order = sorted(set(measured.values()), key=float, reverse=True)
        if len(measured) > 1:
            places = dict(zip(order, (BEST, SECOND), strict=False))
            found |= {(number, column): places[text] for number, text in measured.items() if text in places}
    return found


def _cell(entry: Entry, gain: bool, place: int) -> Printed:
    if isinstance(entry, str):
        return Printed(text=entry)
    told = points if gain else per_cent
    interval = f"[{told(entry.low)}, {told(entry.high)}]" if isinstance(entry, Cell) else ""
    return Printed(text=told(figure(entry)), number=True, interval=interval, place=place)
