"""Guards against what TRL, transformers and vLLM do silently wrong on the way of a grounded video model.

Each is measured, and goes when its cause is mended; docs/training.md has the list.
"""

from __future__ import annotations

import difflib
from dataclasses import fields
from typing import Any

from harness.errors import UsageError


def settings(kind: Any, told: dict[str, Any]) -> Any:
    """The configuration of TRL with these settings, on the CPU where there is no GPU; UsageError for one that it has not
    or will not take."""
    import torch

    told = {"use_cpu": not torch.cuda.is_available(), "bf16": torch.cuda.is_available(), **told}
    known = {each.name for each in fields(kind) if each.init}
    for name in told:
        if name not in known:
            close = difflib.get_close_matches(name, known, 1)
            hint = f"; did you mean {close[0]}?" if close else ""
            raise UsageError(f"trl.{kind.__name__} has no setting {name!r}{hint}")
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
