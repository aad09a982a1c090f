"""`harness regress`: whether a checkpoint is worse than the one before, by margins that are declared."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option

from harness.errors import UsageError

app = typer.Typer(help="Hold a checkpoint against a baseline.")


@app.callback(invoke_without_command=True)
def regress(
    context: typer.Context,
    baseline: Annotated[Path | None, Option(help="A run folder, or a file that was recorded of one.")] = None,
    candidate: Annotated[Path | None, Option(help="The run folder that is judged.")] = None,
    suite: Annotated[
        Path | None, Option(help="TOML file of tests and margins.", show_default="each task's main metric, 2 points")
    ] = None,
    out: Annotated[
        Path | None, Option(help="Folder for the verdict.", show_default="regress-BASELINE in the candidate")
    ] = None,
    anyway: Annotated[
        bool, Option("--anyway", help="Judge runs of other settings or task versions all the same.")
    ] = False,
) -> None:
    """Say of each task whether a candidate passes, has regressed, or neither is clear; exit 1 when the gate fails.

    regress.json, regress.md and junit.xml say it; no model and no data is needed.
    """
    import importlib

    from rich.console import Console

    if context.invoked_subcommand is not None:
        return
    if baseline is None or candidate is None:
        raise UsageError("give --baseline and --candidate, or record a baseline with: harness regress record RUN")
    gate, suites, shown = (importlib.import_module(f"harness.reports.regress.{n}") for n in ("gate", "suite", "shown"))
    folders = importlib.import_module("harness.reports.runs.folders")
    asked = suites.read(suite) if suite is not None else suites.Suite()
    folder = out or folders.beside("regress", baseline, candidate)
    found = gate.gate(baseline, candidate, asked, anyway=anyway)
    texts = {"regress.md": shown.markdown(found).encode("utf-8", "replace"), "junit.xml": shown.junit(found)}
    folders.write(folder, "regress", found, texts)
    console = Console()
    shown.show(console, found)
    console.print(f"\n{folder / 'regress.md'}\n{folder / 'junit.xml'}", highlight=False, soft_wrap=True)
    raise typer.Exit(1 if found["failed"] else 0)


@app.command()
def record(
    run: Annotated[Path, Argument(help="A run folder.")],
    out: Annotated[Path, Option(help="The file to write.")] = Path("baseline.json"),
    texts: Annotated[bool, Option("--texts", help="Keep questions and answers too.")] = False,
) -> None:
    """Write a baseline that is small enough for a repository: scores and hashes, no answers, no texts, no videos."""
    import importlib

    from rich.console import Console

    found = importlib.import_module("harness.reports.regress.baseline").record(run, out, texts=texts)
    told = ", ".join(f"{number} questions of {task}" for task, number in found.items())
    size = out.stat().st_size / 1000
    Console().print(f"{out}: {told}; {size:.0f} kB", highlight=False, soft_wrap=True, markup=False)
