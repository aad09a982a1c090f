"""Each guard holds, and without it there is the trap."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from harness.errors import UsageError
from harness.training import gspo, guards, recipe

IMAGE, VIDEO = 5, 6
"""Ids of nano's tokenizer."""


class StandIn:
    """In the place of trl's VLLMGeneration: it keeps what it was given, and says image tokens unless that is barred."""

    made: StandIn

    def __init__(self, **told: Any) -> None:
        self.told, self.prompts, self.images = told, [], []  # type: ignore[var-annotated]
        StandIn.made = self

    def sync_weights(self) -> None:
        pass

    def generate(self, prompts: Any, images: Any, num_generations: int, profiler: Any) -> Any:
        self.prompts += prompts
        self.images += images
        biased = (self.told["generation_kwargs"] or {}).get("logit_bias", {})
        said = [[100 + i, 101 if IMAGE in biased else IMAGE, 2] for i in range(len(prompts))]
        return prompts, said, [[[-6.5]] * 3 for _ in said], None


@pytest.fixture
def vllm(monkeypatch: pytest.MonkeyPatch, stages: Any) -> Any:
    """A stage whose rollouts come from the stand-in."""
    gspo.kind(False)
    monkeypatch.setattr("trl.trainer.grpo_trainer.VLLMGeneration", StandIn)
    monkeypatch.setattr("trl.trainer.grpo_trainer.is_vllm_available", lambda *_, **__: True, raising=False)
    return stages.recipe(use_vllm=True, max_steps=2)


