"""Whether a signal is any good: does it tell the better rollouts from the worse ones, and what could a vote gain by it?

A vote weighs the rollouts of one question against each other, so what counts is how a signal orders those: its
concordance *within* a question (arXiv 2502.06233, Sec. 4). Over all rollouts pooled it may be high for another reason,
that easy questions have high signals. For scores of 0 and 1 the concordance is the AUROC.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import compress

from harness import metrics, stats
from harness.comparison import Pair
from harness.levels import split
from harness.records import Prediction
from harness.stats import Estimate

from .pool import Rollouts, Scorer
from .weighted import said

BINS = 15
"""Levels of a reliability table, of about equal mass."""
MANY = 10
"""Claims of one rollout above which the released program looks at none."""


@dataclass(frozen=True, slots=True)
class Question:
    """A sample, and one metric of each of its rollouts."""

    rollouts: Rollouts
    scores: tuple[float, ...]

    def signal(self, name: str) -> tuple[float, ...] | None:
        """A signal of each rollout; None when one of them has none."""
        found = [p.signals[name] for p in self.rollouts.predictions if name in p.signals]
        return tuple(found) if found and len(found) == len(self.scores) else None


def questions(samples: Sequence[Rollouts], scorers: Mapping[str, Scorer], metric: str) -> list[Question]:
    """The samples whose rollouts all have a metric; `scorers` by sample id."""
    found = []
    for each in samples:
        scores = scorers[each.sample.id].values(each.predictions, metric)
        known = tuple(score for score in scores if score is not None)
        if scores and len(known) == len(scores):
            found.append(Question(each, known))
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """Values that lie together, and how the rollouts or votes with them score."""

    low: float
    high: float
    mean: float
    n: int
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Discrimination:
    """How a signal orders rollouts: 0.5 is no better than chance, 1 is perfect."""

    samples: int
    """Those whose rollouts all have the signal."""
    pooled: float | None
    """Over all pairs of rollouts; None when none differ in score."""
    within: Estimate
    """Over the pairs of rollouts of one question; n is the questions with such pairs, the interval by bootstrap."""
    pairs: int
    """Those of one question that differ in score, which is all that a vote can use."""
    tied: float | None
    """In which share of them the signal is the same."""
    levels: tuple[Level, ...]


def discrimination(asked: Sequence[Question], signal: str) -> Discrimination:
    """How a signal orders the rollouts of questions; those that abstain have no vote and are left out."""
    import numpy

    found = [(q, values) for q in asked if (values := q.signal(signal)) is not None]
    flat, scores, open_questions = [], [], 0
    sums: dict[str, list[float]] = {}
    for question, values in found:
        heard = [not p.abstained for p in question.rollouts.predictions]
        weights, worth = list(compress(values, heard)), list(compress(question.scores, heard))
        flat += weights
        scores += worth
        counts = ordered(weights, worth)
        if counts[1]:
            open_questions += 1
            before = sums.setdefault(question.rollouts.video, [0.0, 0.0, 0.0])
            sums[question.rollouts.video] = [a + b for a, b in zip(before, counts, strict=True)]
    wins, pairs, ties = numpy.array(list(sums.values())).reshape(-1, 3).T
    within = stats.bootstrap(lambda drawn: float(wins[drawn].sum() / pairs[drawn].sum()), sums)
    return Discrimination(
        samples=len(found),
        pooled=concordance(flat, scores),
        within=replace(within, n=open_questions),
        pairs=int(pairs.sum()),
        tied=float(ties.sum() / pairs.sum()) if len(pairs) else None,
        levels=levels(flat, scores),
    )


def ordered(values: Sequence[float], scores: Sequence[float]) -> tuple[float, float, float]:
    """Of the pairs that differ in score: those that a signal orders rightly, ties half; all; those that it ties.

    >>> ordered([2, 1, 1], [1, 0, 1])
    (1.5, 2.0, 1.0)
    """
    import numpy

    if len(set(scores)) < 2:
        return 0.0, 0.0, 0.0
    value, score = numpy.asarray(values), numpy.asarray(scores)
    over = score[:, None] > score
    difference = (value[:, None] - value)[over]
    ties = float((difference == 0).sum())
    return float((difference > 0).sum()) + ties / 2, float(len(difference)), ties


def concordance(values: Sequence[float], scores: Sequence[float]) -> float | None:
    """The chance that of two rollouts of different score the better one has the higher value, ties counting half.

    Over all pairs, from Kendall's tau-b; None when no two differ in score. For scores of 0 and 1 it is the AUROC.

    >>> concordance([2.0, 1.5, 1.0, 0.5], [1, 1, 0, 0])
    1.0
    """
    import numpy
    from scipy.stats import kendalltau

    def differing(row: Sequence[float]) -> int:
        _, counts = numpy.unique(row, return_counts=True)
        return (len(row) ** 2 - int((counts.astype(int) ** 2).sum())) // 2

    apart, told = differing(scores), differing(values)
    if not apart:
        return None
    if not told:
        return 0.5
    tau = float(kendalltau(values, scores).statistic)
    return (1 + round(tau * math.sqrt(apart) * math.sqrt(told)) / apart) / 2


def levels(values: Sequence[float], scores: Sequence[float], bins: int = BINS) -> tuple[Level, ...]:
    """Values in at most so many levels of about equal mass, none of them cut; the mean score of each.

    >>> [(level.mean, level.n, level.score) for level in levels([0, 0, 1, 2], [0, 1, 1, 1])]
    [(0.0, 2, 0.5), (1.0, 1, 1.0), (2.0, 1, 1.0)]
    """
    return tuple(_level([(values[k], scores[k]) for k in part]) for part in split(values, bins))


def _level(parts: Sequence[tuple[float, float]]) -> Level:
    number, values = len(parts), [value for value, _ in parts]
    score = math.fsum(score for _, score in parts) / number
    return Level(low=min(values), high=max(values), mean=math.fsum(values) / number, n=number, score=score)


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """Whether the share of a vote that its winner has is the chance that it is right."""

    ece: float
    """Mean distance of share and accuracy over the levels: the expected calibration error."""
    brier: float
    """Mean squared distance of share and correctness."""
    levels: tuple[Level, ...]


def calibration(votes: Sequence[tuple[Prediction, float]]) -> Calibration | None:
    """From votes with their scores of 0 or 1; those without an answer are left out. None when there are none."""
    told = [(share(vote), score) for vote, score in votes]
    known = [(part, score) for part, score in told if part is not None]
    if not known or {score for _, score in known} - {0.0, 1.0}:
        return None
    shares, scores = [part for part, _ in known], [score for _, score in known]
    found = levels(shares, scores)
    return Calibration(
        ece=math.fsum(level.n * abs(level.mean - level.score) for level in found) / len(known),
        brier=math.fsum((part - score) ** 2 for part, score in known) / len(known),
        levels=found,
    )


def share(vote: Prediction) -> float | None:
    """The part of all weight, that of silent rollouts included, which the answer of a vote has."""
    weight = (vote.tally or {}).get(said(vote)) if vote.answer else None
    return None if weight is None or vote.tally is None else weight / math.fsum(vote.tally.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """What a perfect choice among the rollouts would gain, and how much of that is gained."""

    oracle: float | None
    """The mean score of the best rollout of each question."""
    recovered: Estimate
    """(after - before) / (oracle - before), with a bootstrap of videos; no figure where nothing is to be gained."""


def gap(pairs: Sequence[Pair], metric: str, asked: Sequence[Question]) -> Gap:
    """The gap of the questions that were asked; `pairs` are theirs, in the same order."""
    import numpy

    values = [(*v, max(q.scores)) for p, q in zip(pairs, asked, strict=True) if (v := p.values(metric)) is not None]
    before, after, best = numpy.array(values).reshape(-1, 3).T

    def recovered(drawn: stats.Array) -> float | None:
        room = float((best[drawn] - before[drawn]).sum())
        return float((after[drawn] - before[drawn]).sum()) / room if room > stats.TINY else None

    videos = [pair.sample.video for pair in pairs if pair.values(metric) is not None]
    return Gap(oracle=metrics.mean(best.tolist()), recovered=stats.bootstrap(recovered, videos))


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """What rollouts and questions are like; fractions, None where there are none."""

    abstained: float | None
    """Of all rollouts: nothing could be read."""
    without_claims: float | None
    """They cite nothing."""
    without_evidence: float | None
    """No claim of theirs says both where and when."""
    many_claims: float | None
    """More than ten claims."""
    unanimous: float | None
    """Of all questions: their rollouts all say the same."""


def shares(samples: Sequence[Rollouts]) -> Shares:
    """The shares of a pool."""
    every = [p for each in samples for p in each.predictions]
    return Shares(
        abstained=metrics.mean(float(p.abstained) for p in every),
        without_claims=metrics.mean(float(not p.evidence) for p in every),
        without_evidence=metrics.mean(float(not any(None not in (c.time, c.box) for c in p.evidence)) for p in every),
        many_claims=metrics.mean(float(len(p.evidence) > MANY) for p in every),
        unanimous=metrics.mean(float(unanimous(each.predictions)) for each in samples),
    )


def unanimous(predictions: Sequence[Prediction]) -> bool:
    """Whether all say the same, so that no vote can gain or lose."""
    told = [(said(p), p.span, p.boxes) for p in predictions]
    return told[1:] == told[:-1]
