"""`harness data`: make or fetch the data of tasks."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from typer import Option

from harness.errors import UsageError

app = typer.Typer(help="Make data.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """Make data."""


@app.command()
def shapes(
    tasks: Annotated[str, Option(help="Names with commas between them.")],
    out: Annotated[Path, Option(help="Gets a folder for each task.")],
    count: Annotated[int, Option(help="Videos a task.", min=1)] = 20,
    seed: Annotated[int, Option(help="Another seed gives other videos.")] = 0,
) -> None:
    """Write a small synthetic instance of each task, in the layout its data set is published in."""
    from harness.plan import load

    loaded = [load(name.strip()) for name in tasks.split(",") if name.strip()]
    for task in loaded:
        if (out / task.name).exists() and (not (out / task.name).is_dir() or any((out / task.name).iterdir())):
            raise UsageError(f"{out / task.name} is there already and not empty; give another --out")
    for task in loaded:
        (out / task.name).mkdir(parents=True, exist_ok=True)
        task.demo(out / task.name, count, seed)
        typer.echo(f"{task.name}: {count} videos in {out / task.name}")
