"""`harness data stgr`: the rows that models are trained on."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Annotated

import typer
from typer import Option

from harness.errors import UsageError

app = typer.Typer(help="Rows to train on: make them, check them, draw a mix.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """Rows to train on: make them, check them, draw a mix."""


@app.command()
def check(
    rows: Annotated[Path, Option(help="A file of rows, such as STGR-SFT.json.")],
    data: Annotated[Path | None, Option(help="Folder that holds `videos`: are the media there?")] = None,
    deep: Annotated[bool, Option("--deep", help="Open every video, not a few.")] = False,
    durations: Annotated[Path | None, Option(help="File of the lengths of videos, which grows.")] = None,
) -> None:
    """Say what a file of rows holds, what is odd and what is missing; exits with 1 when something is."""
    from rich.console import Console

    if data is None and (deep or durations is not None):
        raise UsageError("--deep and --durations are about videos; say with --data where these are")
    if data is not None and not data.is_dir():
        raise UsageError(f"there is no data folder {data}; give the folder that holds `videos`")
    inspection = importlib.import_module("harness.training.inspection")
    raise typer.Exit(inspection.check(rows, data, deep, durations, Console()))


@app.command()
def mix(
    recipe: Annotated[str, Option(help="A YAML file, or one that ships: mix-sft, mix-rl.")],
    data: Annotated[Path, Option(help="Folder that holds the files of rows, and `videos`.")],
    out: Annotated[Path, Option(help="Gets the rows, as JSON; NAME.report.json beside it what became of others.")],
    change: Annotated[
        list[str] | None, Option("--set", metavar="KEY=VALUE", help="Change the recipe: parts.general.count=5000.")
    ] = None,
    durations: Annotated[
        Path | None,
        Option(help="File of the lengths of videos, which grows.", show_default="beside --out"),
    ] = None,
    no_durations: Annotated[
        bool, Option("--no-durations", help="Leave out the filters that ask how long videos are.")
    ] = False,
) -> None:
    """Draw the rows of a training file by a recipe, and say what each source gave and each filter dropped."""
    from rich.console import Console

    if no_durations and durations is not None:
        raise UsageError("--durations and --no-durations exclude each other; give one of them")
    made, console = importlib.import_module("harness.training.mix"), Console()
    found = importlib.import_module("harness.training.mixfile").read(recipe, change or ())
    report = made.write(found, data, out, durations, timed=not no_durations)
    console.print(made.table(report))
    for remark in made.remarks(report):
        console.print(remark, highlight=False, markup=False, soft_wrap=True)
    console.print(f"{out}", highlight=False, markup=False, soft_wrap=True)


@app.command()
def shapes(
    out: Annotated[Path, Option(help="Gets the two files of rows, and their media.")],
    clips: Annotated[int, Option(help="Videos a file; each gives five rows.", min=1)] = 600,
    seed: Annotated[int, Option(help="Another seed gives other videos.")] = 0,
) -> None:
    """Write STGR of the synthetic world, in the layout of the published files."""
    from rich.console import Console

    from harness import instance
    from harness.progress import Progress

    world, console = importlib.import_module("harness.training.world"), Console()
    with instance.made(out) as part, Progress(console, 2 * clips) as progress:
        world.write(part, clips, seed, progress)
    console.print(f"{world.SFT} and {world.RL} in {out}", highlight=False, markup=False, soft_wrap=True)


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
