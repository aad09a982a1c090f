"""Pictures of what votes score against rollouts and tokens: one a task, with a row for each column; from votes.json."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Data = Mapping[str, Any]

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#F0E442")
"""Colours that can be told apart by those who see few (Okabe and Ito 2008)."""
CEILING = "#777777"
AXES = (("rollouts", "rollouts a sample (N)"), ("tokens", "generated tokens a sample"))


def draw(folder: Path, votes: Data) -> dict[str, str]:
    """Write votes-TASK.png for each task that has more than one number of rollouts; task -> name of the file."""
    from matplotlib.figure import Figure

    found = {}
    for name, task in votes["tasks"].items():
        columns = [column for column in task["columns"] if _drawable(task, column)]
        if len(task["n"]) < 2 or not columns:
            continue
        figure = Figure(figsize=(9, 2.6 * len(columns) + 0.7), layout="constrained")
        grid = figure.subplots(len(columns), len(AXES), squeeze=False, sharey="row")
        for row, column in zip(grid, columns, strict=True):
            for axes, (cost, label) in zip(row, AXES, strict=True):
                _lines(axes, task, column, [each[cost] for each in task["cost"]])
                axes.set_xlabel(label)
            row[0].set_ylabel(f"{task['columns'][column]}, per cent")
        handles, labels = grid[0][0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper center", ncols=min(4, len(labels)), frameon=False)
        found[name] = f"votes-{name}.png"
        figure.savefig(folder / found[name], dpi=120, metadata={"Software": None})
    return found


def _drawable(task: Data, column: str) -> bool:
    return any(point["value"] is not None for point in task["oracle"][column])


def _lines(axes: Axes, task: Data, column: str, places: list[float]) -> None:
    """The curves of all voters with their bands, and the ceiling."""
    for number, (name, found) in enumerate(task["voters"].items()):
        known = [(x, point) for x, point in zip(places, found[column], strict=True) if point["value"] is not None]
        colour = COLOURS[number % len(COLOURS)]
        at = [x for x, _ in known]
        axes.plot(at, [100 * p["value"] for _, p in known], color=colour, marker="o", markersize=3.5, label=name)
        banded = [(x, p) for x, p in known if p["low"] is not None]
        low, high = ([100 * p[end] for _, p in banded] for end in ("low", "high"))
        axes.fill_between([x for x, _ in banded], low, high, color=colour, alpha=0.1, linewidth=0)
    best = [float("nan") if point["value"] is None else 100 * point["value"] for point in task["oracle"][column]]
    axes.plot(places, best, color=CEILING, linestyle="--", label="best of N")
    axes.set_xscale("log", base=2)
    axes.set_xticks(places, [f"{place:.0f}" for place in places])
    axes.minorticks_off()
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
