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


RECIPE = Annotated[str, Option(help="A recipe that ships, such as nano, or a YAML file.")]
SETTINGS = Annotated[list[str] | None, Option("--set", metavar="NAME=VALUE", help="trl.learning_rate=1e-5 ...")]
MODEL = Annotated[str | None, Option(help="Where to start.", show_default="the recipe's")]
DATA = Annotated[Path | None, Option(help="Folder of STGR.", show_default="the recipe's")]
OUT = Annotated[Path | None, Option(help="Gets the checkpoint.", show_default="by the recipe")]
SEED = Annotated[int, Option(help="Of the order of rows and of rollouts.")]

PROCESSES = Annotated[int | None, Option(help="As many at once.", min=1, show_default="the recipe's")]
LAUNCH = Annotated[str | None, Option(help="zero2, zero3, fsdp2 ... or a file of accelerate config; wants GPUs.")]


@app.command()
def sft(
    recipe: RECIPE,
    settings: SETTINGS = None,
    model: MODEL = None,
    data: DATA = None,
    out: OUT = None,
    seed: SEED = 0,
    processes: PROCESSES = None,
    launch: LAUNCH = None,
) -> None:
    """Supervised fine-tuning on STGR-SFT."""
    _stage("sft", recipe, settings, model, data, out, seed, processes, launch)


@app.command()
def gspo(
    recipe: RECIPE,
    settings: SETTINGS = None,
    model: MODEL = None,
    data: DATA = None,
    out: OUT = None,
    seed: SEED = 0,
    processes: PROCESSES = None,
    launch: LAUNCH = None,
) -> None:
    """Reinforcement learning on STGR-RL."""
    _stage("gspo", recipe, settings, model, data, out, seed, processes, launch)


def _stage(
    stage: str,
    recipe: str,
    settings: list[str] | None,
    model: str | None,
    data: Path | None,
    out: Path | None,
    seed: int,
    processes: int | None,
    launch: str | None,
) -> None:
    from rich.console import Console

    made = importlib.import_module("harness.training.train")
    asked = made.Asked(
        stage=stage,
        recipe=recipe,
        settings=tuple(settings or ()),
        model=model,
        data=data,
        out=out,
        seed=seed,
        processes=processes,
        launch=launch,
    )
    raise typer.Exit(made.train(asked, Console()))
