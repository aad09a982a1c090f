"""What a vote of k rollouts is expected to score, for every k up to the n on record: a curve from one pool.

Votes on answers by `Weighted` are arithmetic (ballots.py): exact for every k where rollouts weigh the same, else exact
as long as all subsets are gone through. Any other vote, such as that on spans and boxes, is held on each of the same
subsets. At k = n the curve is the score of the vote itself. Only `first` has another: one rollout speaks whatever k is,
so that its curve is the mean over all rollouts, at n as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from harness.contracts import Voter
from harness.records import Prediction, Score

from .ballots import Ballots, ballot, by_counts, by_weights, fits, ranked
from .first import first
from .pool import Pool, Rollouts, Scorer
from .subsets import Bools, Floats, Subsets, best_of, mean_under, subsets
from .weighted import Weighted

BLOCK = 512
"""Samples that are worked on at a time."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What S samples are expected to score in M metrics; NaN where a metric is not scored."""

    values: Floats
    """[S, M]."""
    exact: Bools
    """[S]: whether that is a mean over all subsets."""
    parts: Floats | None = None
    """[parts, S, M]: the means over the parts of the random subsets, where there are some."""


@dataclass(frozen=True, slots=True)
class Table:
    """What each of the first n rollouts of the samples of a pool scores."""

    pool: Pool
    n: int
    metrics: tuple[str, ...]
    keys: tuple[tuple[str, ...], ...]
    """The metrics of each sample."""
    scores: Floats
    """[S, n, M]."""

    def rows(self, scores: Iterable[Score]) -> Floats:
        """Scores as rows [.., M]."""
        return np.array([_row(score, self.metrics) for score in scores]).reshape(-1, len(self.metrics))

    def first(self) -> Expected:
        """A single rollout."""
        return _exactly(mean_under(np.full(self.n, 1 / self.n), self.scores.swapaxes(1, 2)))

    def oracle(self, k: int) -> Expected:
        """The best of k rollouts in each metric by itself: pass@k where it is 0 or 1."""
        return _exactly(best_of(self.scores.swapaxes(1, 2), k))


def table(pool: Pool, n: int) -> Table:
    """Score the first n rollouts of every sample."""
    found: list[list[Score]] = []
    for sample in pool.samples:
        scorer = Scorer(pool.task, sample.sample)
        found.append([scorer(prediction) for prediction in sample.predictions[:n]])
    keys = tuple(tuple(dict.fromkeys(key for score in {id(s): s for s in each}.values() for key in score.values))
                 for each in found)  # fmt: skip
    metrics = tuple(dict.fromkeys(key for each in dict.fromkeys(keys) for key in each))
    scores = np.empty((len(found), n, len(metrics)))
    for number, each in enumerate(found):
        known = {id(score): _row(score, metrics) for score in each}
        scores[number] = [known[id(score)] for score in each]
    return Table(pool, n, metrics, keys, scores)


def votes(found: Table, voter: Voter) -> list[tuple[Prediction, Score]]:
    """The vote of all n rollouts of each sample, and what it scores."""
    made = ((s.sample, voter(s.sample, s.predictions[: found.n])) for s in found.pool.samples)
    return [(vote, found.pool.task.score(sample, vote)) for sample, vote in made]


def curve(
    found: Table, voter: Voter, sizes: Sequence[int], full: Sequence[Score], seed: int = 0
) -> Mapping[int, Expected]:
    """k -> what a vote of k of the n rollouts is expected to score; `full` are the scores of the votes of all n."""
    if voter is first:
        return dict.fromkeys(sizes, found.first())
    counting = _Counting(found, voter) if type(voter) is Weighted else None
    result = {}
    for k in sizes:
        if k == found.n:
            result[k] = _exactly(found.rows(full))
            continue
        chosen = subsets(found.n, k, seed)
        shares = np.full((len(chosen.masks), len(found.pool.samples), len(found.metrics)), np.nan)
        exact = np.full(len(shares[0]), chosen.exact)
        counted = counting.fill(shares, exact, k, chosen) if counting else np.zeros(len(exact), dtype=bool)
        for number in np.flatnonzero(~counted):
            shares[:, number] = _held(found, voter, found.pool.samples[number], chosen)
        result[k] = _expected(shares, exact)
    return result


