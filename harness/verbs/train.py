"""`harness train`: models made from scratch or from others."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Annotated

import typer
from typer import Option

app = typer.Typer(help="Train models.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """Train models."""


@app.command()
def nano(
    out: Annotated[Path, Option(help="Gets the model folder.")],
    minutes: Annotated[float, Option(help="Time to train.", min=0.01)] = 60.0,
    seed: Annotated[int, Option(help="Of the weights and the data.")] = 0,
    threads: Annotated[int | None, Option(help="CPU threads.", show_default="all", min=1)] = None,
) -> None:
    """Train the tiny model that ships with the package on synthetic clips."""
    importlib.import_module("harness.training.nano").main(out, minutes, seed, threads)
