"""The vote by likelihood: a rollout weighs exp(mean log-probability of its tokens), by its own decoding.

That is its likelihood, normalised for its length: the geometric mean of the chances of its tokens, 0..1. Nothing is
asked: the log-probabilities are those that the engine gave with the rollouts.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from harness.errors import UsageError
from harness.records import Grade, Record, Request

from .weighted import Weighted


@dataclass(frozen=True, slots=True)
class Likelihood:
    """The signal."""

    name: str = "logprob"
    most: float = 1.0
    """The largest value that there is."""

    def ask(self, record: Record, rollout: int) -> list[Request]:
        """Nothing."""
        return []

    def value(self, record: Record, rollout: int, grades: Sequence[Grade]) -> float:
        """0..1; UsageError when the engine gave no log-probability."""
        response = record.responses[rollout]
        if response.logprob is None:
            raise UsageError(
                f"rollout {response.rollout} of {record.sample.id} has no log-probability, as its engine gives none; "
                "leave out the voter and the signal logprob"
            )
        return math.exp(min(0.0, response.logprob) / max(1, response.tokens))


likelihood = Likelihood()
voter = Weighted(likelihood)
