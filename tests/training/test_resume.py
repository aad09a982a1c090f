"""A training that was stopped half way ends with the same weights, to the last bit, as one that was not."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch

from harness.errors import UsageError
from harness.training import guards

CASES = [
    (stage, *kind)
    for stage, kind in itertools.product(
        ("sft", "gspo"), (("qwen2_5_vl", False), ("qwen2_5_vl", True), ("qwen3_vl", False))
    )
]


@pytest.mark.parametrize(("stage", "family", "adapters"), CASES)
def test_going_on_is_as_if_never_stopped(stages: Any, stage: str, family: str, adapters: bool) -> None:
    whole = stages.trained(stage, family, adapters)
    again = stages.stopped(whole)
    losses = stages.train(stage, again, stages.recipe(family, adapters))
    assert losses == [each["loss"] for each in stages.log(whole)]
    one, other = stages.weights(whole), stages.weights(again)
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_without_the_guard_nothing_is_loaded(stages: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """When this fails, transformers is mended, and guards.resumable can go."""
    whole = stages.trained("sft", "qwen2_5_vl", False)
    monkeypatch.setattr(guards, "resumable", lambda kind: kind)
    losses = stages.train("sft", stages.stopped(whole), stages.recipe("qwen2_5_vl"))
    before = [each["loss"] for each in stages.log(whole)]
    assert losses[:2] == before[:2]
    assert abs(losses[2] - before[2]) > 0.01


def test_a_checkpoint_inside_a_rollout_is_refused(stages: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = stages.recipe("qwen2_5_vl", steps_per_generation=4)
    with pytest.raises(UsageError, match="set trl.save_steps to a multiple of 4"):
        stages.train("gspo", stages.new(), recipe)
    monkeypatch.setattr(guards, "check_saving", lambda args: None)
    before = stages.train("gspo", whole := stages.new(), recipe)
    losses = stages.train("gspo", stages.stopped(whole), recipe)
    assert losses[:2] == before[:2]
    assert losses[2:] != before[2:]
