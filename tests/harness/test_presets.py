"""Presets: what they set, what outranks them, and that run.json tells."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness.contracts import Preset
from harness.errors import UsageError
from harness.manifest import manifest
from harness.model import Model
from harness.plan import Plan, load, make
from harness.prompt import THINK, WORDS
from harness.records import View
from harness.reports.table import markdown
from harness.schema import validate
from harness.settings import Asked, Decoding, configure

NANO = Model(name="nano", path=Path("/nano"), family="qwen2_5_vl", frames="uniform:8", max_pixels=9999, max_tokens=300)
BOX = {"timestamp": 3, "frame_index": 75, "xmin": 1, "ymin": 2, "xmax": 30, "ymax": 40}
VSTAR = {
    "vid": "1", "domain": "Indoor", "fps": 25.0, "width": 640, "height": 360, "frame_count": 500, "question": "What?",
    "object": "cup", "answer": "A cup.", "temporal_question": "When?", "timestamps": [2.0, 5.0],
    "spatial_question": "Where?", "spatial_question_2": "Where?", "bboxes": [BOX],
}  # fmt: skip
VIDEOMME = {
    "videoID": "x", "duration": "short", "domain": "Knowledge", "sub_category": "Law", "question_id": "1-1",
    "task_type": "OCR Problems", "question": "Which?", "options": ["A. a", "B. b"], "answer": "B",
}  # fmt: skip


@pytest.fixture
def data(tmp_path: Path) -> Path:
    for name, row in (("vstar/V_STaR_test.json", VSTAR), ("videomme/videomme/test-00000-of-00001.json", VIDEOMME)):
        path = tmp_path / name
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps([row]))
    return tmp_path


def plans(data: Path, model: Model | None = None, tasks: str = "vstar,videomme", **asked: Any) -> list[Plan]:
    return make(Asked(tasks=tuple(tasks.split(",")), data=data, out=data / "run", **asked), model)


def test_released_sets_options_frames_pixels_and_decoding(data: Path) -> None:
    vstar, videomme = plans(data, preset="released")
    assert (vstar.task.prompt, vstar.task.parser) == ("released", "o3")  # type: ignore[attr-defined]
    assert (vstar.frames, vstar.max_pixels) == ("step:1:16", 16384 * 28 * 28)
    assert (videomme.frames, videomme.max_pixels) == ("smart:2:64", 512 * 512)
    assert vstar.decoding == Decoding(repetition_penalty=1.05, max_tokens=2048)
    assert videomme.decoding == Decoding(repetition_penalty=1.05, max_tokens=8192)


def test_paper_is_the_default_and_leaves_a_model_its_own(data: Path) -> None:
    ways: list[dict[str, Any]] = [{}, {"preset": "paper"}]
    for asked in ways:
        assert [p.frames for p in plans(data, **asked)] == ["uniform:16", "uniform:64"]
        assert {p.decoding for p in plans(data, **asked)} == {Decoding()}
        own = plans(data, NANO, **asked)
        assert {(p.frames, p.max_pixels, p.decoding.max_tokens) for p in own} == {("uniform:8", 9999, 300)}


def test_a_preset_outranks_the_model_and_a_flag_the_preset(data: Path) -> None:
    (plan,) = plans(data, NANO, "vstar", preset="released")
    assert (plan.frames, plan.max_pixels, plan.decoding.max_tokens) == ("step:1:16", 16384 * 28 * 28, 2048)
    flags: dict[str, Any] = {"frames": "uniform:4", "max_pixels": 5000, "max_tokens": 7, "repetition_penalty": 1.0}
    (plan,) = plans(data, NANO, "vstar", preset="released", prompt="direct", temperature=0.5, **flags)
    assert (plan.frames, plan.max_pixels) == ("uniform:4", 5000)
    assert plan.decoding == Decoding(max_tokens=7, temperature=0.5)
    assert (plan.task.prompt, plan.task.parser) == ("direct", "o3")  # type: ignore[attr-defined]
    options = {"vstar": {"prompt": "think", "parser": "official"}}
    (plan,) = plans(data, None, "vstar", preset="released", prompt="direct", options=options)
    assert (plan.task.prompt, plan.task.parser) == ("think", "official")  # type: ignore[attr-defined]


def test_an_unknown_preset_is_one_sentence(data: Path) -> None:
    with pytest.raises(UsageError, match="the task vstar has no preset 'papre'; there are: paper, released"):
        plans(data, preset="papre")


def test_run_json_and_the_report_tell_the_preset(data: Path) -> None:
    found = plans(data, preset="released")
    asked = Asked(tasks=("vstar", "videomme"), data=data, out=data / "run", preset="released")
    how = found[0].decoding
    told: dict[str, Any] = {"family": "qwen2_5_vl", "engine": "scripted", "decoder": "pyav", "voter": "first"}
    run = manifest(asked, found, model=None, places=(), decoding=how, **told)
    validate("run", run, "run.json")
    assert run["settings"]["preset"] == "released"
    assert run["settings"]["decoding"]["max_tokens"] == 2048
    first, second = run["settings"]["tasks"]
    assert "decoding" not in first and second["decoding"]["max_tokens"] == 8192
    counts = dict.fromkeys(("samples", "items", "evaluated", "errors", "unscored", "abstentions"), 0)
    counts |= dict.fromkeys(("rollouts", "truncated", "tokens"), 0)
    empty: dict[str, Any] = {"version": 1, "partial": False, "counts": counts, "evaluated": {}, "all": {}}
    scores = {"finished": True, "tasks": {p.task.name: {**empty, "reasons": {}, "errors": {}, "by": {}} for p in found}}
    text = markdown(run, scores)
    assert "- preset: released" in text and "max_tokens 2048" in text and "max_tokens 8192" in text
    assert Preset() == found[0].task.preset("paper")


@pytest.mark.parametrize("name", ["vstar", "videomme", "worldsense", "videommmu", "longvideo_reason", "tvgbench"])
def test_reasoning_in_words_differs_from_reasoning_with_evidence_by_its_sentence_alone(
    name: str, tmp_path: Path
) -> None:
    task = load(name)
    task.demo(tmp_path, 1, 0)
    shown = View(video="v", times=(0.0, 1.0), duration=2.0, width=64, height=64, size=(56, 56), family="qwen2_5_vl")
    for sample in task.samples(tmp_path):
        think, words = (
            str(configure(task, {"prompt": way}).request(sample, shown).parts[-1]) for way in ("think", "words")
        )
        assert THINK in think and "<obj>" not in words
        assert think.replace(THINK, WORDS) == words
