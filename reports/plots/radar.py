"""Metrics by domain in the round, one polygon a run, as papers show them; `groups` has the same with errors.

A radar shows whether a model is even; its area says nothing, as it depends on the order of the spokes. So polygons
are not filled, and every panel begins at 0.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from . import style
from .groups import mean
from .runs import Run, axes, heading, metrics, title

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LEAST, MOST = 3, 16
"""Spokes."""


def draw(runs: Sequence[Run], task: str) -> Figure | str:
    """A panel for each leading metric."""
    axis = chosen(runs, task)
    names = metrics(runs, task)
    if axis is None or not names:
        return f"{task} has no axis of groups with {LEAST} to {MOST} values that were scored"
    figure = style.figure(3.3 * len(names) + 0.6, 3.5)
    for number, metric in enumerate(names):
        panel = figure.add_subplot(1, len(names), number + 1, projection="polar")
        _panel(panel, runs, task, metric, axis)
        panel.set_xlabel(f"{heading(runs, task, metric)}, per cent", labelpad=8)
    figure.supxlabel(f"{title(runs, task)} by {axis.replace('_', ' ')}", fontsize=9)
    style.legend(figure, *style.legend_of([run.name for run in runs]))
    return figure


def chosen(runs: Sequence[Run], task: str) -> str | None:
    """The axis of the spokes: the domain, else the one with the most values that a circle can take."""
    fit = {axis: values for axis, values in axes(runs, task).items() if LEAST <= len(values) <= MOST}
    return "domain" if "domain" in fit else max(fit, key=lambda axis: len(fit[axis]), default=None)


def _panel(panel: Any, runs: Sequence[Run], task: str, metric: str, axis: str) -> None:
    from matplotlib.ticker import MaxNLocator

    spokes = axes(runs, task)[axis]
    angles = [2 * math.pi * place / len(spokes) for place in range(len(spokes))]
    largest = 0.0
    for number, run in enumerate(runs):
        found = [mean(run, task, metric, axis, value).value for value in spokes]
        largest = max(largest, *(100 * (value or 0.0) for value in found))
        points = [float("nan") if value is None else 100 * value for value in found]
        line = style.look(number).line | {"markersize": 4.5, "clip_on": False, "zorder": 3}
        panel.plot([*angles, 0.0], [*points, points[0]], **line)
    panel.set_theta_offset(math.pi / 2)
    panel.set_theta_direction(-1)
    panel.set_xticks(angles, [style.wrapped(value, 16) for value in spokes])
    rings = MaxNLocator(5).tick_values(0, largest or 100)
    panel.set_yticks(rings[1:])
    for angle, label in zip(angles, panel.get_xticklabels(), strict=True):
        side = math.sin(angle)
        label.set_horizontalalignment("center" if abs(side) < 0.1 else "left" if side > 0 else "right")
    panel.set_rlim(0, rings[-1])
    panel.set_rlabel_position(180 / len(spokes))
    panel.tick_params(axis="x", pad=2)
    panel.tick_params(axis="y", labelsize=7, labelcolor=style.GREY)
    panel.grid(alpha=0.4, linewidth=0.6)
    panel.spines["polar"].set_alpha(0.3)
