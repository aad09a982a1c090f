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


def stage(
    command: typer.Context,
    recipe: Annotated[str, Option(help="A recipe that ships, such as nano, or a YAML file.")],
    settings: Annotated[
        list[str] | None, Option("--set", metavar="NAME=VALUE", help="trl.learning_rate=1e-5 ...")
    ] = None,
    model: Annotated[str | None, Option(help="Where to start.", show_default="the recipe's")] = None,
    data: Annotated[Path | None, Option(help="Folder of STGR.", show_default="the recipe's")] = None,
    out: Annotated[Path | None, Option(help="Gets the checkpoint.", show_default="by the recipe")] = None,
    seed: Annotated[int, Option(help="Of the order of rows and of rollouts.")] = 0,
    dry: Annotated[bool, Option("--dry-run", help="Say tokens, steps and memory, and train nothing.")] = False,
    eval_after: Annotated[
        str | None, Option(metavar="TASKS", help="Benchmarks for the checkpoint.", show_default="the recipe's, if any")
    ] = None,
    eval_every: Annotated[int | None, Option(metavar="STEPS", help="And for one every so many steps.")] = None,
    eval_data: Annotated[Path | None, Option(help="As --data of harness run.", show_default="the recipe's")] = None,
    eval_limit: Annotated[int | None, Option(help="Items a task.", show_default="the recipe's, or all")] = None,
    processes: Annotated[int | None, Option(help="As many at once.", min=1, show_default="the recipe's")] = None,
    launch: Annotated[
        str | None, Option(help="zero2, zero3, fsdp2 ... or a file of accelerate config; wants GPUs.")
    ] = None,
) -> None:
    """Train one stage; the name of the command says which."""
    told = {name: value for name, value in locals().items() if name not in ("command", "settings")}

    from rich.console import Console

    made = importlib.import_module("harness.training.train")
    asked = made.Asked(stage=command.info_name, settings=tuple(settings or ()), **told)
    raise typer.Exit(made.train(asked, Console()))


app.command("sft", help="Supervised fine-tuning on STGR-SFT.")(stage)
app.command("gspo", help="Reinforcement learning on STGR-RL.")(stage)


@app.command()
def curves(
    folders: Annotated[list[Path], typer.Argument(help="Folders of trainings, finished or not.")],
    out: Annotated[Path, Option(help="Picture, ending in .png; the table gets the same name with .md.")],
    show: Annotated[str | None, Option(metavar="NAMES", help="r_t,r_s ...", show_default="all that is known")] = None,
    smooth: Annotated[int | None, Option(help="Logged values a mean.", min=1, show_default="a twentieth")] = None,
) -> None:
    """Draw learning curves over each other; folders that differ in an ending -s0, -s1 are seeds of one training."""
    from rich.console import Console

    from harness.errors import UsageError
    from harness.store import write_bytes

    if out.suffix != ".png":
        raise UsageError(f"--out {out} must end in .png")
    learning, sheets = (importlib.import_module(f"harness.reports.{name}") for name in ("learning", "sheets"))
    found, wanted = learning.read(folders), [name.strip() for name in (show or "").split(",") if name.strip()]
    tables = learning.table(found, wanted)
    out.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(out, learning.draw(found, wanted, smooth))
    write_bytes(out.with_suffix(".md"), sheets.markdown(tables).encode())
    console = Console()
    sheets.show(console, tables)
    console.print(f"\n{out}", highlight=False, soft_wrap=True)
