"""`harness tasks`: which tasks there are, and whether the scorer of one gives its own reference answers full marks."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from typer import Option


def tasks(
    check: Annotated[str | None, Option(help="A task whose reference answers must score 1.0.")] = None,
    data: Annotated[Path | None, Option(help="For --check: its data; else a synthetic instance is made.")] = None,
) -> None:
    """List the tasks, or check one."""
    from rich.console import Console

    if check is None:
        _list(Console())
        return
    from harness.check import check_task

    raise typer.Exit(check_task(check, data, Console()))


def _list(console: object) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from harness import plugins
    from harness.plan import load

    table = Table(box=None, pad_edge=False)
    for heading in ("name", "title", "version", "frames", "source"):
        table.add_column(heading, overflow="fold", no_wrap=heading in ("name", "version", "frames"))
    for name in plugins.names("harness.tasks"):
        task = load(name)
        table.add_row(*map(Text, (name, task.title, str(task.version), task.frames, task.source)))
    assert isinstance(console, Console)
    console.print(table)
