"""Evidence votes in `harness run`: scripted models, questions that fail, and the model that ships."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness import run as loop
from harness.engines import Settings
from harness.engines.transformers import Transformers
from harness.frames import Frames
from harness.grading import weigh
from harness.model import resolve
from harness.plan import load
from harness.records import Evidence, Prediction, Record, Request, Response, Sample, View
from harness.scaling import confidence, controls, relevance
from harness.schema import validate
from harness.settings import Decoding
from harness.shapes import clip, questions, render
from harness.store import read_records

Command = Callable[..., Any]

CLAIM = "<think>The <obj>{}</obj><box>[10,10,60,60]</box>at<t>1.0</t>s.</think><answer>{}</answer>"
ROLLOUTS = [CLAIM.format("fog", "A")] * 2 + [CLAIM.format("dog", "B"), "<answer>A</answer>"]
GRADES = [
    {"match": "show: dog", "choice_logprobs": {"0": -3.0, "1": -2.0, "2": -0.2}},
    {"match": "show: fog", "texts": ["0"]},
]


def of(video: str) -> Sample:
    return Sample(id="q", item="q", kind="what", video=video, question="?")


@pytest.fixture
def scripted(harness: Command, data: Path, tmp_path: Path) -> Command:
    """`harness run` of videomme with scripted answers, four rollouts a sample."""

    def command(*answers: Any, words: tuple[object, ...] = ("--voter", "confidence")) -> Any:
        file = tmp_path / "answers.jsonl"
        file.write_text("".join(json.dumps(line) + "\n" for line in (*answers, {"default": True, "texts": ROLLOUTS})))
        start = ["run", "--tasks", "videomme", "--data", data, "--engine", "scripted", "--answers", file, "-n", 4]
        return harness(*start, "--temperature", 1, "--cache-gb", 0, "--out", tmp_path / "run", *words)

    return command


def test_relevant_evidence_outvotes_the_many(scripted: Command, tmp_path: Path) -> None:
    said = scripted(*GRADES)
    assert said.code == 0
    for record in read_records(tmp_path / "run"):
        assert record.vote is not None and record.vote.answer == "B" and record.vote.tally == {"b": 2.0}
        assert [p.signals for p in record.predictions] == [{"relevance": v} for v in (0.0, 0.0, 2.0, 0.0)]
        assert {g.choice for g in record.grades} == {"0", "2"} and len(record.grades) == 2
    scores = json.loads((tmp_path / "run/scores.json").read_text())
    validate("scores", scores, "scores.json")
    counts = scores["tasks"]["videomme"]["counts"]
    tokens = sum(len(text.split()) for text in ROLLOUTS)
    assert counts["tokens"] == tokens * counts["samples"] and counts["grades"] == 2 * counts["samples"]
    assert f"{counts['grades']} grades, 0 prompt tokens" in said.out


def test_without_any_evidence_all_weigh_the_same(scripted: Command, tmp_path: Path) -> None:
    scripted({"match": "show: ", "texts": ["0"]})
    assert {r.vote.tally["a"] for r in read_records(tmp_path / "run") if r.vote and r.vote.tally} == {3.0}


def test_a_question_that_fails_is_the_error_of_its_sample(scripted: Command, data: Path, tmp_path: Path) -> None:
    first = next(iter(load("videomme").samples(data / "videomme"))).question
    fails = {"match": f"video: {first}\nThe image", "error": "too long"}
    assert scripted(fails, *GRADES).code == 0
    records = [*read_records(tmp_path / "run")]
    failed = [record for record in records if record.error is not None]
    assert 0 < len(failed) < len(records)
    for record in failed:
        assert record.error == "EngineError: too long" and record.sample.question == first
        assert len(record.responses) == 4 and not record.predictions and record.vote is None
    assert scripted(fails, *GRADES, words=("--voter", "confidence", "--retry-errors")).code == 0
    assert len([*read_records(tmp_path / "run")]) == len(records)


def test_an_engine_that_grades_nothing_ends_the_run_with_one_sentence(scripted: Command, tmp_path: Path) -> None:
    said = scripted({"match": "show: ", "error": "out of memory"})
    assert said.code == 1 and "failed the last" in said.err and "out of memory" in said.err
    assert not [*read_records(tmp_path / "run")]


def test_a_dry_run_says_that_grades_come_on_top(scripted: Command) -> None:
    told = "the voter weighs rollouts by relevance; what it asks about their evidence is not counted"
    assert told in scripted(words=("--voter", "confidence", "--dry-run")).out
    assert "weighs" not in scripted(words=("--voter", "majority", "--dry-run")).out


class Slow:
    """A clock, and an engine that is quick to answer and slow to grade."""

    def __init__(self) -> None:
        self.now = 0.0

    async def generate(self, request: Request) -> list[Response]:
        self.now += 100 if request.choices else 1
        if request.choices:
            return [Response(rollout=0, text="2", finish="stop", tokens=1, prompt_tokens=30)]
        return [Response(rollout=k, text=ROLLOUTS[k], finish="stop", tokens=5) for k in range(request.n)]

    async def view(self, sample: Sample, recipe: str, family: str, max_pixels: int, show: str = "images") -> View:
        return View(
            video=sample.video, times=(0.0, 1.0), duration=2.0, width=80, height=80, size=(56, 56), family=family
        )


def test_the_time_and_tokens_of_grades_are_not_those_of_rollouts(monkeypatch: pytest.MonkeyPatch) -> None:
    slow: Any = Slow()
    monkeypatch.setattr(loop, "time", SimpleNamespace(perf_counter=lambda: slow.now))
    decoding = Decoding(n=4, temperature=1.0)
    made = loop.Loop(engine=slow, views=slow, voter=confidence.voter, decoding=decoding, seed=0, family="qwen2_5_vl")
    sample = Sample(id="q", item="q", kind="mcq", video="v.mp4", question="Which?", options=("x", "y"), answer="B")
    record = asyncio.run(made.answer(loop.Job(task=load("videomme"), sample=sample, frames="", max_pixels=1)))
    assert record.error is None and record.seconds == 1 and [r.tokens for r in record.responses] == [5] * 4
    assert [(g.prompt_tokens, g.choice) for g in record.grades] == [(30, "2")] * 2


def test_nano_sees_the_thing_in_its_crop_and_not_elsewhere(tmp_path: Path) -> None:
    """The shipped model: the expected relevance of crops of the thing against crops of equal size elsewhere."""
    signals = (relevance.expected, controls.expected_random_crop)

    async def look() -> list[dict[str, float]]:
        with closing(Frames()) as frames:
            engine = Transformers(Settings(model=resolve("nano")), frames)
            await engine.start()
            try:
                records = [await _cites(frames, seed, tmp_path / f"{seed}.mp4") for seed in range(900, 908)]
                weighed = [weigh(record, signals, engine.generate) for record in records]
                return [dict(r.predictions[0].signals) for r in await asyncio.gather(*weighed)]
            finally:
                await engine.close()

    found = asyncio.run(look())
    gains = [values["expected"] - values["expected-random-crop"] for values in found]
    assert all(0 <= value <= 2 for values in found for value in values.values())
    assert math.fsum(gains) / len(gains) > 0.3 and sum(gain > 0 for gain in gains) >= 6, gains


async def _cites(frames: Frames, seed: int, path: Path) -> Record:
    """A record whose one rollout cites a thing of a clip where it is."""
    made = clip.make(seed)
    render.write(made, path)
    thing = made.things[0]
    view = await frames.view(of(str(path)), "fps:1:16", "qwen2_5_vl", 112 * 112)
    time = math.ceil(thing.span.start)
    claim = Evidence(label=thing.name, time=time, box=made.box(thing, time))
    sample = Sample(id=f"{seed}", item="", kind="when_1", video=str(path), question=questions.when(thing))
    return Record(task="shapes", version=1, sample=sample, view=view, predictions=(Prediction(evidence=(claim,)),))
