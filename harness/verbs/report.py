"""`harness report`: the tables of a run folder, from its records alone."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Argument


def report(run: Annotated[Path, Argument(help="A run folder, finished or not.")]) -> None:
    """Write report.md again and print the tables; needs no model and no data."""
    from rich.console import Console

    from harness.session import publish
    from harness.store import read_run
    from harness.summary import summarise

    told = read_run(run)
    publish(run, told, summarise(run, told), Console())
