"""The vote is one whole rollout, the medoid: the one that overlaps most with all the others.

Answers are voted as in a majority. Of the rollouts that give the winning answer, or of all where none gives one, the
vote is the one with the largest sum, over all rollouts, of the IoU of their spans and of the mean IoU of their boxes
over the seconds that either has. A tie goes to the rollout drawn first. Unlike a median, the vote is a span or a path
that the model did give, and comes with its own evidence.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from harness.geometry import Box
from harness.records import Prediction, Sample

from .weighted import Weighted, number, said, units


@dataclass(frozen=True, slots=True)
class Consensus(Weighted):
    """A voter whose spans and boxes are those of the weighted medoid."""

    def __call__(self, sample: Sample, predictions: Sequence[Prediction]) -> Prediction:
        """One of the predictions, with the tally of all."""
        vote = Weighted.__call__(self, sample, predictions)
        if vote.span is None and not vote.boxes:
            return vote
        heard = list(zip(predictions, units([self.weight(p) for p in predictions]), strict=True))
        voices = [p for p, _ in heard if (said(p) == said(vote) if vote.answer else p.span is not None or p.boxes)]

        def merit(voice: Prediction) -> tuple[float, int]:
            agreed = math.fsum(weight * overlap(voice, other) for other, weight in heard)
            return -agreed, number(voice)

        return replace(min(voices, key=merit), tally=vote.tally)


def overlap(one: Prediction, other: Prediction) -> float:
    """The IoU of their spans and that of their boxes, 0 for what either has not; 2 is all there is to agree on."""
    spans = one.span.iou(other.span) if one.span is not None and other.span is not None else 0.0
    return spans + overlap_boxes(one.boxes, other.boxes)


def overlap_boxes(one: Mapping[float, Box], other: Mapping[float, Box]) -> float:
    """The mean IoU over all seconds at which either has a box; 0 where one of the two has none.

    >>> overlap_boxes({1: Box(0, 0, 4, 4)}, {1: Box(0, 0, 4, 4), 2: Box(0, 0, 1, 1)})
    0.5
    """
    seconds = one.keys() | other.keys()
    shared = math.fsum(one[second].iou(other[second]) for second in one.keys() & other.keys())
    return shared / len(seconds) if seconds else 0.0


voter = Consensus()
