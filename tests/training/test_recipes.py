"""The recipes that ship: TRL takes them, and their figures are those of the paper and of its program."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.training import estimate, policy, recipe
from harness.training.rewards.rule import Rule
from harness.training.train import Asked, Plan

LARGE = [name for name in recipe.names() if not name.startswith("nano")]
FULL = [name for name in LARGE if "lora" not in name]

pytestmark = pytest.mark.skipif(importlib.util.find_spec("trl") is None, reason="trl is not installed")

PAPER = {
    "sft": {
        "num_train_epochs": 1,
        "per_device_train_batch_size": 1,
        "gradient_accumulation_steps": 1,
        "learning_rate": 1e-6,
        "lr_scheduler_type": "linear",
        "weight_decay": 0.0,
        "warmup_steps": 0,
        "max_grad_norm": 5.0,
        "save_steps": 500,
        "max_length": None,
    },
    "gspo": {
        "num_train_epochs": 1,
        "num_generations": 4,
        "max_completion_length": 768,
        "learning_rate": 1e-6,
        "lr_scheduler_type": "cosine",
        "weight_decay": 0.01,
        "max_grad_norm": 5.0,
        "temperature": 1.0,
        "importance_sampling_level": "sequence",
        "loss_type": "grpo",
    },
}
"""arXiv 2510.20579, A.1 (epochs, learning rates, G, frames), and the launch scripts of its program for the rest."""


def _args(name: str, stage: str, tmp_path: Path, *settings: str) -> Any:
    return estimate.arguments(_plan(name, stage, tmp_path, *settings))


def _plan(name: str, stage: str, tmp_path: Path, *settings: str) -> Plan:
    asked = Asked(stage=stage, recipe=name, settings=settings, out=tmp_path, model=recipe.load(name).model)
    return asked.plan()


def test_the_recipes_that_are_asked_for_are_there() -> None:
    assert {"open-o3-video-7b", "open-o3-video-7b-parity", "qwen3-vl-4b", "qwen3-vl-8b", "qwen2.5-vl-7b-lora"} <= {
        *LARGE
    }


@pytest.mark.parametrize("stage", recipe.STAGES)
@pytest.mark.parametrize("name", LARGE)
def test_trl_takes_every_recipe(name: str, stage: str, tmp_path: Path) -> None:
    plan = _plan(name, stage, tmp_path)
    args = estimate.arguments(plan)
    assert args.gradient_checkpointing
    assert plan.looks.frames.endswith(":16")
    assert policy.weights(plan.model, plan.recipe).attn_implementation == "sdpa"
    Rule(**plan.recipe.stage("gspo").rewards)


@pytest.mark.parametrize("stage", recipe.STAGES)
@pytest.mark.parametrize("name", FULL)
def test_full_training_has_the_figures_of_the_paper(name: str, stage: str, tmp_path: Path) -> None:
    args = _args(name, stage, tmp_path)
    assert {key: getattr(args, key) for key in PAPER[stage]} == PAPER[stage]


@pytest.mark.parametrize("name", FULL)
def test_an_update_is_of_eight_rows_on_eight_gpus(name: str, tmp_path: Path) -> None:
    made = recipe.load(name)
    assert (made.processes, made.launch) == (8, "zero3")
    assert estimate.steps(_args(name, "sft", tmp_path), 31_166, 8, rl=False).updates == 3_896
    done = estimate.steps(_args(name, "gspo", tmp_path), 37_231, 8, rl=True)
    assert done.rows == 8 * 4
    assert done.updates == pytest.approx(4_650, abs=5), "the program's run has about 4.65 thousand"


@pytest.mark.parametrize("name", LARGE)
def test_frames_and_images_have_the_tokens_of_the_paper(name: str) -> None:
    made = recipe.load(name)
    factor = 32 if made.family == "qwen3_vl" else 28
    assert made.looks["image_pixels"] == 256 * factor**2
    most = int(1.05 * 128 * factor**2) if "parity" in name else 128 * factor**2
    assert made.looks["max_pixels"] == most


def test_the_default_is_off_policy_and_parity_is_not(tmp_path: Path) -> None:
    off = _args("open-o3-video-7b", "gspo", tmp_path)
    assert (off.beta, off.epsilon, off.epsilon_high) == (0.0, 3e-4, 4e-4)
    assert off.steps_per_generation == 4 * off.gradient_accumulation_steps
    assert (off.use_vllm, off.top_p) == (True, 1.0)
    same = _args("open-o3-video-7b-parity", "gspo", tmp_path)
    assert (same.beta, same.epsilon, same.top_p, same.use_vllm) == (0.04, 0.2, 0.95, False)
    assert same.steps_per_generation == same.gradient_accumulation_steps
    assert not same.use_bias_correction_kl


ABLATIONS: dict[str, Callable[[Any], bool]] = {
    "rewards.adaptive=false": lambda p: not Rule(**p.recipe.stage("gspo").rewards).adaptive,
    "rewards.gate=null": lambda p: Rule(**p.recipe.stage("gspo").rewards).gate is None,
    "rewards.sigma=1": lambda p: Rule(**p.recipe.stage("gspo").rewards).sigma_at(0.5) == 1,
    "rewards.sigma=4": lambda p: Rule(**p.recipe.stage("gspo").rewards).sigma_at(0.5) == 4,
    "looks.evidence=false": lambda p: not p.looks.evidence,
    "looks.key_frames=false": lambda p: not p.looks.key_frames,
    "policy=grpo": lambda p: estimate.arguments(p).importance_sampling_level == "token",
    "rows=other.json": lambda p: p.rows.name == "other.json",
    "trl.max_steps=7": lambda p: estimate.arguments(p).max_steps == 7,
    "weights.use_peft=true": lambda p: policy.weights(p.model, p.recipe).use_peft,
    "weights.load_in_4bit=true": lambda p: policy.weights(p.model, p.recipe).load_in_4bit,
}


@pytest.mark.parametrize("setting", ABLATIONS)
def test_an_ablation_is_a_flag(setting: str, tmp_path: Path) -> None:
    assert ABLATIONS[setting](_plan("open-o3-video-7b", "gspo", tmp_path, setting))


def test_pure_rl_starts_from_the_base(tmp_path: Path) -> None:
    assert _plan("open-o3-video-7b", "gspo", tmp_path).model.path == "Qwen/Qwen2.5-VL-7B-Instruct"


def test_the_page_names_flags_that_are_tested() -> None:
    page = (Path(__file__).parents[2] / "docs/training.md").read_text(encoding="utf-8")
    for setting in ABLATIONS:
        assert setting.split("=")[0] in page, setting
    for name in LARGE:
        assert name in page
