"""Run folders of made-up models, of which is known what their signals are worth."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from harness.codec import encode
from harness.geometry import Span
from harness.plan import load
from harness.records import Prediction, Record, Response, Sample, Score, View
from harness.schema import dumps, validate

VIEW = View(video="v.mp4", times=(0.0,), duration=20.0, width=8, height=8, size=(28, 28), family="qwen2_5_vl")
SESSION: dict[str, object] = {"started": "2026-01-01T00:00:00+00:00", "argv": [], "python": "3", "platform": "any"}
SESSION |= {"git": None, "tensor_parallel": 1, "in_flight": 1, "trust_remote_code": False, "versions": {}}
DECODING = {"n": 8, "temperature": 1.0, "top_p": 1.0, "repetition_penalty": 1.0, "max_tokens": 64}

Signals = Callable[[random.Random, bool, float], Mapping[str, float]]
"""The signals of a rollout, given whether it is good and how easy its question is, 0..1."""

Answered = tuple[Sample, list[Prediction]]


def choices(
    signals: Signals, *, count: int = 240, rollouts: int = 8, videos: int = 80, seed: int = 0
) -> list[Answered]:
    """Questions with four options, some easier than others, of which three belong to a video."""
    rng, made = random.Random(seed), []
    for number in range(count):
        easy = rng.random()
        sample = Sample(id=f"q{number:05d}", item=f"v{number % videos}", kind="mcq", video=f"v{number % videos}.mp4",
                        question="Which?", options=("a", "b", "c", "d"), answer="A")  # fmt: skip
        rest = rng.choice("BCD")
        said = ["A" if rng.random() < 0.15 + 0.6 * easy else rng.choice([rest, rest, None]) for _ in range(rollouts)]
        made.append((sample, [
            Prediction(answer=answer, rollout=k, signals=dict(signals(rng, answer == "A", easy)))
            for k, answer in enumerate(said)
        ]))  # fmt: skip
    return made


def spans(signals: Signals, *, count: int = 60, rollouts: int = 6, seed: int = 0) -> list[Answered]:
    """V-STaR's questions of when, answered well or badly."""
    rng, made = random.Random(seed), []
    for number in range(count):
        sample = Sample(id=f"{number}:when_1", item=str(number), kind="when_1", video=f"w{number % 20}.mp4",
                        question="When?", span=Span(5.0, 10.0))  # fmt: skip
        told = []
        for k in range(rollouts):
            good = rng.random() < 0.5
            span = Span(5 + rng.uniform(0, 1), 10.0) if good else Span(rng.uniform(10, 12), 18.0)
            told.append(Prediction(span=span, rollout=k, signals=dict(signals(rng, good, 0.5))))
        made.append((sample, told))
    return made


def write(folder: Path, tasks: Mapping[str, Sequence[Answered]], errors: int = 0) -> Path:
    """A run folder with those answers."""
    folder.mkdir(parents=True)
    specs, told, lines = [], {}, []
    for name, answered in tasks.items():
        task = load(name)
        specs.append({"plugin": name, "name": name, "version": task.version, "options": {}, "fingerprint": "0" * 64,
                      "frames": "uniform:8", "max_pixels": 784})  # fmt: skip
        told[name] = {"title": task.title, "source": task.source, "columns": dict(task.columns), "groups": {},
                      "samples": len(answered), "items": len(answered), "all_items": len(answered)}  # fmt: skip
        for number, (sample, predictions) in enumerate(answered):
            said = tuple(Response(rollout=k, text="", finish="stop", tokens=3) for k in range(len(predictions)))
            failed = "VideoError: none" if number < errors else None
            record = Record(task=name, version=task.version, sample=sample, view=VIEW, request="0" * 64,
                            responses=said, predictions=tuple(predictions), vote=predictions[0],
                            score=None if failed else Score(values={"acc": 0.0}), error=failed)  # fmt: skip
            lines.append(dumps(encode(record), sample.id) + b"\n")
    engine: dict[str, object] = {"name": "scripted", "dtype": "auto", "options": {}, "answers": None}
    settings = {"tasks": specs, "model": None, "family": "qwen2_5_vl", "engine": engine, "decoding": DECODING,
                "voter": "first", "seed": 0, "limit": None}  # fmt: skip
    run = {"format": 1, "partial": False, "settings": settings, "tasks": told, "places": {}, "sessions": [SESSION]}
    validate("run", run, "run.json")
    (folder / "run.json").write_text(json.dumps(run))
    (folder / "records.jsonl").write_bytes(b"".join(lines))
    return folder
