"""`harness demo`: the main job in small, without data and without a GPU."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from typer import Option


def demo(
    every: Annotated[bool, Option("--all", help="All benchmarks, and the paper's table of them.")] = False,
    tasks: Annotated[str, Option(help="Names with commas between them, without --all.")] = "vstar,videomme",
    out: Annotated[Path, Option(help="Gets the videos and the run folder.")] = Path("demo"),
    model: Annotated[str, Option(help="Model folder or shipped name.")] = "nano",
    count: Annotated[int, Option(help="Videos a task.", min=1)] = 20,
) -> None:
    """Let the tiny model that ships answer the questions of benchmarks about synthetic videos, and print the tables."""
    from rich.console import Console

    from harness import demo

    names = demo.published() if every else [name.strip() for name in tasks.split(",") if name.strip()]
    raise typer.Exit(demo.demo(names, out, model, count, ("table2", "knowledge") if every else (), Console()))
