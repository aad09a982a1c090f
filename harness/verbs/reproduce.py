"""`harness reproduce`: the claims of the paper, put to the test from nothing."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Annotated

import typer
from typer import Option


def reproduce(
    scale: Annotated[str, Option(help="nano: the synthetic world on two cores; full: the real sizes.")] = "nano",
    out: Annotated[Path, Option(help="Gets data, checkpoints, runs and the report.")] = Path("reproduction"),
    from_checkpoints: Annotated[
        bool, Option("--from-checkpoints", help="Train nothing: take the checkpoints that ship.")
    ] = False,
    seeds: Annotated[int, Option(help="Trainings of each way.", min=1)] = 1,
    jobs: Annotated[int, Option(help="Steps at a time.", show_default="2; 1 of full", min=0)] = 0,
    data: Annotated[Path | None, Option(help="Folder of the benchmarks, for full.")] = None,
    stgr: Annotated[Path | None, Option(help="Folder of the rows to train on, for full.")] = None,
    base: Annotated[str | None, Option(help="The model to start from, for full.")] = None,
    dry_run: Annotated[bool, Option("--dry-run", help="Only print the commands.")] = False,
) -> None:
    """Train, ask, vote, probe and report as the Open-o3-Video paper does, and say claim by claim what comes out.

    Started again, it goes on where it was stopped.
    """
    from rich.console import Console

    made = importlib.import_module("harness.reports.reproduction.reproduce")
    asked = made.Asked(
        out=out,
        scale=scale,
        from_checkpoints=from_checkpoints,
        seeds=seeds,
        jobs=jobs or (2 if scale == "nano" else 1),
        data=data,
        stgr=stgr,
        base=base,
        dry=dry_run,
    )
    raise typer.Exit(made.reproduce(asked, Console()))
