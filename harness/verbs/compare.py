"""`harness compare`: voters on the same rollouts of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Argument, Option


def compare(
    run: Annotated[Path, Argument(help="A run folder, finished or not.")],
    voters: Annotated[str, Option(help="Names with commas between them; each is compared with the first.")] = (
        "majority,confidence"
    ),
) -> None:
    """Say whether one vote is better than another on the same rollouts, and whether its signal is any good.

    Writes compare.json and compare.md into the run folder; needs no model and no data.
    """
    import importlib

    from rich.console import Console

    from harness.store import write, write_bytes

    console, report = Console(), importlib.import_module("harness.reports.comparison")
    names = [name.strip() for name in voters.split(",") if name.strip()]
    found = importlib.import_module("harness.scaling.compare").compare(run, names)
    write(run / "compare.json", "compare", found)
    write_bytes(run / "compare.md", report.markdown(found).encode("utf-8", "replace"))
    report.show(console, found)
    console.print(f"\n{run / 'compare.md'}", highlight=False, soft_wrap=True)
