"""Tables of report plugins: for the terminal, and in Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from harness.contracts import Sheet

from .table import grid, per_cent, safe

if TYPE_CHECKING:
    from rich.console import Console


def show(console: Console, sheets: Sequence[Sheet]) -> None:
    """Print the tables."""
    from rich.table import Table
    from rich.text import Text

    for sheet in sheets:
        table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False)
        for number, heading in enumerate(sheet.head):
            table.add_column(Text(heading), justify="right" if number else "left")
        for row in sheet.rows:
            table.add_row(*map(Text, _cells(row)))
        console.print()
        console.print(Text(sheet.title, style="bold"), soft_wrap=True)
        console.print(table)
        for note in sheet.notes:
            console.print(Text(note), soft_wrap=True)


def markdown(sheets: Sequence[Sheet]) -> str:
    """The tables as Markdown."""
    lines = []
    for sheet in sheets:
        lines += [f"## {safe(sheet.title)}", "", *grid(sheet.head, [_cells(row) for row in sheet.rows])]
        lines += [line for note in sheet.notes for line in (safe(note), "")]
    return "\n".join(lines)


def _cells(row: Sequence[str | float | None]) -> list[str]:
    return [cell if isinstance(cell, str) else per_cent(cell) for cell in row]
