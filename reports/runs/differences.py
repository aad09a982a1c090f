"""The figures of two sides: differences with intervals and p, for all samples of a task and for each group of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from harness import comparison, stats
from harness.codec import encode
from harness.comparison import Pair
from harness.records import Prediction
from harness.stats import Estimate

from .paired import Paired
from .sides import Case
from .sums import Floats, Sums, SumUp, same

MEAN, RESAMPLED, NONE = "mean", "bootstrap", "none"
"""How a difference was tested: as a mean, by resampling videos, or not at all."""
FEWER = 4
"""In a breakdown there are that many times fewer resamples, as there are so many groups."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One figure of both sides."""

    before: float | None
    after: float | None
    difference: Estimate
    """after - before; the interval is clustered by video."""
    how: str
    """"mean": Student's t with the CR1 error; "bootstrap": percentiles over resampled videos; "none": neither."""
    p: float | None
    """Two-sided: of the cluster sign-flip test for a mean, else by the percentiles of the bootstrap."""
    detectable: float | None
    """The least true difference that is found with a chance of 80 %."""
    mcnemar: float | None = None
    flips: Mapping[str, int] | None = None
    """What became of the samples; None for what is not a figure of single samples."""
    holm: float | None = None
    """p adjusted over the main metrics of all tasks; None for any other metric."""
    bh: float | None = None
    """p adjusted (Benjamini-Hochberg) over all figures and groups."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Samples that are compared together."""

    samples: int
    videos: int
    figures: Mapping[str, Figure]


def pairs(before: Sequence[Case], after: Sequence[Case]) -> list[Pair]:
    """The samples as harness/comparison.py reads them; answers that are not on record do not differ."""
    found = []
    for one, other in zip(before, after, strict=True):
        a, b = one.record, other.record
        votes = a.vote or b.vote or Prediction(), b.vote or a.vote or Prediction()
        if a.score is not None and b.score is not None:
            found.append(Pair(sample=a.sample, before=votes[0], after=votes[1], scores=(a.score, b.score)))
    return found


def whole(paired: Paired) -> Group:
    """All samples of a task."""
    return _group(paired, range(len(paired.before)), paired.task.overall)


