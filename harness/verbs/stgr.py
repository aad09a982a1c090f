"""`harness data stgr`: training data that says what, when and where."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Annotated

import typer
from typer import Option

app = typer.Typer(help="Make training data that says what, when and where.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """Make training data that says what, when and where."""


@app.command()
def build(
    recipe: Annotated[str, Option(help="A YAML file, or shapes: an example that needs nothing else.")],
    out: Annotated[Path, Option(help="Gets rows, report and journal.")],
    limit: Annotated[int, Option(help="Only the first so many items; of shapes, clips. 0 is all.", min=0)] = 0,
    dry_run: Annotated[bool, Option("--dry-run", help="Say what would be asked, and ask nothing.")] = False,
    retry_errors: Annotated[bool, Option("--retry-errors", help="Ask again about items that failed.")] = False,
) -> None:
    """Have questions with reasoning and evidence written by a model, and keep those that pass all rules as STGR rows.

    Every answer of a model is kept in journal.jsonl; the same command goes on where it was stopped.
    """
    from rich.console import Console

    made = importlib.import_module("harness.training.construct.build")
    raise typer.Exit(made.build(recipe, out, Console(), limit=limit, dry=dry_run, retry=retry_errors))