def test_vllm_gets_one_placeholder_an_image(stages: Any, vllm: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    stages.train("gspo", stages.new(), vllm)
    told = StandIn.made
    assert len(told.prompts) == 8
    counts = [len(images) for images in told.images]
    assert [ids.count(IMAGE) for ids in told.prompts] == counts and sum(counts) >= 8
    assert told.told["generation_kwargs"]["logit_bias"] == {IMAGE: -100, VIDEO: -100}
    monkeypatch.setattr(guards, "collapsing", lambda kind: kind)
    stages.train("gspo", stages.new(), vllm)
    now = StandIn.made.prompts
    assert all(ids.count(IMAGE) > count for ids, count in zip(now, counts, strict=True)), "TRL #6294 is mended"
    assert told.prompts == [guards.collapse(ids, IMAGE) for ids in now]


def test_accumulated_batches_are_one_large_batch(stages: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    halves = stages.recipe(per_device_train_batch_size=1, gradient_accumulation_steps=2)
    whole = [each["loss"] for each in stages.log(stages.trained("sft", "qwen2_5_vl", False))]
    assert stages.train("sft", stages.new(), halves) == pytest.approx(whole, abs=2e-5)
    monkeypatch.setattr(guards, "by_token", lambda kind: kind)
    assert stages.train("sft", stages.new(), halves) != pytest.approx(whole, abs=1e-3)


def test_the_nucleus_and_the_correction_of_vllm_do_not_mix() -> None:
    told = {"use_vllm": True, "top_p": 0.95, "vllm_importance_sampling_correction": True}
    with pytest.raises(UsageError, match="set trl.top_p=1.0 or"):
        guards.check_sampling(SimpleNamespace(**told))
    for harmless in ({"use_vllm": False}, {"top_p": 1.0}, {"vllm_importance_sampling_correction": False}):
        guards.check_sampling(SimpleNamespace(**(told | harmless)))


def test_an_image_token_in_a_response_of_vllm_ends_training(
    stages: Any, vllm: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    stages.train("gspo", stages.new(), vllm)
    monkeypatch.setattr(guards, "unseen", lambda *_: None)
    with pytest.raises(ValueError, match="Image features and image tokens do not match"):
        stages.train("gspo", stages.new(), vllm)


def test_transformers_samples_no_image_token(stages: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """When this fails, guards.unseen must bar them there too."""
    made: Any = gspo.kind(False)
    said: list[list[int]] = []

    class Fond(made):  # type: ignore[misc]
        """A policy that would say nothing but image tokens."""

        def __init__(self, *args: Any, **named: Any) -> None:
            super().__init__(*args, **named)
            wish = 100 * torch.nn.functional.one_hot(torch.tensor(IMAGE), 704)
            self.model.lm_head.register_forward_hook(lambda _, __, logits: logits + wish)

        def _generate_single_turn(self, *args: Any, **named: Any) -> Any:
            found = super()._generate_single_turn(*args, **named)
            said.extend(found[0])
            return found

    monkeypatch.setattr(gspo, "kind", lambda _: Fond)
    stages.train("gspo", stages.new(), stages.recipe(max_steps=2))
    assert len(said) == 8 and not {IMAGE, VIDEO} & {token for ids in said for token in ids}


def ratios(stages: Any, monkeypatch: pytest.MonkeyPatch, *settings: str) -> list[torch.Tensor]:
    """The importance ratio of each sequence at each update, taken from outside the loss (equation 8)."""
    made: Any = gspo.kind(False)
    seen: list[torch.Tensor] = []

    class Watched(made):  # type: ignore[misc]
        def _get_per_token_logps_and_entropies(self, *args: Any, **named: Any) -> Any:
            found = super()._get_per_token_logps_and_entropies(*args, **named)
            self.latest = found[0].detach()
            return found

        def _compute_loss(self, model: Any, inputs: Any) -> Any:
            loss = super()._compute_loss(model, inputs)
            old, mask = inputs.get("old_per_token_logps"), inputs["completion_mask"]
            change = self.latest - (self.latest if old is None else old)
            seen.append(torch.exp((change * mask).sum(1) / mask.sum(1)))
            return loss

    with monkeypatch.context() as patch:
        patch.setattr(gspo, "kind", lambda _: Watched)
        stages.train("gspo", stages.new(), stages.recipe(), *settings)
    return seen


@pytest.mark.parametrize("policy", ["off-policy", "grpo"])
def test_updates_after_the_first_of_a_rollout_are_off_policy(
    stages: Any, monkeypatch: pytest.MonkeyPatch, policy: str
) -> None:
    first, second, third, fourth = ratios(stages, monkeypatch, f"policy={policy}")
    assert torch.allclose(first, torch.ones(4), atol=1e-6) and torch.allclose(third, torch.ones(4), atol=1e-6)
    assert (second - 1).abs().max() > 4e-4 and (fourth - 1).abs().max() > 4e-4


def test_parity_has_a_ratio_of_one(stages: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = ("policy=parity", "trl.steps_per_generation=null", "trl.per_device_train_batch_size=1")
    seen = ratios(stages, monkeypatch, *settings, "trl.max_steps=2")
    assert len(seen) == 8 and all(torch.equal(each, torch.ones(1)) for each in seen)


def test_parity_is_what_the_released_program_sets(stages: Any, tmp_path: Path) -> None:
    made = recipe.load(str(stages.recipe())).with_stage("gspo", policy="parity", trl={})
    args = gspo.config(made, tmp_path, 0)
    assert (args.beta, args.epsilon, args.use_bias_correction_kl) == (0.04, 0.2, False)
    assert (args.importance_sampling_level, args.loss_type, args.scale_rewards) == ("sequence", "grpo", "group")
    assert (args.temperature, args.top_p, args.num_generations) == (1.0, 0.95, 4)
    assert args.steps_per_generation == args.gradient_accumulation_steps == 4
    assert args.generation_batch_size == 4, "one question a process and update"


def test_off_policy_is_what_the_paper_of_gspo_sets(stages: Any, tmp_path: Path) -> None:
    made = recipe.load(str(stages.recipe())).with_stage("gspo", trl={})
    args = gspo.config(made, tmp_path, 0)
    assert (args.epsilon, args.epsilon_high, args.beta, args.steps_per_generation) == (3e-4, 4e-4, 0.0, 4)
    assert args.gradient_accumulation_steps == 1, "as many updates a rollout as steps_per_generation"


def launched(tmp_path: Path, processes: int) -> dict[str, str]:
    """The environment that accelerate launch gives to what it starts on a CPU."""
    from accelerate.commands.launch import _validate_launch_command, launch_command_parser
    from accelerate.utils.launch import prepare_simple_launcher_cmd_env

    file = tmp_path / "cpu.yaml"
    kind = "MULTI_CPU" if processes > 1 else "'NO'"
    told = ("compute_environment: LOCAL_MACHINE", f"distributed_type: {kind}", f"num_processes: {processes}")
    file.write_text("\n".join((*told, "use_cpu: true", "num_machines: 1", "machine_rank: 0")))
    args = launch_command_parser().parse_args(["--config_file", str(file), "train.py"])
    words, environment = prepare_simple_launcher_cmd_env(_validate_launch_command(args)[0])
    assert words[-1] == "train.py" and "torchrun" not in " ".join(words), "it starts more than one now"
    return dict(environment)


def test_accelerate_launch_that_started_one_process_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="use harness train ... --processes N"):
        guards.check_launcher(launched(tmp_path, 2))
    guards.check_launcher(launched(tmp_path, 1))
    guards.check_launcher({**launched(tmp_path, 2), "LOCAL_RANK": "0"})
    guards.check_launcher({})
