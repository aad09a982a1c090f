"""What a task makes of its samples when whole videos are drawn again: exact, for any task, and fast where it can be.

A task sums up records in its own way, and calling it for thousands of resamples takes minutes. But most figures are
a mean over something within a video (samples, items with all parts right), which is found out by asking the task about
one and two videos at a time: then each video has a sum and a count. Of what is left most is made of the means of kinds
of samples, such as the mAM and mLGM of V-STaR: then a record of each kind with the mean for a score is enough. Both
are believed of a figure only where they give what the task itself gives, on all samples and on random resamples.
Whatever is neither is asked of the task each time, with the copies of a video under names of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from harness.records import Record, Sample, Score

Floats = NDArray[np.float64]
Figures = Mapping[str, float | None]
SumUp = Callable[[Sequence[Record]], Figures]

TRIALS = 4
"""Random resamples on which a short cut must agree with the task."""
CLOSE = 1e-9
"""How far two ways to the same figure may be apart."""
UNITS = 12
"""Up to this many counts of a video are made whole numbers."""


@dataclass(frozen=True, slots=True)
class Ratio:
    """A figure that is a mean over something within a video."""

    sums: Floats
    counts: Floats
    """Of each video; whole numbers where they can be."""
    constant: bool = False
    """Whether it is the same in all videos, so that any counts would do."""

    def at(self, weights: Floats) -> float | None:
        """The figure of that many copies of each video."""
        count = float(weights @ self.counts)
        return float(weights @ self.sums) / count if count else None

    def counted_as(self, other: Ratio) -> Ratio:
        """The same figure with the counts of another one, where any would do."""
        if not self.constant or ((self.counts > 0) != (other.counts > 0)).any():
            return self
        each = np.divide(self.sums, self.counts, out=np.zeros(len(self.sums)), where=self.counts > 0)
        return Ratio(each * other.counts, other.counts)


class Kinds:
    """Samples as one record for each kind, and value of an axis, with the means for a score."""

    def __init__(self, records: Sequence[Record], videos: Sequence[int], axis: str | None) -> None:
        """Sums and counts of each video, kind and metric."""
        keys: dict[tuple[str, str | None, str], int] = {}
        cells = []
        for record, video in zip(records, videos, strict=True):
            value = record.sample.groups.get(axis) if axis else None
            for metric, score in (record.score.values if record.score else {}).items():
                if score is not None:
                    cells.append((video, keys.setdefault((record.sample.kind, value, metric), len(keys)), score))
        self.keys, self.axis = list(keys), axis
        self.sums, self.counts = (np.zeros((max(videos, default=0) + 1, len(keys))) for _ in range(2))
        for video, key, score in cells:
            self.sums[video, key] += score
            self.counts[video, key] += 1
        self.record = replace(records[0], vote=None, error=None)

    def records(self, weights: Floats) -> list[Record]:
        """One for each kind there is among that many copies of each video."""
        sums, counts = weights @ self.sums, weights @ self.counts
        values: dict[tuple[str, str | None], dict[str, float | None]] = {}
        for (kind, value, metric), total, number in zip(self.keys, sums, counts, strict=True):
            if number:
                values.setdefault((kind, value), {})[metric] = float(total / number)
        made = []
        for (kind, value), scores in values.items():
            groups = {} if self.axis is None or value is None else {self.axis: value}
            sample = Sample(id=f"{kind}/{value}", item=str(value), kind=kind, video="", question="", groups=groups)
            made.append(replace(self.record, sample=sample, score=Score(values=scores)))
        return made


class Sums:
    """The figures that a task makes of records of numbered videos."""

    def __init__(self, sum_up: SumUp, records: Sequence[Record], videos: Sequence[int], number: int) -> None:
        """Find the short cuts; `number` is that of all videos, some of which may have no record here."""
        self.sum_up = sum_up
        self._copies: dict[tuple[int, int], list[Record]] = {}
        self.videos: list[list[Record]] = [[] for _ in range(number)]
        for record, video in zip(records, videos, strict=True):
            self.videos[video].append(record)
        self.whole = dict(sum_up(records))
        chance = np.random.default_rng(0)
        trials = [np.ones(number), *(resample(chance, number) for _ in range(TRIALS))]
        told = [self.task(weights) for weights in trials]
        self.ratios = {
            name: ratio
            for name, ratio in self._ratios().items()
            if all(same(ratio.at(w), each.get(name)) for w, each in zip(trials, told, strict=True))
        }
        self.kinds: list[tuple[Kinds, set[str]]] = []
        self.slow: set[str] = self.whole.keys() - self.ratios.keys()
        axes = dict.fromkeys(axis for record in records for axis in record.sample.groups)
        for axis in (None, *axes):
            if not self.slow:
                break
            kinds = Kinds(records, videos, axis)
            found = [sum_up(kinds.records(weights[: len(kinds.sums)])) for weights in trials]
            alike = {n for n in self.slow if all(same(f.get(n), t.get(n)) for f, t in zip(found, told, strict=True))}
            if alike:
                self.kinds.append((kinds, alike))
                self.slow -= alike

    def task(self, weights: Floats) -> Figures:
        """What the task makes of that many copies of each video."""
        videos = np.flatnonzero(weights).tolist()
        return self.sum_up([record for video in videos for record in self._drawn(video, int(weights[video]))])

    def at(self, weights: Floats, wanted: Collection[str]) -> Figures:
        """Those of the figures that are wanted, by the short cuts where there are some."""
        found = {name: self.ratios[name].at(weights) for name in wanted if name in self.ratios}
        for kinds, names in self.kinds:
            if not names.isdisjoint(wanted):
                told = self.sum_up(kinds.records(weights[: len(kinds.sums)]))
                found |= {name: told.get(name) for name in names}
        if not self.slow.isdisjoint(wanted):
            told = self.task(weights)
            found |= {name: told.get(name) for name in self.slow}
        return found

    def _drawn(self, video: int, times: int) -> Iterator[Record]:
        for copy in range(times):
            if (video, copy) not in self._copies:
                mark = f"#{copy}" if copy else ""
                self._copies[video, copy] = [
                    replace(r, sample=replace(r.sample, id=r.sample.id + mark, item=r.sample.item + mark))
                    for r in self.videos[video]
                ]
            yield from self._copies[video, copy]

    def _ratios(self) -> dict[str, Ratio]:
        """Sums and counts of each video for each figure, as if it were a mean over something within a video.

        With (s, c) of a video, the figure a = s / c, and (t, d) of another, that of both is b = (s + t) / (c + d), so
        c / d = (t/d - b) / (b - a): counts follow, up to a factor, from any other video with another figure.
        """
        alone = [self.sum_up(records) if records else {} for records in self.videos]
        known: dict[tuple[int, int], Figures] = {}

        def both(name: str, one: int, other: int) -> float | None:
            key = (min(one, other), max(one, other))
            if key not in known:
                known[key] = self.sum_up(self.videos[key[0]] + self.videos[key[1]])
            return known[key].get(name)

        found, ends = {}, list[tuple[int, int]]()
        for name in self.whole:
            values = np.array([np.nan if (v := each.get(name)) is None else v for each in alone], dtype=float)
            if np.isnan(values).all():
                continue
            low, high = _ends(values, ends)
            counts = _counts(values, low, high, partial(both, name))
            if counts is not None:
                found[name] = Ratio(np.nan_to_num(values) * counts, counts, bool(values[low] == values[high]))
        return found


def _ends(values: Floats, known: list[tuple[int, int]]) -> tuple[int, int]:
    """Two videos of which the figure is far apart, if possible two that served before."""
    low, high = int(np.nanargmin(values)), int(np.nanargmax(values))
    for one, other in known:
        if abs(values[one] - values[other]) >= (values[high] - values[low]) / 2:
            return one, other
    known.append((low, high))
    return low, high


def _counts(values: Floats, low: int, high: int, both: Callable[[int, int], float | None]) -> Floats | None:
    """What each video counts; None where the figure is no such mean."""
    if values[low] == values[high]:
        return (~np.isnan(values)).astype(float)
    counts = np.zeros(len(values))
    counts[low] = 1.0
    for video in (high, *np.flatnonzero(~np.isnan(values))):
        if video == low or counts[video]:
            continue
        far = low if abs(values[video] - values[low]) >= abs(values[video] - values[high]) else high
        joint = both(int(video), far)
        if joint is None or joint == values[video]:
            return None
        counts[video] = counts[far] * (values[far] - joint) / (joint - values[video])
    return _whole(counts)


def _whole(counts: Floats) -> Floats | None:
    if not np.isfinite(counts).all() or (counts < 0).any():
        return None
    for units in range(1, UNITS + 1):
        scaled = counts * units
        if (abs(scaled - scaled.round()) < 1e-6).all():
            return np.asarray(scaled.round())
    return counts


def resample(chance: np.random.Generator, number: int) -> Floats:
    """How often each of that many videos comes, when as many are drawn with replacement."""
    return np.bincount(chance.integers(0, number, number), minlength=number).astype(float)


def same(one: float | None, other: float | None) -> bool:
    """Whether two ways to a figure agree."""
    if one is None or other is None:
        return one is other
    return abs(one - other) <= CLOSE * max(1.0, abs(other))
