"""`harness report`: the tables of run folders, from their records alone."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from harness.errors import UsageError


def report(
    runs: Annotated[list[Path], Argument(help="Run folders, finished or not.")],
    name: Annotated[str | None, Option("--as", metavar="NAME", help="A report, such as table2.")] = None,
    out: Annotated[Path | None, Option(help="Markdown file for --as.", show_default="only printed")] = None,
) -> None:
    """Write report.md of a run again and print its tables; or, with --as, put runs side by side in a named report."""
    import importlib

    from rich.console import Console

    from harness import plugins
    from harness.contracts import Finished
    from harness.session import publish
    from harness.store import read_run, write_bytes
    from harness.summary import summarise

    console = Console()
    found = [
        Finished(folder=each, run=told, scores=summarise(each, told)) for each in runs for told in [read_run(each)]
    ]
    if name is None:
        if out is not None:
            raise UsageError("--out is for a named report; give --as NAME, or leave it out")
        for each in found:
            publish(each.folder, each.run, each.scores, console)
        return
    sheets, shown = plugins.load("harness.reports", name)(found), importlib.import_module("harness.reports.sheets")
    shown.show(console, sheets)
    if out is not None:
        write_bytes(out, shown.markdown(sheets).encode("utf-8", "replace"))
