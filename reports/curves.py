"""Pictures of what votes score against rollouts and tokens: one a task, with a row for each column; from votes.json."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .plots import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Data = Mapping[str, Any]

AXES = (("rollouts", "rollouts a sample (N)"), ("tokens", "generated tokens a sample"))


def draw(folder: Path, votes: Data) -> dict[str, str]:
    """Write votes-TASK.png for each task that has more than one number of rollouts; task -> name of the file."""
    from matplotlib.figure import Figure

    found = {}
    for name, task in votes["tasks"].items():
        columns = drawable(task)
        if not columns:
            continue
        figure = Figure(figsize=(9, 2.6 * len(columns) + 0.7), layout="constrained")
        grid = figure.subplots(len(columns), len(AXES), squeeze=False, sharey="row")
        for row, column in zip(grid, columns, strict=True):
            for axes, (cost, label) in zip(row, AXES, strict=True):
                places = [each[cost] for each in task["cost"]]
                for number, (voter, points) in enumerate(task["voters"].items()):
                    line(axes, places, points[column], style.look(number), voter)
                ceiling(axes, places, task["oracle"][column])
                axes.set_xlabel(label)
            row[0].set_ylabel(f"{task['columns'][column]}, per cent")
        handles, labels = grid[0][0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper center", ncols=min(4, len(labels)), frameon=False)
        found[name] = f"votes-{name}.png"
        figure.savefig(folder / found[name], dpi=120, metadata={"Software": None})
    return found


def drawable(task: Data) -> list[str]:
    """The columns that have figures for more than one number of rollouts."""
    oracle = task["oracle"] if len(task["n"]) > 1 else {}
    return [column for column, points in oracle.items() if any(point["value"] is not None for point in points)]


def line(axes: Axes, places: Sequence[float], points: Sequence[Data], look: style.Look, label: str) -> None:
    """The curve of a voter with its band."""
    known = [(x, point) for x, point in zip(places, points, strict=True) if point["value"] is not None]
    axes.plot([x for x, _ in known], [100 * p["value"] for _, p in known], **look.line, markersize=3.5, label=label)
    banded = [(x, p) for x, p in known if p["low"] is not None]
    low, high = ([100 * p[end] for _, p in banded] for end in ("low", "high"))
    axes.fill_between([x for x, _ in banded], low, high, color=look.colour, alpha=0.1, linewidth=0)


def ceiling(axes: Axes, places: Sequence[float], points: Sequence[Data], dash: Any = "--") -> None:
    """What a perfect choice would score, and the ticks of the numbers of rollouts."""
    best = [float("nan") if point["value"] is None else 100 * point["value"] for point in points]
    axes.plot(places, best, color=style.GREY, linestyle=dash, linewidth=1, label="best of N")
    axes.set_xscale("log", base=2)
    axes.set_xticks(places, [f"{place:.0f}" for place in places])
    axes.minorticks_off()
    style.tidy(axes)
