"""`harness export`: the votes of a run, in a form that another harness scores again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from harness.errors import UsageError

FORMS = ("lmms",)


def export(
    run: Annotated[Path, Argument(help="A run folder, finished or not.")],
    out: Annotated[Path, Option(help="Folder; it gets a file for each task.")],
    form: Annotated[str, Option("--as", help="lmms: for lmms-eval --model from_log --model_args logs=OUT.")] = "lmms",
    data: Annotated[Path | None, Option(help="Data folder, for the order.", show_default="the run's")] = None,
    name: Annotated[
        list[str] | None, Option("--task", metavar="OURS=THEIRS", help="The name that lmms-eval has for a task.")
    ] = None,
) -> None:
    """Write what was voted for in a run for another harness to score, as a check of our scores by theirs."""
    from rich.console import Console

    from harness.lmms.exporting import write

    if form not in FORMS:
        raise UsageError(f"--as cannot be {form!r}; there is: {', '.join(FORMS)}")
    names = dict(pair.partition("=")[::2] for pair in name or ())
    if not all(names.values()) or "" in names:
        raise UsageError("--task is written as OURS=THEIRS, such as videomme=videomme_w_subtitle")
    write(run, out, data, names, Console())
