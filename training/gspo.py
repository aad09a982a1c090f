"""Reinforcement learning on TRL: GSPO, the second stage (arXiv 2510.20579, Sec. 3.3; GSPO: arXiv 2507.18071)."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from harness.errors import UsageError

from . import guards, policy
from .examples import Examples, prompts
from .policy import Policy
from .recipe import POLICIES, Recipe
from .rewards import NAMES, Component, earn
from .rewards.rule import Rule


def config(recipe: Recipe, out: Path, seed: int) -> Any:
    """The trl.GRPOConfig of the recipe: its policy's settings, then its own; guarded."""
    from trl import GRPOConfig

    stage = recipe.stage("gspo")
    if stage.policy not in POLICIES:
        raise UsageError(f"there is no policy {stage.policy!r}; there are: {', '.join(POLICIES)}")
    told = {"remove_unused_columns": False, "report_to": "none", "save_strategy": "steps", "temperature": 1.0}
    told |= {**POLICIES[stage.policy], **stage.trl, "output_dir": str(out), "seed": seed}
    args = guards.settings(GRPOConfig, told)
    guards.check_sampling(args)
    guards.check_saving(args)
    return args


def trainer(recipe: Recipe, model: Policy, examples: Examples, out: Path, seed: int) -> Any:
    """A trl.GRPOTrainer whose rewards are those of the recipe, one function a component."""
    from trl import get_peft_config, get_quantization_config

    weights, args = policy.weights(model, recipe), config(recipe, out, seed)
    args.model_init_kwargs = policy.loading(weights)
    processor = policy.processor(model, examples.looks.image_pixels)
    guards.unseen(args, (processor.image_token_id, processor.video_token_id))
    rule = Rule(**{**recipe.stage("gspo").rewards, "evidence": examples.looks.evidence})
    return kind(args.use_vllm)(
        model=model.path,
        args=args,
        reward_funcs=functions(examples, rule),
        train_dataset=prompts(examples),
        processing_class=processor,
        quantization_config=get_quantization_config(weights),
        peft_config=get_peft_config(weights),
    )


def kind(use_vllm: bool) -> Any:
    """The trainer class, guarded. What TRL says of the vLLM that is installed matters only where it is used."""
    with warnings.catch_warnings():
        if not use_vllm:
            warnings.filterwarnings("ignore", "TRL currently supports vLLM", UserWarning)
        from trl import GRPOTrainer
    return guards.collapsing(guards.resumable(GRPOTrainer))


def functions(examples: Examples, rule: Rule) -> list[Callable[..., list[float | None]]]:
    """A reward function for each component, as TRL calls them; None where a component does not apply to a row.

    A batch is read once: the components share what was earned.
    """
    last: dict[str, Any] = {"key": None, "earned": []}

    def earned(completions: Sequence[Any], index: Sequence[int], progress: float) -> list[dict[str, Component]]:
        texts = [each[0]["content"] for each in completions]
        key = (tuple(texts), tuple(index), progress)
        if last["key"] != key:
            pairs = zip(texts, index, strict=True)
            made = [earn(examples.rows[row], text, examples.view(row), progress, rule) for text, row in pairs]
            last.update(key=key, earned=made)
        found: list[dict[str, Component]] = last["earned"]
        return found

    def function(name: str) -> Callable[..., list[float | None]]:
        def reward(
            completions: Sequence[Any], index: Sequence[int], trainer_state: Any, log_metric: Any, **_: Any
        ) -> list[float | None]:
            progress = min(1.0, trainer_state.global_step / max(1, trainer_state.max_steps))
            log_metric("sigma", rule.sigma_at(progress))
            found = [each[name] for each in earned(completions, index, progress)]
            return [each.value if each.applies else None for each in found]

        reward.__name__ = name
        return reward

    return [function(name) for name in NAMES[rule.preset]]
