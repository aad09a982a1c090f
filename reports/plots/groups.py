"""Group by group: the mean of each leading metric, with its interval clustered by video, runs side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from harness import stats

from . import style
from .runs import Answer, Run, axes, heading, metrics, title

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST = 40
"""Values of an axis; one with more is left out."""
Row = tuple[str, str | None]
"""Axis and value; all of an axis is its heading."""
STEP = 0.13
"""Inches between two runs."""


def draw(runs: Sequence[Run], task: str) -> Figure | str:
    """A panel for each metric, a line for each group."""
    shown = {axis: values for axis, values in axes(runs, task).items() if len(values) <= MOST}
    if not shown or not metrics(runs, task):
        return f"{task} has no axis of groups with 2 to {MOST} values that were scored"
    rows: list[Row] = [("", "all")]
    for axis, values in shown.items():
        rows += [(axis, None), *((axis, value) for value in values)]
    names = metrics(runs, task)
    height = (len(rows) + 1) * max(0.24, STEP * len(runs) + 0.06) + 0.6
    figure = style.figure(2.2 + 2.6 * len(names), height)
    panels = figure.subplots(1, len(names), squeeze=False, sharey=True)[0]
    found: list[stats.Estimate] = []
    for panel, metric in zip(panels, names, strict=True):
        found += _panel(panel, runs, task, metric, rows)
        panel.set_xlabel(f"{heading(runs, task, metric)}, per cent")
    panels[0].set_ylabel(f"group of {title(runs, task)}")
    panels[0].set_yticks(
        range(len(rows)), [style.wrapped(axis.replace("_", " ") if value is None else value) for axis, value in rows]
    )
    for label, (_, value) in zip(panels[0].get_yticklabels(), rows, strict=True):
        label.set_fontweight("bold" if value is None else "normal")
    panels[0].set_ylim(len(rows) - 0.4, -0.9)
    style.legend(figure, *style.legend_of([run.name for run in runs], **style.unsure(found)))
    return figure


def member(answer: Answer, axis: str, value: str) -> bool:
    """Whether an answer is of a group; all are of the axis without a name."""
    return not axis or answer.groups.get(axis) == value


def mean(run: Run, task: str, metric: str, axis: str, value: str) -> stats.Estimate:
    """The mean of a metric over a group."""
    found = [a for a in run.answers[task] if a.metric == metric and member(a, axis, value)]
    return stats.mean([a.value for a in found], [a.video for a in found])


def _panel(panel: Axes, runs: Sequence[Run], task: str, metric: str, rows: Sequence[Row]) -> list[stats.Estimate]:
    """The means that it shows."""
    from matplotlib.transforms import blended_transform_factory

    counted: dict[int, list[int]] = {}
    shown: list[stats.Estimate] = []
    for number, run in enumerate(runs):
        look, shift = style.look(number), 0.62 * ((number + 0.5) / len(runs) - 0.5)
        found = {place: mean(run, task, metric, axis, value) for place, (axis, value) in enumerate(rows) if value}
        for place, e in found.items():
            counted.setdefault(place, []).append(e.n)
        shown += found.values()
        style.dots(panel, look, [place + shift for place in found], [*found.values()], across=True)
    beside = blended_transform_factory(panel.transAxes, panel.transData)
    for place, numbers in counted.items():
        text = " | ".join(map(str, dict.fromkeys(numbers)))
        panel.text(1.03, place, text, transform=beside, va="center", fontsize=7, color=style.GREY)
    panel.text(1.03, -0.75, "n", transform=beside, va="center", fontsize=7, color=style.GREY)
    low, high = panel.get_xlim()
    panel.set_xlim(max(0.0, low), min(100.0, high))
    style.tidy(panel, "x")
    panel.tick_params(axis="y", length=0)
    for place, (_, value) in enumerate(rows):
        if value is None:
            panel.axhline(place - 0.5, color=style.GREY, linewidth=0.5)
    return shown
