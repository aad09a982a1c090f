"""A table for each axis by which a task is broken down: a row for each run, a column for each value of the axis."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harness.contracts import Finished, Sheet
from harness.errors import UsageError

from .certainty import lines
from .layout import Layout

LEADING = ("acc", "miou", "score", "mlgm")
"""The metrics that are broken down, as far as a task has them in its columns; else the first of its columns."""
WIDTH = 8
"""Values in one table; more of them are in several."""


@dataclass(frozen=True)
class Breakdown:
    """The report: as many tables as there are axes in the tasks that all runs have."""

    def __call__(self, runs: Sequence[Finished]) -> list[Sheet]:
        """The tables."""
        return [sheet for each in layouts(runs) for sheet in each(runs)]

    def sure(self, runs: Sequence[Finished], baseline: str | None = None) -> list[Sheet]:
        """The tables with intervals."""
        read = [*map(lines, runs)]
        return [sheet for each in layouts(runs) for sheet in each.sure(runs, baseline, read)]


def layouts(runs: Sequence[Finished]) -> list[Layout]:
    """The table of each axis, metric and handful of values; UsageError where there is none."""
    common = [task for task in runs[0].run["tasks"] if all(task in run.run["tasks"] for run in runs)] if runs else []
    found = [layout for task in common for layout in _task(runs, task)]
    if not found:
        raise UsageError("the runs have no task in common that is broken down by anything; give runs of the same tasks")
    return found


def _task(runs: Sequence[Finished], task: str) -> Iterator[Layout]:
    told = runs[0].run["tasks"][task]
    metrics = [metric for metric in told["columns"] if metric in LEADING] or [*told["columns"]][:1]
    axes: dict[str, dict[str, None]] = {}
    for run in runs:
        for axis, values in run.scores["tasks"][task]["by"].items():
            axes.setdefault(axis, {}).update(dict.fromkeys(values))
    for axis, known in axes.items():
        for metric in metrics:
            title = f"{told['title']} {told['columns'][metric]} by {axis.replace('_', ' ')}"
            for begin in range(0, len(known), WIDTH):
                part = [*known][begin : begin + WIDTH]
                more = f", part {begin // WIDTH + 1} of {-(-len(known) // WIDTH)}" if len(known) > WIDTH else ""
                columns = {value: (task, metric, {axis: value}) for value in part}
                yield Layout(title=f"{title}, per cent{more}", columns=columns)


report = Breakdown()
