"""The main job in small: a tiny model answers the questions of benchmarks about synthetic videos."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from harness import instance, plugins
from harness.contracts import Finished
from harness.plan import load
from harness.session import session
from harness.settings import Asked
from harness.store import read_run
from harness.summary import summarise

if TYPE_CHECKING:
    from rich.console import Console


def published() -> list[str]:
    """The names of the tasks whose data is published, which are all but those of the synthetic world."""
    return [name for name in plugins.names("harness.tasks") if load(name).dataset is not None]


def demo(names: Sequence[str], out: Path, model: str, count: int, reports: Sequence[str], console: Console) -> int:
    """Write `count` videos a task where they are not there yet, ask the model, print the tables; the exit code."""
    from rich.progress import track

    tasks = [load(name) for name in names]
    for task in track(tasks, "writing videos", console=console, disable=not console.is_terminal):
        if not (out / "data" / task.name).is_dir():
            instance.write(task, out / "data" / task.name, count, 0)
    code = session(Asked(tasks=tuple(names), data=out / "data", out=out / "run", model=model), console)
    show = importlib.import_module("harness.reports.sheets").show
    run = read_run(out / "run")
    finished = Finished(folder=out / "run", run=run, scores=summarise(out / "run", run))
    for name in reports:
        show(console, plugins.load("harness.reports", name)([finished]))
    return code
