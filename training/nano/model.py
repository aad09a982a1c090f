"""Nano's shape: a Qwen2.5-VL of under two million parameters, made from nothing."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .words import NAMES, NUMBERS, THINGS, token

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedTokenizerFast

WIDTH, LAYERS, HEADS, INNER = 128, 4, 4, 320
SIGHT, SIGHT_LAYERS, SIGHT_HEADS, SIGHT_INNER = 96, 4, 2, 192
EMBEDDING = 0.1
"""Standard deviation of the first embeddings."""
SECTIONS = (4, 6, 6)
PATCH, MERGE = 14, 2
MAX_PIXELS = 112 * 112
FRAMES = "fps:1:16"


def make(tokenizer: PreTrainedTokenizerFast, seed: int) -> Any:
    """The model with fresh weights: layers add nothing yet; numbers are near each other, things near their words."""
    import torch
    from transformers import Qwen2_5_VLForConditionalGeneration

    torch.manual_seed(seed)
    model: Any = Qwen2_5_VLForConditionalGeneration(_config(tokenizer)).float()
    for name, weight in model.named_parameters():
        if weight.ndim >= 2:
            torch.nn.init.normal_(weight, std=EMBEDDING if "embed" in name else 1 / math.sqrt(weight[0].numel()))
        elif name.endswith("bias"):
            torch.nn.init.zeros_(weight)
    with torch.no_grad():
        table = model.get_input_embeddings().weight
        for layer in model.model.language_model.layers:
            layer.self_attn.o_proj.weight.zero_()
            layer.mlp.down_proj.weight.zero_()
        table[token(tokenizer, "0") :][:NUMBERS] += 2.5 * EMBEDDING * _waves(NUMBERS, WIDTH)
        for thing in THINGS:
            table[token(tokenizer, thing)] += 0.5 * sum(table[token(tokenizer, word)] for word in thing.split())
    model.tie_weights()
    return model


def load(folder: Path) -> Any:
    """A checkpoint's model, in float32."""
    from transformers import Qwen2_5_VLForConditionalGeneration

    return Qwen2_5_VLForConditionalGeneration.from_pretrained(str(folder)).float()


def load_tokenizer(folder: Path) -> PreTrainedTokenizerFast:
    """A checkpoint's tokenizer."""
    from transformers import PreTrainedTokenizerFast

    found: PreTrainedTokenizerFast = PreTrainedTokenizerFast.from_pretrained(str(folder))
    return found


def extend(model: Any, old: PreTrainedTokenizerFast, new: PreTrainedTokenizerFast) -> None:
    """Give the model the tokens that `new` has behind those of `old`, each as the mean of how it was written before."""
    import torch

    model.resize_token_embeddings(_rows(new), mean_resizing=False)
    with torch.no_grad():
        table = model.get_input_embeddings().weight
        for index in range(len(old), len(new)):
            table[index] = table[old.encode(new.decode([index]), add_special_tokens=False)].mean(0)


def save(model: Any, tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:
    """Write weights, tokenizer, processor configuration and the sampling that it was trained with."""
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(str(folder))
    tokenizer.save_pretrained(str(folder))
    processor = {
        "image_processor_type": "Qwen2VLImageProcessor",
        "processor_class": "Qwen2_5_VLProcessor",
        "patch_size": PATCH,
        "temporal_patch_size": 2,
        "merge_size": MERGE,
        "size": {"shortest_edge": 3136, "longest_edge": 1_000_000},
        "image_mean": MEAN,
        "image_std": STD,
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(processor, indent=2) + "\n")
    settings = {"frames": FRAMES, "max_pixels": MAX_PIXELS, "max_tokens": 320}
    (folder / "harness.json").write_text(json.dumps(settings, indent=2) + "\n")


MEAN = [0.48145466, 0.4578275, 0.40821073]
STD = [0.26862954, 0.26130258, 0.27577711]
"""Qwen2-VL's (CLIP's) normalisation of pixels."""


def _config(tokenizer: PreTrainedTokenizerFast) -> Any:
    from transformers import Qwen2_5_VLConfig

    ids = {name: token(tokenizer, f"<|{name}|>") for name in NAMES}
    text = {
        "vocab_size": _rows(tokenizer),
        "hidden_size": WIDTH,
        "intermediate_size": INNER,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "num_key_value_heads": HEADS,
        "max_position_embeddings": 8192,
        "rms_norm_eps": 1e-6,
        "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": list(SECTIONS)},
        "tie_word_embeddings": True,
        "use_sliding_window": False,
        "bos_token_id": None,
        "eos_token_id": ids["im_end"],
        "pad_token_id": ids["endoftext"],
    }
    vision = {
        "depth": SIGHT_LAYERS,
        "hidden_size": SIGHT,
        "intermediate_size": SIGHT_INNER,
        "num_heads": SIGHT_HEADS,
        "out_hidden_size": WIDTH,
        "patch_size": PATCH,
        "spatial_merge_size": MERGE,
        "temporal_patch_size": 2,
        "window_size": 112,
        "fullatt_block_indexes": list(range(SIGHT_LAYERS)),
    }
    return Qwen2_5_VLConfig(
        text_config=text,
        vision_config=vision,
        image_token_id=ids["image_pad"],
        video_token_id=ids["video_pad"],
        vision_start_token_id=ids["vision_start"],
        vision_end_token_id=ids["vision_end"],
        tie_word_embeddings=True,
        **{"eos_token_id": ids["im_end"], "pad_token_id": ids["endoftext"]},  # type: ignore[arg-type]
    )


def _rows(tokenizer: PreTrainedTokenizerFast) -> int:
    """Rows of the table of embeddings."""
    return math.ceil(len(tokenizer) / 32) * 32


def _waves(count: int, width: int) -> Tensor:
    """Sines and cosines of the numbers 0..count-1 at falling wavelengths, (count, width)."""
    import torch

    at = torch.arange(count)[:, None]
    rate = 2 * math.pi / torch.logspace(math.log10(4), math.log10(1024), width // 2)[None]
    return torch.cat([torch.sin(at * rate), torch.cos(at * rate)], dim=1)
