"""How a question went, in a word and a number: what the list of the page is filtered and sorted by."""

from __future__ import annotations

from harness import metrics
from harness.records import Prediction, Record

STATUSES = ("right", "partly", "wrong", "abstained", "unscored", "error")
ALIKE = 0.5
"""Overlap from which two spans, or the boxes of two answers, are taken to say the same."""


def score(record: Record) -> float | None:
    """The first metric of the sample that is scored, which is the main one of its kind of question."""
    values = record.score.values.values() if record.score else ()
    return next((value for value in values if value is not None), None)


def status(record: Record) -> str:
    """One of STATUSES; an abstention is told apart from what is wrong."""
    value = score(record)
    if record.error is not None:
        return "error"
    if record.vote is not None and record.vote.abstained:
        return "abstained"
    if value is None:
        return "unscored"
    return "right" if value >= 1 else "partly" if value > 0 else "wrong"


def alike(one: Prediction, other: Prediction) -> bool:
    """Whether two predictions say the same: the same answer, and spans and boxes that overlap well."""
    if (one.answer is None) != (other.answer is None) or (one.span is None) != (other.span is None):
        return False
    if one.answer is not None and other.answer is not None:
        return metrics.normalize(one.answer) == metrics.normalize(other.answer)
    if one.span is not None and other.span is not None:
        return one.span == other.span or one.span.iou(other.span) >= ALIKE
    seconds = one.boxes.keys() | other.boxes.keys()
    shared = one.boxes.keys() & other.boxes.keys()
    return not seconds or sum(one.boxes[t].iou(other.boxes[t]) for t in shared) / len(seconds) >= ALIKE


def dissent(record: Record) -> int:
    """How many rollouts say something else than the vote."""
    vote = record.vote
    return 0 if vote is None else sum(not alike(vote, prediction) for prediction in record.predictions)
