"""What a dry run says, against what TRL counts, what tensors take, and what the collator makes."""

from __future__ import annotations

import importlib.util
import json
import math
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness.model import CHECKPOINTS
from harness.training import estimate, examples, gspo, lengths, memory, recipe, rows, sft, shape, world
from harness.training.policy import Policy
from harness.training.train import Asked, Plan

pytestmark = [
    pytest.mark.skipif(importlib.util.find_spec("trl") is None, reason="trl is not installed"),
    pytest.mark.filterwarnings("ignore:TRL currently supports vLLM versions"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]

PUBLISHED = {
    "Qwen/Qwen2.5-VL-3B-Instruct": 3_754_622_976,
    "Qwen/Qwen2.5-VL-7B-Instruct": 8_292_166_656,
    "Qwen/Qwen3-VL-4B-Instruct": 4_437_815_808,
    "Qwen/Qwen3-VL-8B-Instruct": 8_767_123_696,
}
"""Parameters, as the pages of the models on the hub count them."""

NANO = Policy(path=str(CHECKPOINTS / "nano"), family="qwen2_5_vl")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("stgr")
    world.write(root, 3, 0)
    return root


def _plan(stage: str, data: Path, out: Path, *settings: str) -> Plan:
    asked = Asked(stage=stage, recipe="nano", settings=settings, model="nano", data=data, out=out)
    return asked.plan()


@pytest.mark.parametrize("name", PUBLISHED)
def test_parameters_are_those_that_were_published(name: str) -> None:
    family = "qwen3_vl" if "Qwen3" in name else "qwen2_5_vl"
    made = shape.read(Policy(path=name, family=family), recipe.load("open-o3-video-7b"))
    assert made.parameters == PUBLISHED[name]


def test_a_folder_is_counted_as_its_weights_are() -> None:
    from safetensors import safe_open

    with safe_open(str(CHECKPOINTS / "nano" / "model.safetensors"), "pt") as file:
        stored = sum(math.prod(file.get_slice(name).get_shape()) for name in file.keys())  # noqa: SIM118
    assert shape.read(NANO, recipe.load("nano")).parameters == stored


@pytest.mark.parametrize("rows_there", [7, 64, 100, 1001])
@pytest.mark.parametrize("processes", [1, 2, 8])
@pytest.mark.parametrize(
    ("each", "gathered", "together", "group", "again"), [(4, 1, 4, 4, 1), (1, 4, 16, 8, 1), (2, 2, 2, 2, 3)]
)
def test_steps_are_those_of_trl_and_accelerate(
    rows_there: int, processes: int, each: int, gathered: int, together: int, group: int, again: int
) -> None:
    from accelerate.data_loader import BatchSamplerShard
    from torch.utils.data import BatchSampler
    from trl.trainer.utils import RepeatSampler

    whole = each * processes * together
    if whole % group:
        pytest.skip("TRL refuses it")
    args = SimpleNamespace(
        per_device_train_batch_size=each,
        gradient_accumulation_steps=gathered,
        steps_per_generation=together,
        generation_batch_size=whole,
        num_generations=group,
        num_iterations=again,
        num_train_epochs=2,
        max_steps=-1,
    )
    for rl in (False, True):
        sampler: Any = range(rows_there)
        if rl:
            sampler = RepeatSampler(range(rows_there), group, whole // group, again * together)
        batches = BatchSampler(sampler, each * together if rl else each, False)
        shard = len(BatchSamplerShard(batches, processes, 0))
        expected = math.ceil(2 * max(1, math.ceil(shard / gathered)))
        assert estimate.steps(args, rows_there, processes, rl).updates == expected


@pytest.mark.parametrize("stage", recipe.STAGES)
def test_steps_and_tokens_are_those_of_the_trainer(stage: str, data: Path, tmp_path: Path) -> None:
    small = ("trl.per_device_train_batch_size=4", "trl.max_steps=-1", "trl.num_train_epochs=3")
    plan = _plan(stage, data, tmp_path / "out", *small)
    known = rows.read(plan.rows)
    with closing(examples.Examples(known, data, plan.looks)) as shown:
        make = sft.trainer if stage == "sft" else gspo.trainer
        trainer = make(plan.recipe, plan.model, shown, plan.out, 0)
        told = trainer.set_initial_training_values(trainer.args, trainer.get_train_dataloader())
        args = estimate.arguments(plan)
        assert estimate.steps(args, len(known), 1, stage == "gspo").updates == told[-1]
        for index in (0, 5, 9) if stage == "sft" else ():
            batch = trainer.data_collator([trainer.train_dataset[index]])
            seen = lengths.length(known[index], shown.view(index), plan.looks, lengths.tokens_of(plan.model))
            assert batch["input_ids"].shape[1] == seen.prompt + seen.completion
            assert int((batch["labels"] != -100).sum()) == seen.completion
            assert len(batch["pixel_values"]) == seen.patches


@pytest.mark.parametrize(("dtype", "number"), [("float32", 4), ("bfloat16", 2)])
def test_weights_gradients_and_optimizer_take_what_is_said(dtype: str, number: int) -> None:
    import torch
    from transformers import AutoModelForImageTextToText

    model = AutoModelForImageTextToText.from_pretrained(NANO.path, dtype=dtype)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-6)
    for each in model.parameters():
        each.grad = torch.ones_like(each)
    optimizer.step()
    held = [value for state in optimizer.state.values() for value in state.values() if value.dim()]
    made = shape.read(NANO, recipe.load("nano"))
    found = memory.need(
        made, memory.Work(sequences=1, tokens=1, patches=0), memory.Setup(way="ddp", gpus=1, number=number)
    )
    measured = [sum(each.nbytes for each in kind) for kind in (model.parameters(), held)]
    assert [found.weights, found.optimizer] == measured
    assert found.gradients == sum(each.grad.nbytes for each in model.parameters() if each.grad is not None)


TEXT = {
    "hidden_size": 128,
    "intermediate_size": 320,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "vocab_size": 64,
    "bos_token_id": 0,
    "eos_token_id": 0,
    "rope_parameters": {"rope_type": "default", "rope_theta": 1e4, "mrope_section": [4, 6, 6]},
}
EYES = {"depth": 6, "hidden_size": 64, "intermediate_size": 96, "num_heads": 2, "out_hidden_size": 128}
TOKENS = {"image_token_id": 5, "video_token_id": 6, "vision_start_token_id": 3, "vision_end_token_id": 4}


@pytest.mark.parametrize("checkpointing", [False, True])
@pytest.mark.parametrize("family", ["qwen2_5_vl", "qwen3_vl"])
def test_activations_are_those_that_the_backward_pass_keeps(family: str, checkpointing: bool) -> None:
    import torch
    from transformers import AutoConfig, AutoModelForImageTextToText

    special: Any = {"fullatt_block_indexes": [0]} if family == "qwen2_5_vl" else {"deepstack_visual_indexes": []}
    text = TEXT if family == "qwen2_5_vl" else {**TEXT, "head_dim": 32}
    config = AutoConfig.for_model(family, text_config=text, vision_config={**EYES, **special}, **TOKENS)
    model = AutoModelForImageTextToText.from_config(config, dtype=torch.bfloat16).train()
    if checkpointing:
        model.gradient_checkpointing_enable({"use_reentrant": False})
    patches, ids = 160, torch.full((1, 300), 10)
    ids[0, 1], ids[0, 2:42] = 3, 5
    own = {each.untyped_storage().data_ptr() for each in model.parameters()}
    kept: dict[int, Any] = {}

    def pack(tensor: Any) -> Any:
        kept[tensor.untyped_storage().data_ptr()] = tensor
        return tensor

    pixels = torch.randn(patches, 6 * config.vision_config.patch_size**2)
    grid = torch.tensor([[1, 8, 20]])
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda each: each), torch.autocast("cpu", torch.bfloat16):
        model.base_model(
            input_ids=ids, pixel_values=pixels, image_grid_thw=grid, mm_token_type_ids=(ids == 5).int(), use_cache=False
        )
    measured = sum(each.untyped_storage().nbytes() for address, each in kept.items() if address not in own)
    work = memory.Work(sequences=1, tokens=300, patches=patches)
    sizes = shape.Shape(
        parameters=0, linear=0, adapters=0, text=shape._text(config.text_config), eyes=shape._eyes(config), cached=0
    )
    said = memory._activations(sizes, work, memory.Setup(way="ddp", gpus=1, checkpointing=checkpointing))
    if checkpointing:
        said -= 2 * (300 * sizes.text.layer + patches * sizes.eyes.layer)
    outside = pixels.nbytes + 300 * 128 * 20 + patches * 64 * 10
    assert said <= measured <= said + outside


