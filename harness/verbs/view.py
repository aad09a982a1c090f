"""`harness view`: a page that shows what a run, or two, made of each question."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Argument, Option


def view(
    run: Annotated[Path, Argument(help="A run folder, finished or not.")],
    other: Annotated[Path | None, Argument(metavar="[OTHER_RUN]", help="Another one, put side by side.")] = None,
    out: Annotated[Path | None, Option(help="Folder of the page.", show_default="RUN/view")] = None,
    frames: Annotated[bool, Option("--frames/--no-frames", help="Show frames of the videos; --no-frames is fast.")] = (
        True
    ),
    width: Annotated[int, Option(min=32, max=2048, help="Pixels of the longer side of a frame.")] = 320,
    single: Annotated[bool, Option("--single", help="One HTML file with everything inside, for small runs.")] = False,
    show: Annotated[bool, Option("--open", help="Open it in the browser.")] = False,
) -> None:
    """Write a page that shows each question with its frames, boxes, spans, reasoning and rollouts.

    It opens from disk without a server. index.html#TASK/SAMPLE_ID (percent-encoded) is the page of one question.
    """
    import importlib
    import webbrowser

    from rich.console import Console

    console, build = Console(), importlib.import_module("harness.reports.view.build")
    runs = (run,) if other is None else (run, other)
    asked = build.Asked(runs=runs, out=out or run / "view", frames=frames, longest=width, single=single)
    path = build.view(asked, console)
    console.print(path, highlight=False, soft_wrap=True)
    if show:
        webbrowser.open(path.resolve().as_uri())
