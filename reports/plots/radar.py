"""Metrics by domain in the round, one polygon a run, as papers show them; the same figures are in `groups`, with errors.

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
    figure = style.figure(3.3 * len(names), 3.9)
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
    for number, run in enumerate(runs):
        found = [mean(run, task, metric, axis, value).value for value in spokes]
        points = [float("nan") if value is None else 100 * value for value in found]
        panel.plot([*angles, 0.0], [*points, points[0]], **style.look(number).line, markersize=4.5, label=run.name)
    panel.set_theta_offset(math.pi / 2)
    panel.set_theta_direction(-1)
    panel.set_xticks(angles, [style.wrapped(value, 16) for value in spokes])
    rings = MaxNLocator(5).tick_values(0, max((point for point in panel.get_ylim() if point > 0), default=100))
    panel.set_yticks(rings[1:])
    panel.set_rlim(0, rings[-1])
    panel.set_rlabel_position(180 / len(spokes))
    panel.tick_params(axis="x", pad=5)
    panel.tick_params(axis="y", labelsize=7, labelcolor=style.GREY)
    panel.grid(alpha=0.4, linewidth=0.6)
    panel.spines["polar"].set_alpha(0.3)
