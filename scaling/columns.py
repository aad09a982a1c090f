"""The columns of a task's table from the expected scores of its samples, with intervals clustered by video.

Which columns are plain means, of all samples or of those of a kind, is seen by having the task sum up random scores.
Means have a clustered standard error; any other column, such as the mAM of V-STaR, has that of the jackknife: a group
of videos is left out at a time (Kott, J. Official Statistics 17 (2001) 521), and the pseudo-values (Tukey 1958) are
averaged like scores. A bootstrap would show the task an item twice, and a task that joins the samples of an item by its
name would take the two for one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from harness import metrics, stats
from harness.records import Prediction, Record, Score

from .curves import Expected, Table
from .subsets import Floats, Ints

GROUPS = 40
"""Groups of videos that the jackknife leaves out in turn."""
DIGITS = 12
"""To which two sums of the same scores agree."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A column at one number of rollouts."""

    value: float | None
    low: float | None = None
    high: float | None = None
    """Ends of the 95 % interval over videos; None where there is no telling."""
    error: float | None = None
    """Standard error of an estimate from random subsets; None for an exact value."""


class Columns:
    """The main columns of the task of a table."""

    def __init__(self, found: Table) -> None:
        """See which of them are means."""
        self.table, self.task = found, found.pool.task
        self.samples = [rollouts.sample for rollouts in found.pool.samples]
        names: dict[str, int] = {}
        self.videos = np.array([names.setdefault(s.video, len(names)) for s in self.samples], dtype=np.int64)
        self.means = self._means()

    def points(self, expected: Expected, votes: Sequence[Prediction] | None = None) -> dict[str, Point]:
        """Each column; `votes` are needed by columns that are not made of scores alone."""
        values, found = self._sums(expected.values, votes), {}
        halves = self._halves(expected.values, votes, values)
        errors = self._errors(expected)
        for name, value in values.items():
            half = halves.get(name)
            if value is None or half is None:
                found[name] = Point(value=value, error=errors.get(name))
            else:
                found[name] = Point(value=value, low=value - half, high=value + half, error=errors.get(name))
        return found

    def _sums(
        self, values: Floats, votes: Sequence[Prediction] | None, rows: Sequence[int] | Ints | None = None
    ) -> dict[str, float | None]:
        """Column -> its value, over all samples or those of `rows`."""
        if rows is None and len(self.means) == len(self.task.columns):
            return {name: _mean(values[samples, metric]) for name, (samples, metric) in self.means.items()}
        chosen = range(len(self.samples)) if rows is None else rows
        summed = self.task.overall([self._record(values, votes, row) for row in chosen])
        return {name: summed.get(name) for name in self.task.columns}

    def _record(self, values: Floats, votes: Sequence[Prediction] | None, row: int) -> Record:
        places = {name: place for place, name in enumerate(self.table.metrics)}
        cells = {key: float(values[row, places[key]]) for key in self.table.keys[row]}
        score = Score(values={key: None if value != value else value for key, value in cells.items()})
        vote = None if votes is None else votes[row]
        return Record(task=self.task.name, version=self.task.version, sample=self.samples[row], vote=vote, score=score)

    def _means(self) -> dict[str, tuple[Ints, int]]:
        """Column -> the samples and the metric of which it is the mean."""
        shape = len(self.samples), len(self.table.metrics)
        random = np.random.default_rng(0).random(shape)
        probe = np.where(np.isnan(self.table.scores).all(1), np.nan, random)
        summed = self.task.overall([self._record(probe, None, row) for row in range(shape[0])])
        kinds = np.array([sample.kind for sample in self.samples])
        groups = [np.arange(shape[0]), *(np.flatnonzero(kinds == kind) for kind in dict.fromkeys(kinds))]
        candidates = [(rows[~np.isnan(probe[rows, metric])], metric) for rows in groups for metric in range(shape[1])]
        found = ((place, _mean(probe[place])) for place in reversed(candidates))
        known = {round(mean, DIGITS): place for place, mean in found if mean is not None}
        wanted = {name: round(value, DIGITS) for name in self.task.columns if (value := summed.get(name)) is not None}
        return {name: known[value] for name, value in wanted.items() if value in known}

    def _halves(
        self, values: Floats, votes: Sequence[Prediction] | None, whole: Mapping[str, float | None]
    ) -> dict[str, float]:
        """Column -> half the width of its interval."""
        found = {}
        for name, (rows, metric) in self.means.items():
            scores = values[rows, metric]
            known = ~np.isnan(scores)
            found[name] = stats.mean(scores[known], self.videos[rows][known].tolist())
        others = {name: value for name, value in whole.items() if name not in self.means and value is not None}
        if others:
            found |= self._jackknife(values, votes, others)
        return {name: (e.high - e.low) / 2 for name, e in found.items() if e.low is not None and e.high is not None}

    def _jackknife(
        self, values: Floats, votes: Sequence[Prediction] | None, whole: Mapping[str, float]
    ) -> dict[str, stats.Estimate]:
        groups = min(GROUPS, int(self.videos.max(initial=0)) + 1)
        left = [self._sums(values, votes, np.flatnonzero(self.videos % groups != group)) for group in range(groups)]
        found = {}
        for name, value in whole.items():
            pseudo = [groups * value - (groups - 1) * less for each in left if (less := each[name]) is not None]
            if len(pseudo) == groups:
                found[name] = stats.mean(pseudo)
        return found

    def _errors(self, expected: Expected) -> dict[str, float]:
        """Column -> the standard error that comes from random subsets, where there are some."""
        if expected.parts is None:
            return {}
        parts = [self._sums(part, None) for part in expected.parts]
        errors = {}
        for name in self.task.columns:
            rows = self.means[name][0] if name in self.means else np.arange(len(self.samples))
            found = [value for part in parts if (value := part[name]) is not None]
            if not expected.exact[rows].all() and len(found) > 1:
                errors[name] = float(np.std(found, ddof=1)) / len(found) ** 0.5
        return errors


def _mean(values: Floats) -> float | None:
    return metrics.mean(values[~np.isnan(values)].tolist())
