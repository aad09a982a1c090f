"""The vote that is none: the first rollout speaks."""

from __future__ import annotations

from collections.abc import Sequence

from harness.records import Prediction, Sample


def first(sample: Sample, predictions: Sequence[Prediction]) -> Prediction:
    """The prediction of the rollout with the lowest index; an abstention where there is none."""
    return min(predictions, key=lambda p: p.rollout or 0, default=Prediction(problems=("no rollouts",)))


voter = first
