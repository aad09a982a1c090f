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
STEP = 0.17
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
    height = (len(rows) + 1) * max(0.24, STEP * len(runs) + 0.08) + 0.9
    figure = style.figure(2.2 + 2.6 * len(names), height)
    panels = figure.subplots(1, len(names), squeeze=False, sharey=True)[0]
    for panel, metric in zip(panels, names, strict=True):
        _panel(panel, runs, task, metric, rows)
        panel.set_xlabel(f"{heading(runs, task, metric)}, per cent")
    panels[0].set_ylabel(f"group of {title(runs, task)}")
    panels[0].set_yticks(range(len(rows)), [style.wrapped(axis if value is None else value) for axis, value in rows])
    for label, (_, value) in zip(panels[0].get_yticklabels(), rows, strict=True):
        label.set_fontweight("bold" if value is None else "normal")
    panels[0].set_ylim(len(rows) - 0.4, -0.9)
    style.legend(figure, *panels[0].get_legend_handles_labels())
    return figure


def member(answer: Answer, axis: str, value: str) -> bool:
    """Whether an answer is of a group; all are of the axis without a name."""
    return not axis or answer.groups.get(axis) == value


def mean(run: Run, task: str, metric: str, axis: str, value: str) -> stats.Estimate:
    """The mean of a metric over a group."""
    found = [a for a in run.answers[task] if a.metric == metric and member(a, axis, value)]
    return stats.mean([a.value for a in found], [a.video for a in found])


def _panel(panel: Axes, runs: Sequence[Run], task: str, metric: str, rows: Sequence[Row]) -> None:
    from matplotlib.transforms import blended_transform_factory

    counted: dict[int, list[int]] = {}
    for number, run in enumerate(runs):
        look, shift = style.look(number), 0.62 * ((number + 0.5) / len(runs) - 0.5)
        found = {place: mean(run, task, metric, axis, value) for place, (axis, value) in enumerate(rows) if value}
        at = {place: e for place, e in found.items() if e.value is not None}
        for place, e in found.items():
            counted.setdefault(place, []).append(e.n)
        values = [100 * (e.value or 0.0) for e in at.values()]
        halves = [100 * ((e.high or 0.0) - (e.low or 0.0)) / 2 for e in at.values()]
        places = [place + shift for place in at]
        panel.errorbar(values, places, xerr=halves, color=look.colour, marker=look.marker, linestyle="none",
                       markersize=4.5, elinewidth=1.2, capsize=2, label=run.name)  # fmt: skip
    beside = blended_transform_factory(panel.transAxes, panel.transData)
    for place, numbers in counted.items():
        text = " | ".join(map(str, dict.fromkeys(numbers)))
        panel.text(1.01, place, text, transform=beside, va="center", fontsize=7, color=style.GREY)
    panel.text(1.01, -0.75, "n", transform=beside, va="center", fontsize=7, color=style.GREY)
    style.tidy(panel, "x")
    panel.tick_params(axis="y", length=0)
    for place, (_, value) in enumerate(rows):
        if value is None:
            panel.axhline(place - 0.5, color=style.GREY, linewidth=0.5)
