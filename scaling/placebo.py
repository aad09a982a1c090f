"""Votes whose weights should be worth nothing: what a weighing voter gains over them is due to its signal.

Each is the voter itself with other values in place of those of its signal: all the same, which must give the plain
majority; its own, shuffled among the rollouts of a question, which keeps how weights are spread and takes away
which rollout has which; and the signals of controls that are on record, such as those of random crops.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from harness import metrics, stats
from harness.comparison import Pair
from harness.contracts import Voter
from harness.records import Prediction, Sample
from harness.stats import Estimate

from .diagnosis import Question, unanimous
from .pool import Rollouts, Scorer
from .weighted import Weighted, said

SHUFFLES = 20
"""Shuffles of the weights of each question, over whose votes scores are averaged."""
CONTROLS = ("random-crop", "question-only")
"""Signals that look at something else than the evidence; "expected-random-crop" is that of the signal "expected"."""

Values = Sequence[float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Placebo:
    """A vote with other weights, beside the vote with its own."""

    score: float | None
    difference: Estimate
    """The vote less the placebo, clustered by video."""
    p: float
    """Of the cluster sign-flip test."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A weighing voter and the votes that it gave."""

    voter: Voter
    signal: str
    """The name of what it weighs by."""
    metric: str
    asked: Sequence[Question]
    pairs: Sequence[Pair]
    """`after` is its vote on the questions that were asked, in their order."""
    scorers: Mapping[str, Scorer]
    """By sample id."""

    def placebos(self) -> dict[str, Placebo]:
        """Name -> placebo: "shuffled", and each control that is on record."""
        known = {name for q in self.asked for p in q.rollouts.predictions for name in p.signals}
        controls = [own if (own := f"{self.signal}-{name}") in known else name for name in CONTROLS]
        weights: dict[str, Callable[[Question], Sequence[Values]]] = {"shuffled": partial(shuffled, signal=self.signal)}
        weights |= {name: partial(_of, signal=name) for name in controls if name in known}
        return {name: self._against(made) for name, made in weights.items()}

    def uneven(self) -> int:
        """On how many questions equal weights do not give the majority vote; 0 for a voter that only weighs."""
        majority = Weighted()
        return sum(
            _told(self.voter, q.rollouts.sample, weighed(q.rollouts, self.signal, [1.0] * len(q.scores)))
            != _told(majority, q.rollouts.sample, q.rollouts.predictions)
            for q in self.asked
        )

    def _against(self, weights: Callable[[Question], Sequence[Values]]) -> Placebo:
        scores, own, videos = [], [], []
        for question, pair in zip(self.asked, self.pairs, strict=True):
            values, score = weights(question), pair.scores[1].values.get(self.metric)
            placebo = score if unanimous(question.rollouts.predictions) else self._score(question, values)
            if values and score is not None and placebo is not None:
                scores.append(placebo)
                own.append(score)
                videos.append(pair.sample.video)
        tested = stats.sign_flip([a - b for a, b in zip(own, scores, strict=True)], videos)
        return Placebo(score=metrics.mean(scores), difference=stats.difference(scores, own, videos), p=tested.p)

    def _score(self, question: Question, weights: Sequence[Values]) -> float | None:
        sample = question.rollouts.sample
        votes = [self.voter(sample, weighed(question.rollouts, self.signal, values)) for values in weights]
        return metrics.mean(self.scorers[sample.id].values(votes, self.metric))


def weighed(rollouts: Rollouts, signal: str, values: Values) -> list[Prediction]:
    """The predictions of the rollouts with other values of a signal, without their evidence."""
    pairs = zip(rollouts.predictions, values, strict=True)
    return [replace(p, evidence=(), signals={**p.signals, signal: value}) for p, value in pairs]


def shuffled(question: Question, signal: str, shuffles: int = SHUFFLES) -> list[Values]:
    """The values of a signal in so many random orders, drawn by sample; none when the question lacks the signal."""
    values = question.signal(signal)
    if values is None or len(set(values)) == 1:
        return [] if values is None else [values]
    rng = random.Random(f"shuffled:{question.rollouts.sample.id}")
    return [rng.sample(values, len(values)) for _ in range(shuffles)]


def _of(question: Question, signal: str) -> list[Values]:
    values = question.signal(signal)
    return [] if values is None else [values]


def _told(voter: Voter, sample: Sample, predictions: Sequence[Prediction]) -> object:
    vote = voter(sample, predictions)
    return said(vote), vote.span, vote.boxes
