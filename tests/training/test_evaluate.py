"""Checkpoints are evaluated while training goes on, beside them, and the training is the same as without."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy
import pytest
import torch
import yaml
from rich.console import Console

import harness.cli
import harness.session
from harness.errors import DataError, UsageError
from harness.plan import load as task
from harness.settings import Asked
from harness.training import evaluate, recipe, wanted
from harness.training.policy import Policy

RECIPE = {
    "model": "nano",
    "world": 2,
    "looks": {"frames": "fps:1:16", "max_pixels": 12544, "image_pixels": 12544},
    "weights": {"dtype": "float32"},
    "max_tokens": 320,
    "sft": {
        "rows": "STGR-SFT.json",
        "trl": {
            "per_device_train_batch_size": 2,
            "max_steps": 3,
            "logging_steps": 1,
            "save_steps": 1,
            "learning_rate": 1e-3,
        },
    },
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recipe, two clips of V-STaR, and answers to its questions."""
    root = tmp_path_factory.mktemp("training")
    (root / "bench").mkdir()
    task("vstar").demo(root / "bench", 2, 0)
    texts = {"texts": ["<think>I look.</think><answer>From <t>0.0</t>s to <t>3.0</t>s</answer>"]}
    (root / "answers.jsonl").write_text(json.dumps({"default": True, **texts}))
    (root / "silence.jsonl").write_text(json.dumps({"match": "nothing like it", **texts}))
    told = {**RECIPE, "out": str(root / "checkpoints"), "data": str(root / "stgr")}
    told["evaluate"] = {"data": str(root / "bench"), "engine": "scripted", "answers": str(root / "answers.jsonl")}
    (root / "small.yaml").write_text(yaml.safe_dump(told))
    return root


def trained(place: Path, out: str, *flags: str) -> tuple[int, Path]:
    """The exit code of `harness train sft`, and its folder."""
    from harness.training.train import Asked as Training
    from harness.training.train import train

    told = dict(zip(flags[::2], flags[1::2], strict=True))
    asked = Training(
        stage="sft",
        recipe=str(place / "small.yaml"),
        out=place / out,
        eval_after=told.get("after"),
        eval_every=int(told["every"]) if "every" in told else None,
        settings=(f"evaluate.answers={told['answers']}",) if "answers" in told else (),
    )
    return train(asked, Console()), place / out


