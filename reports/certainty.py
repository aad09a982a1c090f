"""How sure the figures of columns are: intervals of 95 % over videos, of a figure and of the difference of two runs.

A column is a mean of scores, or made of several such means. Means have Student's t with the CR1 error, clustered by
video; all others a bootstrap of whole videos (harness/stats.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness import stats
from harness.contracts import Finished
from harness.metrics import arithmetic_mean, log_geometric_mean
from harness.stats import Estimate
from harness.store import read_as

from .table3 import PARTS, Line

if TYPE_CHECKING:
    from numpy.typing import NDArray

Column = tuple[str, str, Mapping[str, str]]
"""Task, metric, and the group of which it is: {"duration": "long"}."""
Part = tuple[str, str, str]
"""The scores of which a mean is taken: those of that value on that axis (or of that "kind"), and the metric."""
Lines = Mapping[str, Sequence[Line]]
"""Task -> its records."""
Scores = Mapping[str, tuple[str, float]]
"""Sample -> its video, its score."""
NOTE = (
    "intervals of 95 %, clustered by video: of means by Student's t with the CR1 error, of what is made of several "
    "means by a bootstrap of whole videos, of an average of benchmarks from theirs"
)


@dataclass(frozen=True)
class Measure:
    """What a metric of a run is made of: means, and what is made of them."""

    parts: tuple[Part, ...]
    fold: Callable[..., float] = float


def _chains(mean: Callable[[float, float, float], float]) -> Callable[..., float]:
    """The mean of both chains, from the means of PARTS."""
    return lambda acc, t1, t2, v1, v2: (mean(acc, t1, v1) + mean(acc, t2, v2)) / 2


_VSTAR = tuple(("kind", kind, metric) for kind, metric in PARTS.values())
_STAR = tuple(("type", kind, "acc") for kind in ("Interaction", "Sequence", "Prediction", "Feasibility"))
MEASURES: dict[tuple[str, str], Measure] = {
    **{
        ("vstar", name): Measure((part,))
        for name, part in zip(("acc", "tiou_1", "tiou_2", "viou_1", "viou_2"), _VSTAR, strict=True)
    },
    ("vstar", "mam"): Measure(_VSTAR, _chains(arithmetic_mean)),
    ("vstar", "mlgm"): Measure(_VSTAR, _chains(log_geometric_mean)),
    ("star", "mean"): Measure(_STAR, lambda *means: sum(means) / len(means)),
    ("tvgbench", "miou"): Measure((("", "", "tiou"),)),
}
"""(task, metric) -> what it is made of; what is not here is the mean of the scores of its name."""


def lines(run: Finished) -> Lines:
    """What is read of the records of a run."""
    found: dict[str, list[Line]] = {}
    for line in read_as(Line, run.folder):
        found.setdefault(line.task, []).append(line)
    return found


def scores(column: Column, found: Lines) -> list[Scores]:
    """The scores of each part of a column."""
    task, metric, group = column
    chosen = [
        line
        for line in found.get(task, ())
        if line.score is not None and all(line.sample.groups.get(axis) == name for axis, name in group.items())
    ]
    return [_part(part, chosen) for part in measure(column).parts]


def measure(column: Column) -> Measure:
    """What a column is made of."""
    task, metric, _ = column
    return MEASURES.get((task, metric), Measure((("", "", metric),)))


def _part(part: Part, chosen: Iterable[Line]) -> Scores:
    axis, name, metric = part
    found = {}
    for line in chosen:
        sample, value = line.sample, line.score.values.get(metric) if line.score else None
        if value is not None and (not axis or (sample.kind if axis == "kind" else sample.groups.get(axis)) == name):
            found[sample.id] = sample.video, value
    return found


def estimate(made: Measure, found: Sequence[Scores]) -> Estimate:
    """A figure with its interval."""
    if len(found) > 1:
        return _bootstrap(made, [found])
    videos, values = [*zip(*found[0].values(), strict=True)] or [(), ()]
    return stats.mean(values, videos)


def gain(made: Measure, before: Sequence[Scores], after: Sequence[Scores]) -> Estimate | None:
    """The difference of two runs with its interval; None unless both have scores of the same samples."""
    if any(one.keys() != other.keys() for one, other in zip(before, after, strict=True)):
        return None
    if len(before) > 1:
        same = [{key: (one[key][0], value) for key, (_, value) in other.items()}
                for one, other in zip(before, after, strict=True)]  # fmt: skip
        return _bootstrap(made, [before, same])
    pairs = [(video, value, after[0][key][1]) for key, (video, value) in before[0].items()]
    videos, one, other = [*zip(*pairs, strict=True)] or [(), (), ()]
    return stats.difference(one, other, videos)


def _bootstrap(made: Measure, sides: Sequence[Sequence[Scores]]) -> Estimate:
    """Of one run, or of the second less the first."""
    videos = sorted({video for part in sides[0] for video, _ in part.values()})
    places = {video: place for place, video in enumerate(videos)}
    summed = [_sums(side, places) for side in sides]

    def statistic(drawn: NDArray[Any]) -> float | None:
        figures = []
        for sums, numbers in summed:
            known = numbers[drawn].sum(0)
            if not known.all():
                return None
            figures.append(made.fold(*map(float, sums[drawn].sum(0) / known)))
        return figures[-1] - figures[0] if len(figures) > 1 else figures[0]

    return stats.bootstrap(statistic, videos)


def _sums(side: Sequence[Scores], places: Mapping[str, int]) -> tuple[NDArray[Any], NDArray[Any]]:
    """The sum of scores and their number, for each video and part."""
    import numpy

    sums, numbers = numpy.zeros((2, len(places), len(side)))
    for column, part in enumerate(side):
        for video, value in part.values():
            sums[places[video], column] += value
            numbers[places[video], column] += 1
    return sums, numbers
