"""`harness compare`: voters on the same rollouts of a run, or runs on the same questions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Option

from harness.errors import UsageError

if TYPE_CHECKING:
    from rich.console import Console


def compare(
    runs: Annotated[list[Path], Argument(help="A run folder for its voters; or several, each against the first.")],
    voters: Annotated[
        str | None, Option(help="Of one run, with commas between them.", show_default="majority,confidence")
    ] = None,
    out: Annotated[
        Path | None, Option(help="Folder for the comparison of runs.", show_default="compare-FIRST in the last run")
    ] = None,
    anyway: Annotated[bool, Option("--anyway", help="Compare other versions of a task all the same.")] = False,
) -> None:
    """Say whether one vote is better than another on the same rollouts, or one run than another on the same questions.

    Of one run, compare.json and compare.md in its folder say it of voters, and whether their signals are any good.
    Of several, comparison.json, comparison.md and flips.md say it of runs, and which questions changed. No model and no
    data is needed.
    """
    from rich.console import Console

    if len(runs) == 1:
        if out is not None or anyway:
            raise UsageError("--out and --anyway are for runs; give a second run folder, or leave them out")
        _voters(Console(), runs[0], voters or "majority,confidence")
    elif voters is not None:
        raise UsageError("--voters are those of one run; give one run folder, or leave --voters out")
    else:
        _runs(Console(), runs, out, anyway)


def _voters(console: Console, run: Path, voters: str) -> None:
    import importlib

    from harness.store import write, write_bytes

    report = importlib.import_module("harness.reports.comparison")
    names = [name.strip() for name in voters.split(",") if name.strip()]
    found = importlib.import_module("harness.scaling.compare").compare(run, names)
    write(run / "compare.json", "compare", found)
    write_bytes(run / "compare.md", report.markdown(found).encode("utf-8", "replace"))
    report.show(console, found)
    console.print(f"\n{run / 'compare.md'}", highlight=False, soft_wrap=True)


def _runs(console: Console, runs: list[Path], out: Path | None, anyway: bool) -> None:
    import importlib

    rooms = ("compare", "shown", "flipped", "folders")
    start, shown, flipped, folders = (importlib.import_module(f"harness.reports.runs.{name}") for name in rooms)
    folder = out or folders.beside("compare", runs[0], runs[-1])
    found = start.compare(runs, folder, console, anyway=anyway)
    pages = {"comparison.md": shown.markdown(found), "flips.md": flipped.markdown(found)}
    folders.write(folder, "comparison", found, {name: text.encode("utf-8", "replace") for name, text in pages.items()})
    shown.show(console, found)
    console.print(f"\n{folder / 'comparison.md'}\n{folder / 'flips.md'}", highlight=False, soft_wrap=True)
