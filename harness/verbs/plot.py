"""`harness plot`: pictures of run folders, from what is in them alone."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from harness.errors import UsageError

FOLDER = "plots"


def plot(
    runs: Annotated[list[Path], Argument(help="Run folders, or folders of trainings, over each other.")],
    kinds: Annotated[
        str | None,
        Option(metavar="NAMES", help="curves,reliability,overlaps,groups,radar,learning", show_default="all"),
    ] = None,
    out: Annotated[Path | None, Option(help="Gets KIND-TASK.png ...", show_default="RUN/plots, of one run")] = None,
    form: Annotated[str, Option("--format", metavar="NAMES", help="png,pdf,svg")] = "png",
) -> None:
    """Draw what is in run folders; needs no model and no data."""
    import importlib

    from rich.console import Console

    from harness.store import write_bytes

    if out is None and len(runs) > 1:
        raise UsageError("the pictures of several folders are of none of them; give --out DIR")
    folder, console = out or runs[0] / FOLDER, Console()
    wanted, forms = ([name.strip() for name in (names or "").split(",") if name.strip()] for names in (kinds, form))
    made = importlib.import_module("harness.reports.plots.pictures").draw(runs, wanted, forms or ["png"])
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"cannot write to {folder}: {error.strerror}; give another --out") from error
    for sentence in made.said:
        console.print(sentence, highlight=False, markup=False, soft_wrap=True)
    for name, content in made.files.items():
        write_bytes(folder / name, content)
        console.print(f"{folder / name}", highlight=False, markup=False, soft_wrap=True)
