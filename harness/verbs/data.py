"""`harness data`: make the data of tasks, or check it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from typer import Option

from harness.errors import UsageError
from harness.verbs import stgr

app = typer.Typer(help="Make or check data.", no_args_is_help=True)
app.add_typer(stgr.app, name="stgr")


@app.callback()
def group() -> None:
    """Make or check data."""


@app.command()
def shapes(
    tasks: Annotated[str, Option(help="Names with commas between them.")],
    out: Annotated[Path, Option(help="Gets a folder for each task.")],
    count: Annotated[int, Option(help="Videos a task.", min=1)] = 20,
    seed: Annotated[int, Option(help="Another seed gives other videos.")] = 0,
) -> None:
    """Write a small synthetic instance of each task, in the layout its data set is published in."""
    from harness import instance
    from harness.plan import load

    loaded = [load(name.strip()) for name in tasks.split(",") if name.strip()]
    for task in loaded:
        instance.check(out / task.name)
    for task in loaded:
        instance.write(task, out / task.name, count, seed)
        typer.echo(f"{task.name}: {count} videos in {out / task.name}")


@app.command()
def check(
    task: Annotated[str, typer.Argument(help="A task, such as vstar.")],
    data: Annotated[Path, Option(help="Folder that holds a folder for each task, or the one task's data.")],
    deep: Annotated[bool, Option("--deep", help="Open every video, not a few.")] = False,
) -> None:
    """Say what is missing of the data of a task, before a GPU is rented; exits with 1 when something is."""
    from rich.console import Console

    from harness.datacheck import check_data
    from harness.plan import load

    if not data.is_dir():
        raise UsageError(f"there is no data folder {data}; give --data, or fetch it with: harness fetch {task}")
    raise typer.Exit(check_data(load(task), data, deep=deep, console=Console()))
