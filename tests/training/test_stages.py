"""Both stages train both families, with full weights and with adapters, and leave what the harness evaluates."""

from __future__ import annotations

import itertools
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from rich.console import Console

from harness import plugins
from harness.errors import UsageError
from harness.model import resolve
from harness.store import read_records
from harness.training import recipe, sft, train
from harness.training.examples import Examples
from harness.training.rewards import NAMES
from harness.training.rows import TASKS, read

CASES = [*itertools.product(("sft", "gspo"), ("qwen2_5_vl", "qwen3_vl"), (False, True))]


@pytest.mark.parametrize(("stage", "family", "adapters"), CASES)
def test_weights_change_where_they_are_trained(stages: Any, stage: str, family: str, adapters: bool) -> None:
    out = stages.trained(stage, family, adapters)
    assert len(stages.log(out)) == 4
    assert all(math.isfinite(each["loss"]) for each in stages.log(out))
    assert any(each["grad_norm"] > 0 for each in stages.log(out)), "all of an update may be clipped"
    before, after = stages.weights(stages.tiny(family)), stages.weights(out)
    assert before.keys() == after.keys()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    if not adapters:
        assert any("visual" in name for name in changed) and any("q_proj" in name for name in changed)
    else:
        assert all(part in "".join(changed) for part in ("q_proj", "v_proj", "down_proj"))
        assert not [name for name in changed if "visual" in name or "embed" in name or "lm_head" in name]
        assert all("language_model" in name for name in stages.weights(out, "adapter/adapter_model.safetensors"))
    assert resolve(out).family == family


@pytest.mark.parametrize("family", ["qwen2_5_vl", "qwen3_vl"])
def test_merged_weights_say_what_the_adapters_said(stages: Any, family: str) -> None:
    from peft import PeftModel
    from transformers import AutoModelForImageTextToText as Auto

    out, ids = stages.trained("sft", family, True), torch.arange(7, 60)[None]
    base = Auto.from_pretrained(stages.tiny(family), dtype=torch.float32)
    bare = base(input_ids=ids).logits
    with_adapters = PeftModel.from_pretrained(base, str(out / "adapter"))(input_ids=ids).logits
    merged = Auto.from_pretrained(out, dtype=torch.float32)(input_ids=ids).logits
    assert torch.allclose(merged, with_adapters, atol=1e-5)
    assert not torch.allclose(merged, bare, atol=1e-3)


def test_every_component_and_sigma_are_logged(stages: Any) -> None:
    first, second, third, _ = stages.log(stages.trained("gspo", "qwen2_5_vl", False))
    assert {f"rewards/{name}/mean" for name in NAMES["paper"]} <= first.keys()
    assert "sigma" not in second, "rewards are given once a rollout"
    assert (first["sigma"], third["sigma"]) == (4.0, 2.0)


def test_completions_are_supervised_and_nothing_else(stages: Any) -> None:
    path = stages.recipe(per_device_train_batch_size=11)
    plan = train.Asked(stage="sft", recipe=str(path), out=stages.new()).plan()
    rows = read(plan.rows)
    assert {row.task for row in rows} == set(TASKS)
    examples = Examples(rows, Path(plan.recipe.data), plan.looks)
    trainer = sft.trainer(plan.recipe, plan.model, examples, plan.out, 0)
    batch = next(iter(trainer.get_train_dataloader()))
    examples.close()
    told = []
    for ids, labels in zip(batch["input_ids"], batch["labels"], strict=True):
        supervised = (labels != -100).nonzero().flatten()
        assert torch.equal(ids[supervised], labels[supervised])
        assert supervised[-1] - supervised[0] + 1 == len(supervised), "one piece"
        text = trainer.processing_class.tokenizer.decode(ids[supervised])
        assert text.startswith("<think>") and text.endswith("</answer><|im_end|>\n")
        assert text.count("<|im_end|>") == 1
        told.append(text)
    assert len({*told}) == len(rows)


def test_bfloat16_and_gradient_checkpointing(stages: Any) -> None:
    path = stages.recipe(gradient_checkpointing=True, bf16=True, max_steps=1)
    out = stages.new()
    (loss,) = stages.train("sft", out, path, "weights.dtype=bfloat16")
    assert math.isfinite(loss)
    assert {tensor.dtype for tensor in stages.weights(out).values()} == {torch.bfloat16}


def test_a_finished_folder_is_left_alone(stages: Any) -> None:
    out, path = stages.trained("sft", "qwen2_5_vl", False), stages.recipe("qwen2_5_vl")
    before = {file: file.stat().st_mtime_ns for file in out.rglob("*")}
    console = Console(record=True, width=500, quiet=False, file=(stages.root / "said").open("w"))
    assert train.train(train.Asked(stage="sft", recipe=str(path), out=out), console) == 0
    console.file.close()
    assert "is finished; give another --out" in console.export_text()
    other = train.Asked(stage="sft", recipe=str(path), out=out, settings=("trl.learning_rate=1e-6",))
    with pytest.raises(UsageError, match="holds a training with another recipe; give another --out"):
        train.train(other, console)
    assert before == {file: file.stat().st_mtime_ns for file in out.rglob("*")}


@pytest.mark.parametrize(("family", "adapters"), [("qwen2_5_vl", False), ("qwen3_vl", True)])
def test_what_was_trained_is_evaluated(stages: Any, harness: Any, tmp_path: Path, family: str, adapters: bool) -> None:
    data, out = tmp_path / "data", tmp_path / "run"
    data.mkdir()
    plugins.load("harness.tasks", "shapes").demo(data, 1, 0)
    model = stages.trained("gspo", family, adapters)
    words = ("--tasks", "shapes", "--data", data, "--out", out, "--engine", "transformers", "--limit", 1)
    said = harness("run", "--model", model, *words, "--max-tokens", 8)
    assert said.code == 0, said.err
    records = [*read_records(out)]
    assert records and all(record.error is None and record.score for record in records)


def test_settings_that_trl_has_not_are_refused(stages: Any) -> None:
    made = recipe.load(str(stages.recipe(learning_rat=1.0)))
    with pytest.raises(UsageError, match="has no setting 'learning_rat'; did you mean 'learning_rate'"):
        sft.config(made, stages.new(), 0)
