"""Guards against what TRL, transformers and vLLM do silently wrong on the way of a grounded video model.

Each is measured, and goes when its cause is mended; docs/training.md has the list.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import fields
from itertools import groupby
from typing import Any

from harness.errors import UsageError, nearest


def settings(kind: Any, told: dict[str, Any]) -> Any:
    """The configuration of TRL with these settings, on the CPU where there is no GPU, with bars in a terminal only;
    UsageError for a setting that it has not or will not take.

    Every row has frames, so every weight has a gradient in every process: none need be looked for.
    """
    import torch

    gpu = torch.cuda.is_available()
    usual = {"use_cpu": not gpu, "bf16": gpu, "disable_tqdm": not sys.stderr.isatty()}
    told = {**usual, "ddp_find_unused_parameters": False, **told}
    known = {each.name for each in fields(kind) if each.init}
    for name in told:
        if name not in known:
            there = f"look it up with: trl {kind.__name__.removesuffix('Config').lower()} --help"
            raise UsageError(f"trl.{kind.__name__} has no setting {name!r}; {nearest(name, known)}{there}")
    try:
        return kind(**told)
    except (ValueError, TypeError) as error:
        raise UsageError(f"trl.{kind.__name__} refuses the recipe: {' '.join(str(error).split())}") from error


def resumable(kind: Any) -> Any:
    """The trainer class, with the weights of a checkpoint loaded when training goes on.

    transformers 5.19 loads nothing for Qwen2.5-VL, whose keys in a checkpoint differ from those in memory, and only
    warns (transformers #43701, #48805).
    """

    class Resumable(kind):  # type: ignore[misc]
        def _load_from_checkpoint(self, checkpoint: str, model: Any = None) -> None:
            known = model or self.model
            sharded = self.is_fsdp_enabled or self.is_deepspeed_enabled
            if (
                sharded
                or getattr(known.config, "model_type", "") not in ("qwen2_5_vl", "qwen2_vl")
                or hasattr(known, "peft_config")
            ):
                super()._load_from_checkpoint(checkpoint, model)
                return
            source = type(known).from_pretrained(checkpoint, dtype=known.dtype)
            known.load_state_dict(source.state_dict())

    Resumable.__name__ = kind.__name__
    return Resumable


def by_token(kind: Any) -> Any:
    """The SFT trainer class, whose loss is the mean over the tokens of an update, over processes and batches.

    transformers 5.19 counts the tokens of an update only for models that say so, which those of Qwen2.5-VL do not,
    though TRL would divide by them: the loss then is a mean of means, and a short answer weighs more among two batches
    of one than in one batch of two.
    """

    class ByToken(kind):  # type: ignore[misc]
        def __init__(self, *args: Any, **named: Any) -> None:
            super().__init__(*args, **named)
            self.model_accepts_loss_kwargs = True

    ByToken.__name__ = kind.__name__
    return ByToken


def check_sampling(args: Any) -> None:
    """Refuse nucleus sampling with vLLM's importance-sampling correction.

    The probabilities that vLLM gives are of the nucleus, those of the trainer are not: the gradient shrinks by about
    top_p for each token (TRL #6789).
    """
    if args.use_vllm and args.top_p < 1 and args.vllm_importance_sampling_correction:
        raise UsageError(
            f"top_p {args.top_p:g} with vLLM's importance-sampling correction shrinks the gradient to nothing; "
            "set trl.top_p=1.0 or trl.vllm_importance_sampling_correction=false"
        )


def check_saving(args: Any) -> None:
    """Refuse checkpoints between the updates of a rollout: TRL does not keep it, so a resumed training would go on with
    another one, and from then on with other rows."""
    if args.save_strategy != "steps" or args.save_steps < 1:
        return
    batches = args.steps_per_generation * args.num_iterations
    updates = -(-batches // args.gradient_accumulation_steps)
    if args.save_steps * args.gradient_accumulation_steps % batches:
        raise UsageError(
            f"a checkpoint every {args.save_steps:g} steps falls between the {updates} updates of a rollout, and "
            f"training could not go on from it as it was; set trl.save_steps to a multiple of {updates}"
        )


def check_launcher(environment: Mapping[str, str]) -> None:
    """Refuse `accelerate launch` for several processes on a CPU: it starts one, says nothing, and leaves that one the
    address of the others (accelerate 1.15)."""
    launched = "ACCELERATE_MIXED_PRECISION" in environment and "MASTER_PORT" in environment
    if launched and not {"LOCAL_RANK", "RANK", "PMI_RANK", "OMPI_COMM_WORLD_RANK"} & set(environment):
        raise UsageError(
            "accelerate launch was asked for several processes but has started one, as it does on a CPU; "
            "use harness train ... --processes N"
        )


def unseen(args: Any, tokens: Sequence[int]) -> None:
    """Keep vLLM from sampling these tokens, the placeholders of images and videos: one of them in a response counts as
    an image that is not there, and the update fails. transformers does not sample them."""
    if args.use_vllm:
        known = dict(args.generation_kwargs or {})
        args.generation_kwargs = {**known, "logit_bias": dict.fromkeys(tokens, -100.0) | known.get("logit_bias", {})}


def collapsing(kind: Any) -> Any:
    """The GRPO trainer class, which gives a colocated vLLM one placeholder an image, as vLLM expects it.

    TRL 1.16 gives it the prompt of the processor, where there is one for each token of an image already, together with
    the images: vLLM expands them again, and the rollouts are of another prompt (TRL #6294).
    """

    class Collapsing(kind):  # type: ignore[misc]
        def _generate_single_turn(self, prompt_ids: Any, images: Any, *rest: Any, **named: Any) -> Any:
            if self.use_vllm and self.vllm_mode == "colocate" and images is not None:
                prompt_ids = [collapse(ids, self._image_pad_token_id) for ids in prompt_ids]
            return super()._generate_single_turn(prompt_ids, images, *rest, **named)

    Collapsing.__name__ = kind.__name__
    return Collapsing


def collapse(ids: Sequence[int], token: int) -> list[int]:
    """The ids with each run of a token as one of it; images are never next to each other.

    >>> collapse([1, 5, 5, 5, 2, 2, 5, 5], 5)
    [1, 5, 2, 2, 5]
    """
    runs = ((each, list(run)) for each, run in groupby(ids))
    return [one for each, run in runs for one in (run[:1] if each == token else run)]
