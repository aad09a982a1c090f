"""Tables of report plugins: for the terminal, in Markdown and CSV; LaTeX and HTML are in files of their own."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from harness.contracts import Cell, Entry, Sheet

from . import printed
from .html import html
from .latex import latex
from .printed import BEST, SECOND, Printed
from .table import ruled, safe

if TYPE_CHECKING:
    from rich.console import Console

STYLES = {BEST: "bold", SECOND: "underline"}
"""Of the terminal."""
MARKUP = {BEST: "**{}**", SECOND: "<u>{}</u>"}
"""Of Markdown."""
FORMULA, FIGURES = tuple("=+-@\t\r"), re.compile(r"[-+\d., \[\]p<]*")
"""A text that begins so would be run by a spreadsheet, unless it is one of figures only."""


def show(console: Console, sheets: Sequence[Sheet]) -> None:
    """Print the tables."""
    from rich.table import Table
    from rich.text import Text

    for sheet in sheets:
        table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False)
        for number, heading in enumerate(sheet.head):
            table.add_column(Text(heading), justify="right" if number else "left")
        for _, row in printed.rows(sheet):
            table.add_row(*(Text(cell.whole, style=STYLES.get(cell.place, "")) for cell in row))
        console.print()
        console.print(Text(sheet.title, style="bold"), soft_wrap=True)
        console.print(table)
        for note in sheet.notes:
            console.print(Text(note), soft_wrap=True)


def markdown(sheets: Sequence[Sheet]) -> str:
    """The tables as Markdown."""
    lines = []
    for sheet in sheets:
        rows = [[*map(_marked, row)] for _, row in printed.rows(sheet)]
        lines += [f"## {safe(sheet.title)}", "", *ruled([*map(safe, sheet.head)], rows)]
        lines += [line for note in sheet.notes for line in (safe(note), "")]
    return "\n".join(lines)


def _marked(cell: Printed) -> str:
    text = MARKUP.get(cell.place, "{}").format(safe(cell.text))
    return f"{text} {cell.interval}".rstrip()


def comma(sheet: Sheet) -> str:
    """A table as CSV: fractions in full, an interval in two columns more, what a row is in the last column.

    The heading of a figure says that it is a fraction. Notes are left out: nothing but the table is in the file.
    """
    columns = [*zip(*sheet.rows, strict=True)] or [()] * len(sheet.head)
    parts = [_spread(heading, entries) for heading, entries in zip(sheet.head, columns, strict=True)]
    head = [heading for headings, _ in parts for heading in headings]
    lines = [[cell for _, cells in parts for cell in cells[number]] for number in range(len(sheet.rows))]
    if sheet.marks:
        head.append("mark")
        lines = [[*line, sheet.marks.get(number, "")] for number, line in enumerate(lines)]
    file = io.StringIO()
    csv.writer(file).writerows([head, *lines])
    return file.getvalue()


def _spread(heading: str, entries: Sequence[Entry]) -> tuple[list[str], list[list[str]]]:
    """The headings and cells that a column of the table is in CSV."""
    if any(isinstance(entry, str) for entry in entries):
        return [heading], [[_plain(entry)] for entry in entries]
    if not any(isinstance(entry, Cell) for entry in entries):
        return [f"{heading} (fraction)"], [[_plain(entry)] for entry in entries]
    ends = ((entry.low, entry.high) if isinstance(entry, Cell) else (None, None) for entry in entries)
    headings = [f"{heading} (fraction)", f"{heading} low (fraction)", f"{heading} high (fraction)"]
    return headings, [[*map(_plain, (entry, *pair))] for entry, pair in zip(entries, ends, strict=True)]


def _plain(entry: Entry) -> str:
    if isinstance(entry, str):
        return f"'{entry}" if entry.startswith(FORMULA) and not FIGURES.fullmatch(entry) else entry
    value = printed.figure(entry)
    return "" if value is None else repr(value)


FORMATS: Mapping[str, tuple[str, Callable[[Sequence[Sheet]], Iterator[str]]]] = {
    "md": (".md", lambda sheets: iter([markdown(sheets)])),
    "latex": (".tex", lambda sheets: iter([latex(sheets)])),
    "html": (".html", lambda sheets: iter([html(sheets)])),
    "csv": (".csv", lambda sheets: map(comma, sheets)),
}
"""Name -> suffix, and the content of each file: one for all tables or, of CSV, one a table."""