def history(folder: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((folder / "trainer_state.json").read_text())["log_history"]
    return found


@pytest.fixture(scope="module")
def plain(place: Path) -> Path:
    return trained(place, "plain")[1]


@pytest.fixture(scope="module")
def evaluated(place: Path) -> Path:
    code, folder = trained(place, "evaluated", "after", "vstar", "every", "2")
    assert code == 0
    return folder


def test_a_training_is_bit_identical_with_and_without_evaluation(plain: Path, evaluated: Path) -> None:
    one, other = ([(e["loss"], e["grad_norm"]) for e in history(f) if "loss" in e] for f in (plain, evaluated))
    assert len(one) == 3 and one == other
    assert (plain / "model.safetensors").read_bytes() == (evaluated / "model.safetensors").read_bytes()


def test_runs_lie_beside_and_their_scores_are_logged_once_a_step(evaluated: Path) -> None:
    assert sorted(p.name for p in (evaluated / "runs").iterdir() if p.is_dir()) == ["final", "step-000002"]
    logged = [entry for entry in history(evaluated) if "eval_vstar/mam" in entry]
    assert [entry["step"] for entry in logged] == [2, 3]
    scores = json.loads((evaluated / "runs/step-000002/scores.json").read_text())["tasks"]["vstar"]["evaluated"]
    assert 0 < logged[0]["eval_vstar/tiou_1"] == scores["tiou_1"] < 1
    kept = json.loads((evaluated / "checkpoint-2/trainer_state.json").read_text())["log_history"]
    assert kept[-1] == logged[0]


def test_each_run_is_of_its_checkpoint(evaluated: Path) -> None:
    runs = {f.name: json.loads((f / "run.json").read_text())["settings"] for f in (evaluated / "runs").glob("*/")}
    assert {name: run["model"]["name"] for name, run in runs.items()} == {
        "step-000002": "checkpoint-2",
        "final": "evaluated",
    }
    assert len({run["model"]["fingerprint"] for run in runs.values()}) == 2
    assert runs["step-000002"]["tasks"][0]["frames"] == "fps:1:16" and runs["final"]["decoding"]["max_tokens"] == 320


def test_a_finished_training_is_evaluated_later_and_a_failure_is_one_sentence(
    place: Path, plain: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (plain / "model.safetensors").read_bytes()
    code, _ = trained(place, "plain", "after", "vstar", "answers", str(place / "silence.jsonl"))
    said = capsys.readouterr().out
    assert code == 1 and "could not be evaluated: the engine failed" in said and "final.log" in said
    assert not [entry for entry in history(plain) if "eval_vstar/mam" in entry]
    (plain / "runs").rename(plain / "failed")
    assert trained(place, "plain", "after", "vstar")[0] == 0
    assert [entry["step"] for entry in history(plain) if "eval_vstar/mam" in entry] == [3]
    assert (plain / "model.safetensors").read_bytes() == before


def stand_in(folder: Path, asked: Asked, every: int = 2) -> tuple[evaluate.Evaluation, Any]:
    """An evaluation attached to what has of a trainer only what is asked of one, and the callback."""
    found = evaluate.Evaluation(
        asked=asked,
        start=Policy(path="nano", family="qwen2_5_vl"),
        folder=folder,
        complete=lambda _: None,
        console=Console(),
        every=every,
    )
    args = SimpleNamespace(save_strategy="steps", save_steps=2, output_dir=str(folder))
    calls: list[Any] = []
    found.attach(SimpleNamespace(args=args, add_callback=calls.append))
    return found, SimpleNamespace(call=calls[0], args=args)


def test_a_failure_ends_no_training_and_is_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A checkpoint in shards, which no engine loads, and one that went on from there."""
    (tmp_path / "checkpoint-2").mkdir()
    (tmp_path / "checkpoint-2" / "config.json").write_text('{"model_type": "qwen2_5_vl"}')
    asked = Asked(tasks=("vstar",), data=tmp_path, out=tmp_path, engine="scripted")
    found, made = stand_in(tmp_path, asked)
    made.call.on_train_begin(made.args, SimpleNamespace(global_step=2, log_history=[]), None)
    assert len(found.failures) == 1 and "has no weights" in found.failures[0]
    assert "training is not affected" in capsys.readouterr().out
    for state in ({"step": 3}, {"step": 4}, {"step": 2, "log": [{"step": 2, "eval_vstar/mam": 0.5}]}):
        found.failures.clear()
        history = state.get("log", [])
        made.call.on_save(made.args, SimpleNamespace(global_step=state["step"], log_history=history), None)
        assert not found.failures


@pytest.mark.parametrize(("strategy", "steps"), [("epoch", 2), ("no", 2), ("steps", 3)])
def test_checkpoints_must_be_saved_where_they_are_evaluated(tmp_path: Path, strategy: str, steps: int) -> None:
    found, _ = stand_in(tmp_path, Asked(tasks=("vstar",), data=tmp_path, out=tmp_path))
    args = SimpleNamespace(save_strategy=strategy, save_steps=steps)
    with pytest.raises(UsageError, match="--eval-every 2 needs a checkpoint.*trl.save_steps=2"):
        found.attach(SimpleNamespace(args=args))


def small(place: Path, **changes: Any) -> recipe.Recipe:
    known = recipe.load(str(place / "small.yaml"))
    return replace(known, evaluate={**known.evaluate, **changes})


@pytest.mark.parametrize(
    ("told", "flags", "said"),
    [
        ({}, {"every": 2}, "--eval-every needs --eval-after TASKS"),
        ({"tasks": "vstar"}, {"every": 0}, "--eval-every cannot be 0"),
        ({"tasks": "vstarr"}, {}, "no task named 'vstarr'; did you mean 'vstar'"),
        ({"tasks": "vstar", "data": "/none"}, {}, "there is no data folder /none"),
        ({"tasks": "vstar", "limit": "many"}, {}, "evaluate: Expected `int . null`, got `str`.*limit"),
        ({"tasks": "vstar", "model": "nano"}, {}, "evaluate has no 'model'"),
        ({"tasks": "vstar", "n": 8}, {}, "8 rollouts at temperature 0 would be copies"),
        ({"tasks": "vstar", "engine": "openai"}, {}, "--model|server"),
    ],
)
def test_mistakes_are_told_before_training(
    place: Path, told: Mapping[str, Any], flags: Mapping[str, Any], said: str
) -> None:
    given = {"tasks": None, "every": None, "data": None, "limit": None, **flags}
    owner = {"start": Policy(path=str(Path(harness.cli.__file__).parent / "checkpoints/nano"), family="qwen2_5_vl")}
    rest = {"folder": place, "complete": lambda _: None, "console": Console()}
    with pytest.raises((UsageError, DataError), match=said):
        evaluate.find(small(place, **told), **given, **owner, **rest)


def test_nothing_is_evaluated_unless_it_is_asked(place: Path) -> None:
    nothing: dict[str, Any] = {"tasks": None, "every": None, "data": None, "limit": None}
    assert evaluate.find(small(place), **nothing) is None


def test_the_command_says_what_was_asked(monkeypatch: pytest.MonkeyPatch, harness: Any) -> None:
    asked = Asked(
        tasks=("vstar", "star"),
        data=Path("d"),
        out=Path("o"),
        model="m",
        n=4,
        temperature=0.0,
        limit=3,
        options={"vstar": {"prompt": "direct"}},
        engine_options={"gpu_memory_utilization": 0.3, "mode": "a"},
        partial_videos=True,
        cache_gb=0.0,
        show="video",
    )
    seen: list[Asked] = []

    def session(asked: Asked, _: Console) -> int:
        seen.append(asked)
        return 0

    monkeypatch.setattr("harness.session.session", session)
    assert harness(*wanted.words(asked)).code == 0
    assert seen == [asked]


def test_merging_adapters_leaves_random_numbers_alone() -> None:
    def state() -> tuple[Any, ...]:
        return random.getstate(), str(numpy.random.get_state()), torch.get_rng_state().tolist()

    before = state()
    with evaluate._undisturbed():
        random.random(), numpy.random.rand(3), torch.rand(3)
        assert state() != before
    assert state() == before


def test_the_process_is_not_one_of_those_that_train(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RANK", "LOCAL_RANK", "WORLD_SIZE", "MASTER_ADDR", "ACCELERATE_USE_FSDP", "TORCHELASTIC_RUN_ID"):
        monkeypatch.setenv(name, "1")
    assert {*os.environ} - {*evaluate._environment()} >= {"RANK", "LOCAL_RANK", "WORLD_SIZE", "MASTER_ADDR"}
    assert not [name for name in evaluate._environment() if "RANK" in name or "ACCELERATE" in name]
    assert "PATH" in evaluate._environment()
