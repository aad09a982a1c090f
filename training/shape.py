"""What a model is made of, without its weights: it is built on torch's meta device, where tensors have no bytes.

Parameters are therefore counted and not computed. Activations are a formula, in bytes a token and layer for bfloat16,
of what the layers of transformers 5.19 keep for the backward pass (h width, i inner width, q and k widths of queries
and keys; attention by sdpa or flash-attention, which keep no scores):

    language model   16 h + 4 q + 4 k + 8 i        two RMSNorms in float32, attention, a gated MLP
                     + 6 (q + k)                   where queries and keys are normalised (Qwen3-VL)
    vision, 2.5      30 h + 8 i                    a token being a patch, four of which the language model sees as one
    vision, 3        22 h + 4 i                    LayerNorms, an MLP without a gate

With gradient checkpointing a layer keeps its input, 2 h, and one layer at a time is there in full, with its gradients.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness.errors import DataError, UsageError

from . import policy
from .policy import Policy
from .recipe import Recipe

_EYES_25 = {"depth": 32, "hidden_size": 1280, "intermediate_size": 3420, "num_heads": 16}

PUBLISHED: Mapping[str, Mapping[str, Any]] = {
    "Qwen/Qwen2.5-VL-3B-Instruct": {
        "model_type": "qwen2_5_vl",
        "tie_word_embeddings": True,
        "text_config": {
            "hidden_size": 2048,
            "intermediate_size": 11008,
            "num_hidden_layers": 36,
            "num_attention_heads": 16,
            "num_key_value_heads": 2,
            "vocab_size": 151936,
        },
        "vision_config": {**_EYES_25, "out_hidden_size": 2048},
    },
    "Qwen/Qwen2.5-VL-7B-Instruct": {
        "model_type": "qwen2_5_vl",
        "tie_word_embeddings": False,
        "text_config": {
            "hidden_size": 3584,
            "intermediate_size": 18944,
            "num_hidden_layers": 28,
            "num_attention_heads": 28,
            "num_key_value_heads": 4,
            "vocab_size": 152064,
        },
        "vision_config": {**_EYES_25, "out_hidden_size": 3584},
    },
    "Qwen/Qwen3-VL-4B-Instruct": {
        "model_type": "qwen3_vl",
        "tie_word_embeddings": True,
        "text_config": {
            "hidden_size": 2560,
            "intermediate_size": 9728,
            "num_hidden_layers": 36,
            "num_attention_heads": 32,
            "num_key_value_heads": 8,
            "head_dim": 128,
            "vocab_size": 151936,
        },
        "vision_config": {
            "depth": 24,
            "hidden_size": 1024,
            "intermediate_size": 4096,
            "num_heads": 16,
            "out_hidden_size": 2560,
            "deepstack_visual_indexes": [5, 11, 17],
        },
    },
    "Qwen/Qwen3-VL-8B-Instruct": {
        "model_type": "qwen3_vl",
        "tie_word_embeddings": False,
        "text_config": {
            "hidden_size": 4096,
            "intermediate_size": 12288,
            "num_hidden_layers": 36,
            "num_attention_heads": 32,
            "num_key_value_heads": 8,
            "head_dim": 128,
            "vocab_size": 151936,
        },
        "vision_config": {
            "depth": 27,
            "hidden_size": 1152,
            "intermediate_size": 4304,
            "num_heads": 16,
            "out_hidden_size": 4096,
            "deepstack_visual_indexes": [8, 16, 24],
        },
    },
}
"""What config.json says of the models that the recipes name, as far as it differs from the defaults of transformers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tower:
    """A stack of like layers."""

    layers: int
    width: int
    layer: int
    """Bytes that a layer keeps of a token for the backward pass, in bfloat16."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What a model is made of. Counts are of numbers, not of bytes."""

    parameters: int
    linear: int
    """Those of the linear layers but for the last: what quantisation makes smaller."""
    adapters: int
    """What the recipe's adapters would add, or those that TRL adds where it says nothing of them."""
    text: Tower
    eyes: Tower
    cached: int
    """Numbers that the keys and values of a token take."""


def read(model: Policy, recipe: Recipe) -> Shape:
    """The shape of a model; UsageError where its configuration is not at hand."""
    import torch
    from peft import get_peft_model
    from transformers import AutoModelForImageTextToText
    from trl import get_peft_config

    config = configuration(model.path)
    with torch.device("meta"):
        made = AutoModelForImageTextToText.from_config(config)
    made.tie_weights()
    head = made.get_output_embeddings().weight
    linear = {
        id(module.weight): module.weight.numel()
        for module in made.modules()
        if isinstance(module, torch.nn.Linear) and module.weight is not head
    }
    parameters = sum(each.numel() for each in made.parameters())
    told: Any = get_peft_config(policy.weights(model, _with_adapters(recipe)))
    adapted = get_peft_model(made, told, low_cpu_mem_usage=True)
    return Shape(
        parameters=parameters,
        linear=sum(linear.values()),
        adapters=sum(each.numel() for each in adapted.parameters() if each.requires_grad),
        text=_text(config.get_text_config()),
        eyes=_eyes(config),
        cached=_cached(config.get_text_config()),
    )


def configuration(name: str) -> Any:
    """The configuration of a folder, of a model in PUBLISHED, or of one that was downloaded before."""
    from transformers import AutoConfig

    if name in PUBLISHED:
        told = dict(PUBLISHED[name])
        return AutoConfig.for_model(told.pop("model_type"), **told)
    try:
        return AutoConfig.from_pretrained(name, local_files_only=True)
    except (OSError, ValueError) as error:
        if Path(name).is_dir():
            raise DataError(f"{name}/config.json does not tell the shape of the model: {error}") from error
        raise UsageError(
            f"nothing is known here of {name!r}; download it first (hf download {name}), or give --model FOLDER"
        ) from error


def _with_adapters(recipe: Recipe) -> Recipe:
    return replace(recipe, weights={**recipe.weights, "use_peft": True, "load_in_4bit": False, "load_in_8bit": False})


def _widths(config: Any) -> tuple[int, int]:
    """Of the queries and of the keys."""
    head = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    return head * config.num_attention_heads, head * config.num_key_value_heads


def _cached(config: Any) -> int:
    return 2 * int(config.num_hidden_layers) * _widths(config)[1]


def _text(config: Any) -> Tower:
    queries, keys = _widths(config)
    layer = 16 * config.hidden_size + 4 * (queries + keys) + 8 * config.intermediate_size
    if config.model_type.startswith("qwen3"):
        layer += 6 * (queries + keys)
    return Tower(layers=config.num_hidden_layers, width=config.hidden_size, layer=layer)


def _eyes(config: Any) -> Tower:
    eyes = config.vision_config
    width = getattr(eyes, "embed_dim", None) or eyes.hidden_size
    inner = getattr(eyes, "intermediate_size", None) or int(width * eyes.mlp_ratio)
    gated = config.model_type == "qwen2_5_vl"
    return Tower(layers=eyes.depth, width=width, layer=(30 * width + 8 * inner) if gated else (22 * width + 4 * inner))
