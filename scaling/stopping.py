"""Rules that say when a vote is settled before all of its rollouts are drawn: `lossless`, `same:0.95` ...

Rollouts are drawn in waves. A rule says how many to draw before it is asked again: as many as settle the vote if all
of them give the leading answer, so that no wave is in vain.

An answer stands as high as its share of the weights: a rollout of average weight counts 1, as each does in a majority.
Of the others only the strongest, the rival, is looked at. Under every rule a vote that can no longer change is settled.
Spans and boxes are mostly medians, which nearly every rollout moves, so `lossless` never settles them. Under the other
rules they are settled when they are steady: the vote with any one rollout left out overlaps by an IoU of at least 0.9.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import takewhile
from typing import NamedTuple

from harness.contracts import Stop, Voter
from harness.errors import UsageError
from harness.records import Prediction, Sample

from .consensus import overlap_boxes
from .weighted import UNITS, Weighted, draw, said, units

LEAST = 3
"""Rollouts of a vote that may change: two that agree have outvoted nobody."""

STEP = 2
"""Rollouts in a further wave on spans or boxes."""


class Candidate(NamedTuple):
    """An answer; the greater of two wins the vote. By default one that was not given yet, and wins a tie if it can."""

    weight: float = 0
    """In units."""
    rollouts: int = 0
    lot: float = math.inf


class Standing(NamedTuple):
    """How a vote stands."""

    leader: Candidate
    rival: Candidate
    mean: float
    """What a rollout weighs that gave an answer."""
    most: float
    """What one can weigh at most; infinite when that is not known."""
    drawn: int
    left: int
    """Rollouts that are not drawn."""
    streak: int
    """Rollouts at the end that give the same answer."""

    @property
    def ahead(self) -> float:
        """What stands for the leader, in rollouts of average weight."""
        return self.leader.weight / self.mean

    @property
    def behind(self) -> float:
        """What stands for the rival."""
        return self.rival.weight / self.mean

    @property
    def final(self) -> bool:
        """Whether the leader wins whatever the rest may say, each with the largest weight."""
        weight, rollouts, lot = self.rival
        return self.most < math.inf and self.leader > (weight + self.left * self.most, rollouts + self.left, lot)

    def after(self, more: int) -> Standing:
        """How it stands when that many further rollouts of average weight agree."""
        weight, rollouts, lot = self.leader
        return self._replace(
            leader=Candidate(weight + more * self.mean, rollouts + more, lot),
            drawn=self.drawn + more,
            left=self.left - more,
            streak=self.streak + more,
        )


def standing(voter: Weighted, sample: Sample, predictions: Sequence[Prediction], n: int) -> Standing:
    """How the vote on the answers stands after the first of n rollouts."""
    found: dict[str, tuple[int, int]] = {}
    weights = [voter.weight(p) for p in predictions]
    for prediction, weight in zip(predictions, units(weights), strict=True):
        if answer := said(prediction):
            before = found.get(answer, (0, 0))
            found[answer] = before[0] + weight, before[1] + 1
    ranked = sorted((Candidate(*found[a], lot=-int(draw(sample, a), 16)) for a in found), reverse=True)
    most = round(largest(voter) * UNITS) if largest(voter) < math.inf else math.inf
    count = sum(candidate.rollouts for candidate in ranked)
    said_last = [said(p) for p in reversed(predictions)]
    return Standing(
        leader=ranked[0] if ranked else Candidate(lot=-math.inf),
        rival=ranked[1] if len(ranked) > 1 else Candidate(),
        mean=(sum(candidate.weight for candidate in ranked) / count if count else 0) or min(most, UNITS),
        most=most if any(weights) or not weights else math.inf,
        drawn=len(predictions),
        left=n - len(predictions),
        streak=len([*takewhile(lambda answer: answer and answer == said_last[0], said_last)]),
    )


def largest(voter: Weighted) -> float:
    """The largest weight that a rollout can have; infinite when its signal does not tell."""
    if voter.signal is None:
        return 1.0
    most = getattr(voter.signal, "most", math.inf)
    return voter.weigh(most) if most < math.inf else math.inf


@lru_cache(1 << 16)
def most_frequent(ahead: float, behind: float) -> float:
    """The posterior probability that the leader is more frequent than its rival, from a uniform prior.

    Adaptive-Consistency (arXiv 2305.11860, Sec. 3): the mass above 1/2 of Beta(ahead + 1, behind + 1).

    >>> most_frequent(4, 0)
    0.96875
    """
    from scipy.special import betainc

    return float(betainc(behind + 1, ahead + 1, 0.5))


@lru_cache(1 << 16)
def stays_ahead(ahead: float, behind: float, left: int) -> float:
    """The probability that the leader beats its rival after the rest, a tie counting half, when each of the rest gives
    one of the two: beta-binomial, with the posterior of `most_frequent`.

    >>> round(stays_ahead(3, 0, 5), 4), round(stays_ahead(1, 0, 1), 4)
    (0.9762, 0.8333)
    """
    chance, base = 0.0, _log_beta(ahead + 1, behind + 1)
    for lost in range(left + 1):
        margin = ahead + left - lost - (behind + lost)
        ways = math.log(math.comb(left, lost)) + _log_beta(ahead + left - lost + 1, behind + lost + 1)
        chance += math.exp(ways - base) * (0.5 if margin == 0 else margin > 0)
    return chance


def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)


def steady(voter: Voter, sample: Sample, predictions: Sequence[Prediction], iou: float) -> bool:
    """Whether the span and the boxes of the vote stay where they are when any one rollout is left out."""
    vote = voter(sample, predictions)
    less = [voter(sample, [*predictions[:k], *predictions[k + 1 :]]) for k in range(len(predictions))]
    return all(_close(vote, other, iou) for other in less)


def _close(one: Prediction, other: Prediction, iou: float) -> bool:
    spans = one.span == other.span or (one.span and other.span and one.span.iou(other.span) >= iou)
    return bool(spans) and (one.boxes == other.boxes or overlap_boxes(one.boxes, other.boxes) >= iou)


@dataclass(frozen=True, slots=True)
class Rule:
    """A Stop: of answers it must be `sure`, and spans and boxes must be steady."""

    voter: Weighted
    sure: Callable[[Standing], bool]
    iou: float | None
    """None is that spans and boxes are never settled."""

    def __call__(self, sample: Sample, predictions: Sequence[Prediction], n: int) -> int:
        """How many rollouts to draw before it is asked again; 0 when the vote is settled."""
        now = standing(self.voter, sample, predictions, n)
        grounded = any(p.span is not None or p.boxes for p in predictions)
        wanted = self._grounded(sample, predictions, now) if grounded else 0
        if not grounded or any(said(p) for p in predictions):
            wanted = max(wanted, next((k for k in range(now.left) if self._settled(now.after(k))), now.left))
        return min(wanted, now.left)

    def _settled(self, now: Standing) -> bool:
        return now.final or self.sure(now)

    def _grounded(self, sample: Sample, predictions: Sequence[Prediction], now: Standing) -> int:
        if self.iou is None:
            return now.left
        if now.drawn < LEAST:
            return LEAST - now.drawn
        return 0 if steady(self.voter, sample, predictions, self.iou) else STEP


def _lossless(voter: Weighted) -> Rule:
    return Rule(voter, lambda now: now.final, None)


def _same(voter: Weighted, chance: str, iou: str = "0.9") -> Rule:
    least = _share(chance)
    return Rule(
        voter, lambda now: now.drawn >= LEAST and stays_ahead(now.ahead, now.behind, now.left) >= least, _share(iou)
    )


def _settled(voter: Weighted, chance: str, iou: str = "0.9") -> Rule:
    least = _share(chance)
    return Rule(voter, lambda now: now.drawn >= LEAST and most_frequent(now.ahead, now.behind) >= least, _share(iou))


def _window(voter: Weighted, count: str, iou: str = "0.9") -> Rule:
    wanted = int(count)
    if wanted < 2:
        raise ValueError(count)
    return Rule(voter, lambda now: now.streak >= wanted, _share(iou))


def _share(text: str) -> float:
    value = float(text)
    if not 0.5 <= value < 1:
        raise ValueError(text)
    return value


RULES: dict[str, Callable[..., Rule]] = {"lossless": _lossless, "same": _same, "settled": _settled, "window": _window}
"""Name -> what makes a rule of the parts after the colons."""


def rule(text: str, voter: Voter) -> Stop:
    """The rule that the text stands for, for the votes of a voter; UsageError says the forms there are."""
    name, *parts = text.split(":")
    if not isinstance(voter, Weighted):
        raise UsageError(f"{text!r} must know what each rollout weighs in the vote; use a voter such as majority")
    try:
        return RULES[name](voter, *parts)
    except (KeyError, TypeError, ValueError):
        raise UsageError(
            f"cannot stop early by {text!r}; use lossless (the vote of all N rollouts cannot be another), same:P (it "
            "is not with probability P), settled:P (the leading answer is the most frequent with probability P) or "
            "window:W (the last W rollouts agree); spans and boxes are steady at an IoU of 0.9, or same:P:IOU"
        ) from None