@pytest.mark.parametrize(
    ("way", "expected"), [("ddp", 16.0), ("zero1", 5.5), ("zero2", 3.75), ("zero3", 2.0), ("fsdp", 2.0)]
)
def test_a_trained_number_takes_what_the_paper_of_zero_says(way: str, expected: float) -> None:
    """Bytes on each of eight GPUs: arXiv 1910.02054, figure 1 with K = 12 and N = 8."""
    numbers = memory._trained(1, memory.Setup(way=way, gpus=1 if way == "ddp" else 8, number=4))
    assert sum(numbers) == expected


def test_steps_of_1e_6_are_lost_to_bfloat16_below_what_is_said() -> None:
    import torch

    generator = torch.Generator().manual_seed(0)
    weights = torch.nn.Parameter((0.02 * torch.randn(20_000, generator=generator)).bfloat16())
    before = weights.detach().clone()
    optimizer = torch.optim.AdamW([weights], lr=1e-6, weight_decay=0.0)
    for _ in range(20):
        weights.grad = torch.ones_like(weights)
        optimizer.step()
    moved = weights.detach() != before
    assert float(before[moved].abs().max()) <= 1e-6 / 2**-9 * 1.01
    assert float(moved.float().mean()) < 0.03


def test_the_command_says_so_and_leaves_nothing(harness: Any, data: Path, tmp_path: Path) -> None:
    words = ("train", "sft", "--recipe", "nano", "--model", "nano", "--data", data, "--out", tmp_path / "out")
    said = harness(*words, "--set", "trl.per_device_train_batch_size=16", "--dry-run")
    assert said.code == 0, said.err
    assert "steps: 1 updates of 16 rows" in said.out
    assert "1,529,440 parameters" in said.out
    assert "fits: about" in said.out
    assert not (tmp_path / "out").exists()


def test_what_does_not_fit_is_said_with_what_would(harness: Any, tmp_path: Path) -> None:
    row = {"id": 1, "source": "timerft", "task": rows.TEMPORAL, "video_path": "a.mp4", "question": "When?"}
    (tmp_path / "STGR-RL.json").write_text(json.dumps([{**row, "answer": "[1.0, 2.0]"}] * 40))
    words = ("train", "gspo", "--recipe", "open-o3-video-7b", "--data", tmp_path, "--dry-run")
    alone = harness(*words, "--set", "processes=1", "--set", "launch=null")
    assert "DOES NOT FIT: needs about" in alone.out
    assert "--launch zero3 --processes 8" in alone.out
    assert "LOST UPDATES" in alone.out
    assert "40 of 40 have no media here yet" in alone.out
    together = harness(*words)
    assert "fits: about" in together.out and "LOST" not in together.out
