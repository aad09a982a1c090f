"""`harness import`: a result file that others made, as a run folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option


def imports(
    task: Annotated[str, Argument(help="The benchmark it is of: vstar, videomme, lmms-log:TASK ...")],
    file: Annotated[Path, Argument(help="Its result file, in its own format or lmms-eval's.")],
    out: Annotated[Path, Option(help="Run folder; it is made.")],
    data: Annotated[Path | None, Option(help="Data folder, for items by the same names as in other runs.")] = None,
    preset: Annotated[str, Option(help="paper, or released: read as the published program does.")] = "paper",
    parser: Annotated[str | None, Option(help="Parser, such as official.", show_default="the preset's")] = None,
    option: Annotated[list[str] | None, Option("-o", metavar="TASK.FIELD=VALUE", help="A task's option.")] = None,
) -> None:
    """Make a run folder of a result file: scored, reported and compared like a run of one's own."""
    from rich.console import Console

    from harness.importing import bring
    from harness.settings import Asked, task_options

    options = task_options(option or ())
    if parser is not None:
        options.setdefault(task, {}).setdefault("parser", parser)
    asked = Asked(tasks=(task,), data=data or file.parent, out=out, options=options, preset=preset, answers=file)
    raise typer.Exit(bring(asked, data is not None, Console()))
