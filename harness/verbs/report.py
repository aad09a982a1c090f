"""`harness report`: the tables of run folders, from their records alone."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Argument, Option, echo

from harness.errors import UsageError


def report(
    runs: Annotated[list[Path], Argument(help="Run folders, finished or not.")],
    name: Annotated[str | None, Option("--as", metavar="NAME", help="A report, such as table2.")] = None,
    out: Annotated[Path | None, Option(help="File, or folder, for --as.", show_default="only printed")] = None,
    form: Annotated[str | None, Option("--format", help="md,latex,html,csv.", show_default="as --out")] = None,
    baseline: Annotated[str | None, Option(metavar="RUN", help="Name of a row: differences to it.")] = None,
    intervals: Annotated[bool, Option("--intervals", help="Add intervals, clustered by video.")] = False,
    published: Annotated[bool, Option("--published", help="Add the published figures of others.")] = False,
) -> None:
    """Write report.md of a run again and print its tables; or, with --as, put runs side by side in a named report.

    --format without --out prints that format instead. With several formats --out is a folder or the name that the
    files have but for their endings.
    """
    import importlib

    from rich.console import Console

    from harness.contracts import Finished
    from harness.session import publish
    from harness.store import read_run
    from harness.summary import summarise

    console = Console()
    if name is None and (wrong := _for_named(out, form, baseline, intervals, published)):
        raise UsageError(f"{wrong} is for a named report; give --as NAME, or leave it out")
    found = [
        Finished(folder=each, run=told, scores=summarise(each, told)) for each in runs for told in [read_run(each)]
    ]
    if name is None:
        for each in found:
            publish(each.folder, each.run, each.scores, console)
        return
    edition = importlib.import_module("harness.reports.edition")
    formats = edition.formats(form, out)
    if len(formats) > 1 and out is None:
        raise UsageError("--format names several formats; give --out too")
    asked = edition.Asked(report=name, baseline=baseline, intervals=intervals, published=published)
    sheets = edition.edit(found, asked)
    if out is None and form is not None:
        echo("\n".join(edition.FORMATS[formats[0]][1](sheets)), nl=False)
        return
    importlib.import_module("harness.reports.sheets").show(console, sheets)
    if out is not None:
        edition.save(edition.files(sheets, formats, out, name))


def _for_named(*values: object) -> str | None:
    """The first of the options that is given."""
    names = ("--out", "--format", "--baseline", "--intervals", "--published")
    return next((name for name, value in zip(names, values, strict=True) if value not in (None, False)), None)