def parts(paired: Paired) -> Iterator[tuple[str, str, Group]]:
    """Axis, value, and the samples of that value."""
    for axis, values in paired.told["groups"].items():
        for value in values:
            rows = [n for n, case in enumerate(paired.after) if case.record.sample.groups.get(axis) == value]
            if rows:
                yield axis, value, _group(paired, rows, paired.task.aggregate, stats.DRAWS // FEWER)


def _group(paired: Paired, rows: Sequence[int], sum_up: SumUp, draws: int = stats.DRAWS) -> Group:
    before, after = ([side[n] for n in rows] for side in (paired.before, paired.after))
    found = {}
    told = pairs(before, after)
    for name in comparison.names(told):
        each = comparison.compare(told, name)
        found[name] = Figure(
            before=each.before,
            after=each.after,
            difference=each.difference,
            how=MEAN,
            p=each.p if each.difference.n else None,
            detectable=each.detectable,
            mcnemar=each.mcnemar,
            flips=encode(each.flips),
        )
    summed = Summed(sum_up, before, after, draws=draws).figures(quick=draws < stats.DRAWS) if before else {}
    for name, figure in summed.items():
        if name in paired.lacking:
            continue
        known = found.get(name)
        if known is None:
            found[name] = figure
        elif not (same(known.before, figure.before) and same(known.after, figure.after)):
            found[f"{name}, summed up"] = figure
    return Group(samples=len(rows), videos=len({case.record.sample.video for case in before}), figures=found)


class Summed:
    """What a task makes of the samples of both sides."""

    def __init__(
        self,
        sum_up: SumUp,
        before: Sequence[Case],
        after: Sequence[Case],
        *,
        draws: int = stats.DRAWS,
        only: str | None = None,
    ) -> None:
        """Both get the numbers of the videos of the first side, so that they are drawn together.

        `only` is the one figure that is resampled, where the others are not wanted.
        """
        known: dict[str, int] = {}
        places = [known.setdefault(case.record.sample.video, len(known)) for case in before]
        self.samples, self.number, self.draws = len(before), len(known), draws
        self.sides = [Sums(sum_up, [case.record for case in side], places, self.number) for side in (before, after)]
        one, other = self.sides
        self.names = [*dict.fromkeys((*one.whole, *other.whole))]
        self.means = {name: mean for name in self.names if (mean := self._mean(name)) is not None}
        self.slow = (one.slow | other.slow) - self.means.keys()
        """What the task has to be asked for each resample."""
        self.wanted = {name for name in self.names if None not in self.values(name)} - self.means.keys()
        if only is not None:
            self.wanted &= {only}
        self._drawn: dict[bytes, dict[str, float | None]] = {}

    def values(self, name: str) -> tuple[float | None, float | None]:
        """A figure of both sides."""
        return self.sides[0].whole.get(name), self.sides[1].whole.get(name)

    def figures(self, *, quick: bool = False) -> dict[str, Figure]:
        """Each figure of both; `quick` leaves the intervals of slow ones out."""
        if quick:
            self.wanted -= self.slow
        found = {}
        for name in self.names:
            values = self.values(name)
            if name in self.means:
                found[name] = _figure(*values, *self.means[name], MEAN)
            elif name in self.wanted:
                found[name] = _figure(*values, self.resampled(name), self._p(name), RESAMPLED)
            else:
                found[name] = _figure(*values, self.untold(values), None, NONE)
        return found

    def resampled(self, name: str) -> Estimate:
        """The difference of any figure, with percentiles over resampled videos."""
        found = stats.bootstrap(lambda drawn: self._at(drawn).get(name), range(self.number), draws=self.draws)
        return replace(found, n=self.samples)

    def drawn(self, name: str) -> list[float]:
        """The differences that `resampled` found."""
        self.resampled(name)
        told = [each.get(name) for each in self._drawn.values()]
        return [value for value in told[1:] if value is not None]

    def _p(self, name: str) -> float | None:
        """How often a resample has a difference on the other side of 0, twice, as there are two sides."""
        found = self.drawn(name)
        less, more = (sum(side(value) for value in found) for side in ((0.0).__ge__, (0.0).__le__))
        return min(1.0, 2 * (1 + min(less, more)) / (1 + len(found))) if 2 * len(found) >= self.draws else None

    def _mean(self, name: str) -> tuple[Estimate, float | None] | None:
        """The difference of a figure that is the mean of the same things on both sides."""
        one, other = (side.ratios.get(name) for side in self.sides)
        if one is None or other is None:
            return None
        one, other = one.counted_as(other), other.counted_as(one)
        if (one.counts % 1).any() or (one.counts != other.counts).any():
            return None
        counts = one.counts.astype(int)
        gains = other.sums - one.sums
        each = np.divide(gains, counts, out=np.zeros(len(gains)), where=counts > 0)
        found = stats.mean(np.repeat(each, counts), np.repeat(np.arange(self.number), counts).tolist())
        return found, stats.sign_flip(gains.round(9)).p if found.n else None

    def _at(self, drawn: Any) -> Mapping[str, float | None]:
        """The differences on videos that are drawn; the same draws serve all figures."""
        key = drawn.tobytes()
        if key not in self._drawn:
            weights: Floats = np.bincount(drawn, minlength=self.number).astype(float)
            before, after = (side.at(weights, self.wanted) for side in self.sides)
            self._drawn[key] = {name: _less(after.get(name), before.get(name)) for name in {**before, **after}}
        return self._drawn[key]

    def untold(self, values: tuple[float | None, float | None]) -> Estimate:
        """A difference without an interval, with the reason."""
        why = "not both runs have it" if None in values else "no interval: the task would be asked for each resample"
        return Estimate(value=_less(values[1], values[0]), n=self.samples, clusters=self.number, note=why)


def _less(after: float | None, before: float | None) -> float | None:
    return None if after is None or before is None else after - before


def _figure(before: float | None, after: float | None, difference: Estimate, p: float | None, how: str) -> Figure:
    return Figure(before=before, after=after, difference=difference, how=how, p=p, detectable=difference.detectable())