class _Counting:
    """Samples of a table whose votes are arithmetic: their ballots, and what each rollout scores, and silence."""

    def __init__(self, found: Table, voter: Weighted) -> None:
        """Those that have answers alone: first the ones for which it is all the same who speaks, then the others."""
        n, samples = found.n, found.pool.samples
        plain = [number for number, s in enumerate(samples) if not any(p.span or p.boxes for p in s.predictions[:n])]
        made = [ballot(voter, samples[number].sample, samples[number].predictions[:n]) for number in plain]
        codes, units = (np.array([each[part] for each in made], dtype=np.int64).reshape(-1, n) for part in range(2))
        self.voter, whole = voter, Ballots(codes, units)
        rows = np.array(plain if fits(whole) else [], dtype=np.intp)
        same = _alike(whole, found.scores[rows]) if len(rows) else np.zeros(0, dtype=bool)
        ranks = [ranked(samples[row].predictions[:n], made[place][1])
                 for place, row in enumerate(rows) if not same[place]]  # fmt: skip
        others = Ballots(codes[~same], units[~same], np.array(ranks, dtype=np.int64).reshape(-1, n)) if ranks else None
        self.lots = [(rows[same], Ballots(codes[same], units[same]))] if same.any() else []
        self.lots += [(rows[~same], others)] if others else []
        silence = found.rows(found.pool.task.score(s.sample, voter(s.sample, [])) for s in samples)
        self.scores = np.concatenate([found.scores, silence[:, None]], 1).swapaxes(1, 2)

    def fill(self, shares: Floats, exact: Bools, k: int, chosen: Subsets) -> Bools:
        """Write what they are expected to score into `shares` [parts, S, M]; which they are."""
        counted, alike = np.zeros(len(exact), dtype=bool), self.voter.signal is None
        for rows, ballots in self.lots:
            counted[rows] = True
            for begin in range(0, len(rows), BLOCK):
                part = slice(begin, begin + BLOCK)
                some = ballots.some(part)
                chances = by_counts(some, k) if alike else by_weights(some, chosen)
                shares[:, rows[part]] = mean_under(chances[:, :, None, :], self.scores[rows[part]])
        exact |= counted & alike
        return counted


def _alike(ballots: Ballots, scores: Floats) -> Bools:
    """[S]: whether all rollouts of an answer score the same."""
    firsts = ballots.given.argmax(1)
    spokesman = np.take_along_axis(firsts, ballots.codes.clip(0), 1)
    theirs = np.take_along_axis(scores, spokesman[:, :, None], 1)
    same = (scores == theirs) | (np.isnan(scores) & np.isnan(theirs))
    return np.asarray((same.all(2) | (ballots.codes < 0)).all(1))


def _held(found: Table, voter: Voter, rollouts: Rollouts, chosen: Subsets) -> Floats:
    """[parts, M]: what the votes of one sample score in the mean over each part of the subsets."""
    scorer, predictions = Scorer(found.pool.task, rollouts.sample), rollouts.predictions
    masks = chosen.masks.reshape(-1, found.n)
    held = (voter(rollouts.sample, [predictions[k] for k in np.flatnonzero(mask)]) for mask in masks)
    rows = found.rows(map(scorer, held)).reshape(*chosen.masks.shape[:2], -1)
    size = rows.shape[1]
    return mean_under(np.full(size, 1 / size), rows.swapaxes(1, 2))


def _expected(shares: Floats, exact: Bools) -> Expected:
    count = len(shares)
    values = mean_under(np.full(count, 1 / count), np.moveaxis(shares, 0, -1))
    return Expected(values, exact, None if exact.all() else shares)


def _exactly(values: Floats) -> Expected:
    return Expected(values, np.full(len(values), True))


def _row(score: Score, metrics: Sequence[str]) -> list[float]:
    values = (score.values.get(name) for name in metrics)
    return [float("nan") if value is None else value for value in values]
