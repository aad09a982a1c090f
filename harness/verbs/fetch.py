"""`harness fetch`: bring the published data of a task."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option


def fetch(
    task: Annotated[str, Argument(help="A task with a published data set, such as vstar.")],
    out: Annotated[Path, Option(help="Gets a folder for the task; the same command goes on where it stopped.")],
    accept_licence: Annotated[bool, Option("--accept-licence", help="You accept the data's licence.")] = False,
    keep_archives: Annotated[bool, Option("--keep-archives", help="Do not remove what is unpacked.")] = False,
) -> None:
    """Bring the published data of a task from where it lies, compare it, unpack it and check that it is all there."""
    from rich.console import Console

    from harness.datacheck import check_data
    from harness.fetch import fetch as start
    from harness.plan import load

    console, found = Console(), load(task)
    folder = start(found, out, accept=accept_licence, keep_archives=keep_archives, console=console)
    raise typer.Exit(check_data(found, folder, deep=False, console=console))
