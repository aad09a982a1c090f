"""Whether what speaks for a rollout tells that it is right: its score by the level of each signal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness import stats
from harness.levels import split

from . import style
from .runs import Run, heading, metrics

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LEVELS = 8
"""Of about equal mass, none of them cut through equal values."""
BARS = 16
APART = 0.02
"""Of the range of a signal, between the points of two runs."""
MEAN: dict[str, Any] = {"linewidth": 0.9, "linestyle": (0, (1, 2))}
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
    runs = [run for run in runs if any(answer.rollouts for answer in run.answers[task])]
    pairs = [*dict.fromkeys(
        (signal, answer.metric) for run in runs for answer in run.answers[task]
        for rollout in answer.rollouts for signal in rollout.signals
    )]  # fmt: skip
    if not pairs:
        return f"no rollout of {task} has a signal; run: harness vote RUN --voters confidence"
    signals = [*dict.fromkeys(signal for signal, _ in pairs)]
    names = [name for name in metrics(runs, task) if any(name == metric for _, metric in pairs)]
    figure = style.figure(3.2 * len(names) + 0.4, 3.4 * len(signals))
    grid = figure.subplots(2 * len(signals), len(names), squeeze=False, height_ratios=[3, 1] * len(signals))
    shown: list[stats.Estimate] = []
    for row, signal in enumerate(signals):
        for column, metric in enumerate(names):
            upper, lower = grid[2 * row][column], grid[2 * row + 1][column]
            lower.sharex(upper)
            found = [[*spoken(run, task, signal, metric)] for run in runs]
            shown += _scores(upper, found)
            _counts(lower, found)
            upper.set_ylabel(f"{heading(runs, task, metric)}, per cent")
            lower.set_ylabel("rollouts")
            lower.set_xlabel(f"{signal.replace('_', ' ')} of a rollout")
    lines = {"mean of all rollouts": {"color": style.GREY, **MEAN}}
    style.legend(figure, *style.legend_of([run.name for run in runs], **lines, **style.unsure(shown)))
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


def _scores(panel: Axes, found: Sequence[Sequence[Spoken]]) -> list[stats.Estimate]:
    """A point for each level, and the mean of all as a line across; the points."""
    shown: list[stats.Estimate] = []
    every = [signal for rollouts in found for signal, _, _ in rollouts]
    apart = (max(every) - min(every)) * APART if every else 0.0
    for number, rollouts in enumerate(found):
        if not rollouts:
            continue
        look, at = style.look(number), levels(rollouts)
        signals, scores = (
            [level.signal + (number - (len(found) - 1) / 2) * apart for level in at],
            [level.score for level in at],
        )
        panel.plot(signals, [100 * (score.value or 0.0) for score in scores], color=look.colour,
                   linestyle=look.dash, linewidth=1, alpha=0.5)  # fmt: skip
        shown += scores
        style.dots(panel, look, signals, scores)
        mean = sum(value for _, value, _ in rollouts) / len(rollouts)
        panel.axhline(100 * mean, color=look.colour, **MEAN)
    panel.set_ylim(0, 100)
    panel.tick_params(axis="x", labelbottom=False)
    style.tidy(panel)
    return shown


def _counts(panel: Axes, found: Sequence[Sequence[Spoken]]) -> None:
    """How many rollouts have which value, in bars of equal width, runs beside each other."""
    import numpy

    every = [signal for rollouts in found for signal, _, _ in rollouts]
    if not every:
        return
    half = ((max(every) - min(every)) or 1.0) / BARS / 2
    edges = numpy.linspace(min(every) - half, max(every) + half, BARS + 2)
    width = 1.8 * half / len(found)
    for number, rollouts in enumerate(found):
        counts, _ = numpy.histogram([signal for signal, _, _ in rollouts], edges)
        left = edges[:-1] + 0.1 * half + number * width
        panel.bar(left, counts, width, align="edge", **style.look(number).bar)
    style.tidy(panel, "y")
