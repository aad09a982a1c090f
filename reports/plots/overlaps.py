"""How answers overlap with the truth: the share of questions whose tIoU or vIoU is at most so large."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..table import HEADINGS
from . import style
from .runs import Run, metrics, title

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

OVERLAPS = ("tiou", "viou")


def draw(runs: Sequence[Run], task: str) -> Figure | str:
    """A panel for each kind of overlap, a line for each run."""
    names = [name for name in OVERLAPS if name in metrics(runs, task)]
    if not names:
        return f"{task} has no questions that are scored by tIoU or vIoU"
    figure = style.figure(3.6 * len(names) + 0.4, 3.2 + 0.2 * len(runs))
    panels = figure.subplots(1, len(names), squeeze=False, sharey=True)[0]
    for panel, name in zip(panels, names, strict=True):
        _panel(panel, runs, task, name)
        panel.set_xlabel(f"{HEADINGS[name]} of an answer")
    panels[0].set_ylabel(f"questions of {title(runs, task)}\nwith at most that, per cent")
    return figure


def steps(values: Sequence[float]) -> tuple[list[float], list[float]]:
    """The distribution: values ascending from 0, and the share that is at most each.

    >>> steps([0.5, 0.0, 0.5, 1.0])
    ([0.0, 0.5, 1.0], [0.25, 0.75, 1.0])
    """
    at = sorted({0.0, *values})
    return at, [sum(value <= x for value in values) / len(values) for x in at]


def _panel(panel: Axes, runs: Sequence[Run], task: str, name: str) -> None:
    for number, run in enumerate(runs):
        values = [answer.value for answer in run.answers[task] if answer.metric == name]
        if not values:
            continue
        look, (at, shares) = style.look(number), steps(values)
        zero = sum(value == 0 for value in values) / len(values)
        mean = math.fsum(values) / len(values)
        label = f"{run.name}: {100 * zero:.0f} % zero, mean {100 * mean:.1f}, n = {len(values)}"
        panel.step([*at, 1.0], [100 * share for share in (*shares, 1.0)], where="post",
                   color=look.colour, linestyle=look.dash, linewidth=1.6)  # fmt: skip
        panel.plot(0, 100 * zero, **look.line, markersize=6, clip_on=False, zorder=3, label=label)
    panel.set_xlim(0, 1)
    panel.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "0.25", "0.5", "0.75", "1"])
    panel.set_ylim(0, 100)
    style.tidy(panel)
    panel.legend(loc="lower left", bbox_to_anchor=(-0.02, 1.0), fontsize=8, frameon=False)
