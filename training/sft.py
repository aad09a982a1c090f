"""Supervised fine-tuning on TRL: the first stage (arXiv 2510.20579, Sec. 3.3)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from . import guards, policy
from .examples import Examples, supervised
from .policy import Policy
from .recipe import Recipe


def config(recipe: Recipe, out: Path, seed: int) -> Any:
    """The trl.SFTConfig of the recipe; what it must say for frames that are built lazily is filled in."""
    from trl import SFTConfig

    told = {"max_length": None, "remove_unused_columns": False, "report_to": "none", "save_strategy": "steps"}
    return guards.settings(SFTConfig, {**told, **recipe.stage("sft").trl, "output_dir": str(out), "seed": seed})


def trainer(recipe: Recipe, model: Policy, examples: Examples, out: Path, seed: int) -> Any:
    """A trl.SFTTrainer on the rows; only completions are supervised."""
    from trl import SFTTrainer, get_peft_config, get_quantization_config

    weights, args = policy.weights(model, recipe), config(recipe, out, seed)
    args.model_init_kwargs = policy.loading(weights)
    return guards.by_token(guards.resumable(SFTTrainer))(
        model=model.path,
        args=args,
        train_dataset=supervised(examples),
        processing_class=policy.processor(model, examples.looks.image_pixels),
        quantization_config=get_quantization_config(weights),
        peft_config=get_peft_config(weights),
    )
