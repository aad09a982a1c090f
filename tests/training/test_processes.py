"""Several processes train as one would, and what starts them."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.errors import UsageError
from harness.training import launch, recipe

ROOT = Path(__file__).parents[2]


def run(*words: object) -> subprocess.CompletedProcess[str]:
    """`harness train ...` as it is typed."""
    environment = {name: value for name, value in os.environ.items() if name not in ("RANK", "WORLD_SIZE")}
    command = [sys.executable, "-m", "harness", "train", *map(str, words)]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=900)


@pytest.mark.slow
def test_two_processes_are_one_with_twice_the_batch(stages: Any) -> None:
    two, path = stages.new(), stages.recipe(per_device_train_batch_size=1, save_steps=4)
    said = run("sft", "--recipe", path, "--out", two, "--processes", 2)
    assert said.returncode == 0, said.stderr
    assert "hashed" not in said.stderr and "Warning" not in said.stderr
    one = stages.train("sft", stages.new(), stages.recipe(per_device_train_batch_size=2, save_steps=4))
    assert [each["loss"] for each in stages.log(two)] == pytest.approx(one, abs=2e-5)
    assert (two / "model.safetensors").is_file() and (two / "checkpoint-4" / "rng_state_1.pth").is_file()
    refused = run("sft", "--recipe", path, "--out", two, "--processes", 3)
    assert refused.returncode == 2 and "holds a training with another recipe" in refused.stderr


@pytest.mark.slow
def test_two_processes_share_a_group_of_rollouts(stages: Any) -> None:
    out, path = stages.new(), stages.recipe(per_device_train_batch_size=2, max_steps=2)
    said = run("gspo", "--recipe", path, "--out", out, "--processes", 2)
    assert said.returncode == 0, said.stderr
    assert "Warning" not in said.stderr
    first, _ = stages.log(out)
    assert first["sigma"] == 4.0 and "rewards/r_fmt/mean" in first and (out / "model.safetensors").is_file()


@pytest.fixture
def small(stages: Any) -> recipe.Recipe:
    return recipe.load(str(stages.recipe()))


def test_the_command_of_torch(small: recipe.Recipe) -> None:
    found = launch.command(replace(small, processes=2), ["train", "sft"], 0)
    assert found[1:] == ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2", "-m", "harness",
                         "train", "sft"]  # fmt: skip


@pytest.mark.parametrize("name", ["zero1", "fsdp1", "fsdp2", "multi_gpu"])
def test_the_command_of_accelerate(small: recipe.Recipe, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    have = launch.importlib.util.find_spec
    monkeypatch.setattr(launch.importlib.util, "find_spec", lambda what: have("trl" if what == "deepspeed" else what))
    found = launch.command(replace(small, processes=8, launch=name), ["train", "sft"], 8)
    assert found[2:4] == ["accelerate.commands.launch", "--config_file"]
    assert Path(found[4]).is_file() and Path(found[4]).stem == name
    assert found[5:] == ["--num_processes", "8", "-m", "harness", "train", "sft"]


def test_what_cannot_be_launched_is_refused(small: recipe.Recipe, tmp_path: Path) -> None:
    def ask(name: str | None, gpus: int, processes: int = 2) -> None:
        launch.command(replace(small, processes=processes, launch=name), [], gpus)

    with pytest.raises(UsageError, match="needs a GPU; on a CPU give --processes N alone"):
        ask("fsdp2", 0)
    with pytest.raises(UsageError, match="4 processes want a GPU each, and there are 2"):
        ask(None, 2, 4)
    with pytest.raises(UsageError, match="is no file; give one of accelerate config, or one of: fsdp1, fsdp2"):
        ask("zero9", 2)
    (tmp_path / "cpu.yaml").write_text("distributed_type: MULTI_CPU\nnum_processes: 2\n")
    with pytest.raises(UsageError, match="on a CPU give --processes N alone"):
        ask(str(tmp_path / "cpu.yaml"), 2)
    if launch.importlib.util.find_spec("deepspeed") is None:
        with pytest.raises(UsageError, match="needs deepspeed, which is not installed"):
            ask("zero2", 2)


def test_a_process_that_was_started_starts_no_others(small: recipe.Recipe) -> None:
    assert launch.is_wanted(replace(small, processes=2), {})
    assert launch.is_wanted(replace(small, launch="fsdp2"), {})
    assert not launch.is_wanted(replace(small, processes=2), {"RANK": "0"})
    assert not launch.is_wanted(small, {})
