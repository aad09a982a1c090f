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
    minutes: Annotated[float, Option(help="Time to train.", min=0.01)] = 55.0,
    seed: Annotated[int, Option(help="Of the weights and the clips.")] = 0,
    processes: Annotated[int, Option(help="Processes of one thread each.", min=1)] = 2,
    start: Annotated[Path | None, Option(help="A checkpoint to go on from.")] = None,
    eyes: Annotated[Path | None, Option(help="A checkpoint whose vision tower and tokenizer to take.")] = None,
    plain: Annotated[bool, Option("--plain", help="Answers alone: no reasoning, no evidence, no tags.")] = False,
) -> None:
    """Train the tiny model that ships with the package, from nothing, on synthetic clips."""
    made = importlib.import_module("harness.training.nano")
    made.train(made.Plan(out, minutes, seed, processes, start, eyes, plain))
