"""Tiny random models of both families, a little STGR of the synthetic world, and stages trained on them."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

os.environ.update(OMP_NUM_THREADS="1", TOKENIZERS_PARALLELISM="false")

LOOKS = {"frames": "uniform:2", "max_pixels": 12544, "image_pixels": 12544}
SFT = {
    "per_device_train_batch_size": 2,
    "learning_rate": 1e-3,
    "max_steps": 4,
    "save_steps": 2,
    "logging_steps": 1,
    "gradient_checkpointing": False,
    "disable_tqdm": True,
}
GSPO = {**SFT, "per_device_train_batch_size": 4, "num_generations": 4, "max_completion_length": 12}
LORA = {"dtype": "float32", "use_peft": True, "lora_r": 4}


def _config(family: str) -> Any:
    """A small model of that family for nano's tokenizer; its embeddings are not tied, as those of a 7B."""
    from transformers import Qwen2_5_VLConfig, Qwen3VLConfig

    text = {
        "vocab_size": 704,
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "head_dim": 32,
        "eos_token_id": 2,
        "pad_token_id": 0,
        "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [4, 6, 6]},
    }
    vision = {"depth": 2, "num_heads": 2, "hidden_size": 32, "intermediate_size": 64, "out_hidden_size": 64}
    tokens = {"image_token_id": 5, "video_token_id": 6, "vision_start_token_id": 3, "vision_end_token_id": 4}
    if family == "qwen2_5_vl":
        vision |= {"patch_size": 14, "window_size": 112, "fullatt_block_indexes": [1], "tokens_per_second": 2}
        return Qwen2_5_VLConfig(text_config=text, vision_config=vision, tie_word_embeddings=False, **tokens)
    vision |= {"patch_size": 16, "num_position_embeddings": 64, "deepstack_visual_indexes": [0]}
    return Qwen3VLConfig(text_config=text, vision_config=vision, tie_word_embeddings=False, **tokens)


def _build(folder: Path, family: str) -> Path:
    """Random weights with nano's tokenizer and a processor of the family."""
    import torch
    from transformers import AutoModelForImageTextToText

    from harness.model import CHECKPOINTS

    torch.manual_seed(0)
    model = AutoModelForImageTextToText.from_config(_config(family), dtype=torch.float32)
    model.generation_config.eos_token_id = 2
    model.save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        shutil.copyfile(CHECKPOINTS / "nano" / name, folder / name)
    told = json.loads((CHECKPOINTS / "nano" / "preprocessor_config.json").read_text())
    if family == "qwen3_vl":
        told |= {"processor_class": "Qwen3VLProcessor", "patch_size": 16}
    (folder / "preprocessor_config.json").write_text(json.dumps(told))
    return folder


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The random model of a family."""
    root = tmp_path_factory.mktemp("tiny")
    return cache(lambda family: _build(root / family, family))


@pytest.fixture(scope="session")
def stgr(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with both files; each has rows of all the tasks."""
    from harness.training import rows, world
    from harness.training.rows import TEMPORAL, TEMPORAL_CHOICE

    root = tmp_path_factory.mktemp("stgr")
    world.write(root, 2, 0)
    for name in (world.SFT, world.RL):
        found = rows.read(root / name)
        when = next(row for row in found if row.task == TEMPORAL)
        options = f"{when.question}\nA. early\nB. late"
        also = replace(when, id="choice", task=TEMPORAL_CHOICE, question=options, answer=f"B\n{when.answer}")
        rows.write([*found, also], root / name)
    return root


@dataclass(frozen=True)
class Stages:
    """Trains stages of a small recipe in a folder of its own."""

    root: Path
    data: Path
    tiny: Callable[[str], Path]

    def recipe(self, family: str = "qwen2_5_vl", weights: dict[str, Any] | None = None, **trl: Any) -> Path:
        """The file of a recipe with both stages, with these settings of TRL in both."""
        told = {
            "model": str(self.tiny(family)),
            "out": str(self.root / "out"),
            "data": str(self.data),
            "looks": LOOKS,
            "weights": weights or {"dtype": "float32"},
            "sft": {"rows": "STGR-SFT.json", "trl": SFT | trl},
            "gspo": {"rows": "STGR-RL.json", "model": str(self.tiny(family)), "trl": GSPO | trl},
        }
        path = self.root / "small.yaml"
        path.write_text(json.dumps(told))
        return path

    def train(self, stage: str, out: Path, recipe: Path, *settings: str) -> list[dict[str, Any]]:
        """Train a stage to its end; its log."""
        from rich.console import Console

        from harness.training import train

        asked = train.Asked(stage=stage, recipe=str(recipe), out=out, settings=settings)
        assert train.train(asked, Console(quiet=True)) == 0
        return self.log(out)

    @staticmethod
    def log(out: Path) -> list[dict[str, Any]]:
        """What was logged at each step."""
        history = json.loads((out / "trainer_state.json").read_text())["log_history"]
        return [each for each in history if "loss" in each]

    @staticmethod
    def weights(folder: Path, name: str = "model.safetensors") -> dict[str, Any]:
        """The tensors of a checkpoint."""
        from safetensors.torch import load_file

        return load_file(folder / name)


@pytest.fixture
def stages(tmp_path: Path, stgr: Path, tiny: Callable[[str], Path]) -> Stages:
    import torch

    torch.set_num_threads(1)
    return Stages(tmp_path, stgr, tiny)


@pytest.fixture
def lower_case(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reward that random models can earn: the share of lower-case letters, where a component applies."""
    from harness.training import gspo
    from harness.training.rewards import earn
    from harness.training.rewards.component import Component

    def toy(row: Any, text: str, *rest: Any) -> dict[str, Component]:
        share = sum(letter.islower() for letter in text) / max(1, len(text))
        return {name: replace(each, value=share) for name, each in earn(row, text, *rest).items()}

    monkeypatch.setattr(gspo, "earn", toy)
