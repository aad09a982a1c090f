"""Table 12 of the Open-o3-Video paper (arXiv 2510.20579), for any tasks: what the choice of frames is worth.

The paper gives the accuracy on LongVideo-Reason with 64 frames, with 16, and with key frames.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness.contracts import Finished, Sheet
from harness.errors import UsageError


def report(runs: Sequence[Finished]) -> list[Sheet]:
    """A row for each run with its recipe of frames, a column for each task that all of them have: its main metric."""
    tasks = [name for name in runs[0].run["tasks"] if all(name in run.run["tasks"] for run in runs)] if runs else []
    if not tasks:
        raise UsageError("the runs have no task in common; give runs of the same tasks with other --frames")
    main = {name: next(iter(runs[0].run["tasks"][name]["columns"])) for name in tasks}
    return [
        Sheet(
            title="The same tasks with frames chosen in other ways, per cent",
            head=("run", "model", "frames", *(_heading(runs[0].run["tasks"][name]) for name in tasks)),
            rows=tuple(
                (
                    run.folder.name,
                    (run.run["settings"]["model"] or {}).get("name", "-"),
                    _frames(run.run, tasks),
                    *(run.value(name, main[name]) for name in tasks),
                )
                for run in runs
            ),
            ranked=tuple(_heading(runs[0].run["tasks"][name]) for name in tasks),
        )
    ]


def _heading(task: Mapping[str, Any]) -> str:
    return f"{task['title']} {next(iter(task['columns'].values()))}"


def _frames(run: Mapping[str, Any], tasks: Sequence[str]) -> str:
    """The recipe of a run; of each task where they have different ones."""
    found = {spec["name"]: spec["frames"] or "-" for spec in run["settings"]["tasks"] if spec["name"] in tasks}
    if len(set(found.values())) == 1:
        return str(found[tasks[0]])
    return ", ".join(f"{name} {recipe}" for name, recipe in found.items())
