"""The vote of Open-o3-Video's published program, which knows letters alone.

What the rollouts of a letter weigh is added up, in floating point and in the order of the rollouts: three times 0.2 is
more than 0.6. The largest sum wins, and of equal sums the earliest letter: with no letter at all, or none that weighs
anything, the vote is A. So what cannot be read counts as an A. Where a sample has no options the program draws one
rollout and takes it; here the first speaks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from harness.contracts import Signal
from harness.records import Prediction, Sample

from .first import first
from .released import letters
from .weighted import Weighted

UNSAID = "the answer of no rollout"


@dataclass(frozen=True, slots=True)
class Letters:
    """A voter. A rollout weighs the value of its signal; 1 without a signal."""

    signal: Signal | None = None

    def __call__(self, sample: Sample, predictions: Sequence[Prediction]) -> Prediction:
        """The first rollout that gives the letter which weighs most; all letters are on the tally."""
        if not sample.options:
            return first(sample, predictions)
        weigh, tally = Weighted(self.signal).weight, dict.fromkeys(letters(sample), 0.0)
        heard = [p for p in sorted(predictions, key=lambda p: p.rollout or 0) if p.answer in tally]
        for prediction in heard:
            tally[prediction.answer or ""] += weigh(prediction)
        winner = max(tally, key=lambda letter: tally[letter])
        nobody = Prediction(answer=winner, problems=(UNSAID,))
        speaker = next((p for p in heard if p.answer == winner), nobody)
        return replace(speaker, tally={letter.lower(): weight for letter, weight in tally.items()})
