"""Signals of evidence: how relevant what a rollout cites is to the question, as the same model sees it.

Each claim is put before the model as a crop, with the question and what it is said to show, and is graded 0, 1 or 2.
The signal is the mean over the claims of the rollout (arXiv 2510.20579, A.10). A claim counts when it says what, where
and when; one without a usable crop counts 0. A rollout without such claims has the signal 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from harness import metrics, prompt
from harness.records import Grade, Record, Request

from .evidence import Cited, cited

Ask = Callable[[Record, Cited], Request]
"""What the model is asked about a claim that has a crop."""


def digit(grade: Grade) -> float:
    """The grade that was given."""
    return float(grade.choice or 0)


def expectation(grade: Grade) -> float:
    """The mean of the grades under their log-probabilities; the grade that was given where the engine tells none.

    >>> expectation(Grade(request="", choice="2", logprobs={"0": -50.0, "1": math.log(0.25), "2": math.log(0.75)}))
    1.75
    """
    return metrics.expected(grade.logprobs) if grade.logprobs else digit(grade)


def look(record: Record, claim: Cited) -> Request:
    """The question about the crop of a claim."""
    if claim.crop is None:
        raise ValueError("only a claim with a crop can be looked at")
    return prompt.relevance(record.sample.question, claim.claim.label, claim.crop)


@dataclass(frozen=True, slots=True)
class Relevance:
    """The mean over the claims of a rollout of what `read` makes of the answers to `question`."""

    name: str
    read: Callable[[Grade], float]
    question: Ask = look
    most: float = 2.0
    """The largest value that there is."""

    def ask(self, record: Record, rollout: int) -> list[Request]:
        """A question for each claim that has a crop."""
        return [self.question(record, claim) for claim in cited(record, rollout) if claim.crop is not None]

    def value(self, record: Record, rollout: int, grades: Sequence[Grade]) -> float:
        """0..2; a claim without a crop, and a crop that could not be had or graded, counts 0."""
        count = len(cited(record, rollout))
        return math.fsum(self.read(grade) for grade in grades if grade.choice is not None) / count if count else 0.0


relevance = Relevance("relevance", digit)
expected = Relevance("expected", expectation)
