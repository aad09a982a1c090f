"""`harness verify`: whether a run folder is whole and follows from its rollouts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from typer import Argument


def verify(run: Annotated[Path, Argument(help="A run folder.")]) -> None:
    """Make requests, readings, votes, scores and sums of a run again, without a model, and say what differs.

    Exits with 1 when something does.
    """
    from rich.console import Console

    from harness import verify

    raise typer.Exit(verify.verify(run, Console()))
