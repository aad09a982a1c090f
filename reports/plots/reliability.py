"""Whether what speaks for a rollout tells that it is right: its score by the level of each signal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness import stats
from harness.levels import split

from . import style
from .runs import Run, heading, metrics, title

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LEVELS = 8
"""Of about equal mass, none of them cut through equal values."""
BARS = 16
Spoken = tuple[float, float, str]
"""A signal, the score and the video of a rollout."""


@dataclass(frozen=True, slots=True)
class Level:
    """Rollouts whose signals lie together."""

    signal: float
    """The mean."""
    score: stats.Estimate
    """With an interval clustered by video."""


def draw(runs: Sequence[Run], task: str) -> Figure | str:
    """For each signal and leading metric a panel, and below it how many rollouts have which value."""
    pairs = [*dict.fromkeys(
        (signal, answer.metric) for run in runs for answer in run.answers[task]
        for rollout in answer.rollouts for signal in rollout.signals
    )]  # fmt: skip
    if not pairs:
        return f"no rollout of {task} has a signal; run: harness vote RUN --voters confidence"
    signals = [*dict.fromkeys(signal for signal, _ in pairs)]
    names = [name for name in metrics(runs, task) if any(name == metric for _, metric in pairs)]
    figure = style.figure(3.2 * len(names) + 0.4, 3.4 * len(signals) + 0.5)
    grid = figure.subplots(2 * len(signals), len(names), squeeze=False, height_ratios=[3, 1] * len(signals))
    for row, signal in enumerate(signals):
        for column, metric in enumerate(names):
            upper, lower = grid[2 * row][column], grid[2 * row + 1][column]
            lower.sharex(upper)
            found = [[*spoken(run, task, signal, metric)] for run in runs]
            _scores(upper, runs, found)
            _counts(lower, found)
            upper.set_ylabel(f"{heading(runs, task, metric)}, per cent")
            lower.set_ylabel("rollouts")
            lower.set_xlabel(f"{signal.replace('_', ' ')} of a rollout")
    style.legend(figure, *_handles(grid[0][0], runs))
    return figure


def spoken(run: Run, task: str, signal: str, metric: str) -> Iterator[Spoken]:
    """The rollouts that have a signal and are scored by a metric."""
    for answer in run.answers[task]:
        for rollout in answer.rollouts if answer.metric == metric else ():
            if signal in rollout.signals:
                yield rollout.signals[signal], rollout.value, answer.video


def levels(found: Sequence[Spoken]) -> list[Level]:
    """The levels of rollouts, ascending."""
    made = []
    for places in split([signal for signal, _, _ in found], LEVELS):
        signals, scores, videos = zip(*(found[place] for place in places), strict=True)
        made.append(Level(sum(signals) / len(signals), stats.mean(scores, videos)))
    return made


def _scores(panel: Axes, runs: Sequence[Run], found: Sequence[Sequence[Spoken]]) -> None:
    """A point for each level, and the mean of all as a line across."""
    for number, (run, rollouts) in enumerate(zip(runs, found, strict=True)):
        if not rollouts:
            continue
        look, at = style.look(number), levels(rollouts)
        scores = [100 * (level.score.value or 0.0) for level in at]
        halves = [50 * ((level.score.high or 0.0) - (level.score.low or 0.0)) for level in at]
        panel.errorbar([level.signal for level in at], scores, yerr=halves, **look.line, markersize=4.5,
                       linewidth=1.2, elinewidth=1, capsize=2, label=run.name)  # fmt: skip
        mean = sum(value for _, value, _ in rollouts) / len(rollouts)
        panel.axhline(100 * mean, color=look.colour, linewidth=0.8, linestyle=(0, (1, 2)))
    panel.set_ylim(0, 100)
    panel.tick_params(axis="x", labelbottom=False)
    style.tidy(panel)


def _counts(panel: Axes, found: Sequence[Sequence[Spoken]]) -> None:
    """How many rollouts have which value, in bars of equal width, runs beside each other."""
    import numpy

    every = [signal for rollouts in found for signal, _, _ in rollouts]
    edges = numpy.histogram_bin_edges(every, BARS)
    width = (edges[1] - edges[0]) * 0.9 / len(found)
    for number, rollouts in enumerate(found):
        counts, _ = numpy.histogram([signal for signal, _, _ in rollouts], edges)
        left = edges[:-1] + 0.05 * (edges[1] - edges[0]) + number * width
        panel.bar(left, counts, width, align="edge", **style.look(number).bar)
    style.tidy(panel, "y")


def _handles(panel: Axes, runs: Sequence[Run]) -> tuple[list[Any], list[str]]:
    """Of all runs, whichever of them the panel has."""
    from matplotlib.lines import Line2D

    return [Line2D([], [], **style.look(number).line) for number in range(len(runs))], [run.name for run in runs]
