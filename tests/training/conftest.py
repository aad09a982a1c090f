"""Tiny random models of both families, a little STGR of the synthetic world, and stages trained on them."""

from __future__ import annotations

import json
import os
import shutil
import zlib
from collections.abc import Callable
from dataclasses import replace
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
}
GSPO = {
    **SFT,
    "per_device_train_batch_size": 4,
    "num_generations": 4,
    "steps_per_generation": 2,
    "max_completion_length": 8,
}
LORA = {"use_peft": True, "lora_r": 4}
ELSEWHERE = (
    "ignore:`torch.jit.script_method` is deprecated:DeprecationWarning",
    "ignore:TRL currently supports vLLM:UserWarning",
)
"""Warnings of packages that are imported by TRL whether they are used or not."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "stages" in getattr(item, "fixturenames", ()):
            for rule in ELSEWHERE:
                item.add_marker(pytest.mark.filterwarnings(rule))


def _config(family: str) -> Any:
    """A small model of that family for nano's tokenizer; its embeddings are not tied, as those of a 7B."""
    from transformers import Qwen2_5_VLConfig, Qwen3VLConfig

    text: dict[str, Any] = {
        "vocab_size": 704,
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "head_dim": 32,
        "bos_token_id": None,
        "eos_token_id": 2,
        "pad_token_id": 0,
        "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [4, 6, 6]},
    }
    vision: dict[str, Any] = {"depth": 2, "num_heads": 2, "hidden_size": 32, "intermediate_size": 64}
    vision["out_hidden_size"] = text["hidden_size"]
    tokens: dict[str, Any] = {"image_token_id": 5, "video_token_id": 6}
    tokens |= {"vision_start_token_id": 3, "vision_end_token_id": 4}
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


def lower_case(row: Any, text: str, *rest: Any) -> dict[str, Any]:
    """A reward that random models can earn: the share of lower-case letters, where a component applies."""
    from harness.training.rewards import earn

    share = sum(letter.islower() for letter in text) / max(1, len(text))
    return {name: replace(each, value=share) for name, each in earn(row, text, *rest).items()}


class Stages:
    """Trains stages of small recipes."""

    def __init__(self, root: Path, data: Path, tiny: Callable[[str], Path]) -> None:
        self.root, self.data, self.tiny = root, data, tiny
        self._trained: dict[tuple[str, str, bool], Path] = {}

    def new(self) -> Path:
        """A folder that is not there yet."""
        return self.root / f"out-{len([*self.root.glob('out-*')])}"

    def recipe(self, family: str = "qwen2_5_vl", adapters: bool = False, **trl: Any) -> Path:
        """The file of a recipe of both stages, with these settings of TRL in both; the same for the same."""
        model = str(self.tiny(family))
        told = {
            "model": model,
            "out": str(self.root / "out"),
            "data": str(self.data),
            "looks": LOOKS,
            "weights": {"dtype": "float32", **(LORA if adapters else {})},
            "sft": {"rows": "STGR-SFT.json", "trl": SFT | trl},
            "gspo": {"rows": "STGR-RL.json", "model": model, "trl": GSPO | trl},
        }
        text = json.dumps(told)
        path = self.root / f"small-{zlib.crc32(text.encode()):08x}.yaml"
        path.write_text(text)
        return path

    def train(self, stage: str, out: Path, recipe: Path, *settings: str) -> list[float]:
        """Train a stage to its end; the loss of each step."""
        from rich.console import Console

        from harness.training import gspo, train

        asked = train.Asked(stage=stage, recipe=str(recipe), out=out, settings=settings)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(gspo, "earn", lower_case)
            assert train.train(asked, Console(quiet=True)) == 0
        return [each["loss"] for each in self.log(out)]

    def trained(self, stage: str, family: str, adapters: bool) -> Path:
        """The folder of a stage that was trained without a stop; do not change it."""
        key = stage, family, adapters
        if key not in self._trained:
            self.train(stage, out := self.new(), self.recipe(family, adapters))
            self._trained[key] = out
        return self._trained[key]

    def stopped(self, finished: Path) -> Path:
        """A copy of a folder as it was after checkpoint-2."""
        out = self.new()
        shutil.copytree(finished / "checkpoint-2", out / "checkpoint-2")
        told = json.loads((finished / "training.json").read_text())
        del told["finished"]
        (out / "training.json").write_text(json.dumps(told))
        return out

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


@pytest.fixture(scope="session")
def stages(tmp_path_factory: pytest.TempPathFactory, stgr: Path, tiny: Callable[[str], Path]) -> Stages:
    import torch

    torch.set_num_threads(1)
    return Stages(tmp_path_factory.mktemp("stages"), stgr, tiny)
