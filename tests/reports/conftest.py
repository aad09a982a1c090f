"""Run folders of made-up answers, question by question."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from harness.codec import encode
from harness.plan import load
from harness.records import Prediction, Record, Sample, Score
from harness.schema import dumps, validate

SESSION: dict[str, object] = {
    "started": "2026-01-01T00:00:00+00:00", "argv": [], "python": "3", "platform": "any", "git": None,
    "tensor_parallel": 1, "in_flight": 1, "trust_remote_code": False, "versions": {},
}  # fmt: skip
DECODING = {"n": 1, "temperature": 0.0, "top_p": 1.0, "repetition_penalty": 1.0, "max_tokens": 64}

Row = tuple[Sample, Mapping[str, float | None] | None, str | None]
"""A sample, its scores (None for an error) and the answer."""
Write = Callable[..., Path]


def groups(samples: Sequence[Sample]) -> dict[str, list[str]]:
    found: dict[str, dict[str, None]] = {}
    for sample in samples:
        for axis, value in sample.groups.items():
            found.setdefault(axis, {})[value] = None
    return {axis: [*values] for axis, values in found.items()}


def record(task: str, version: int, row: Row) -> Record:
    sample, scores, answer = row
    score = None if scores is None else Score(values=scores)
    return Record(task=task, version=version, sample=sample, vote=Prediction(answer=answer), score=score,
                  error=None if score else "VideoError: gone")  # fmt: skip


def write(
    folder: Path, tasks: Mapping[str, Sequence[Row]], versions: Mapping[str, int] | None = None, **settings: object
) -> Path:
    """A run folder; `settings` replace some."""
    folder.mkdir(parents=True)
    specs, told, lines = [], {}, []
    for name, rows in tasks.items():
        task = load(name)
        version = (versions or {}).get(task.name, task.version)
        specs.append({"plugin": name, "name": task.name, "version": version, "options": {}, "fingerprint": "0" * 64,
                      "frames": settings.get("frames", "uniform:8"), "max_pixels": 784})  # fmt: skip
        told[task.name] = {"title": task.title, "source": task.source, "columns": dict(task.columns),
                           "groups": groups([sample for sample, _, _ in rows]),
                           "samples": settings.get("planned", len(rows)), "items": len(rows),
                           "all_items": len(rows)}  # fmt: skip
        lines += [dumps(encode(record(task.name, version, row)), "record") + b"\n" for row in rows]
    engine: dict[str, Any] = {"name": "scripted", "dtype": "auto", "options": {}, "answers": None}
    asked: dict[str, Any] = {
        "tasks": specs, "model": None, "family": "qwen2_5_vl", "engine": engine, "decoding": DECODING,
        "voter": "first", "seed": 0, "limit": None,
    }  # fmt: skip
    asked |= {name: value for name, value in settings.items() if name in asked}
    run = {"format": 1, "partial": False, "settings": asked, "tasks": told, "places": {}, "sessions": [SESSION]}
    validate("run", run, "run.json")
    (folder / "run.json").write_text(json.dumps(run))
    (folder / "records.jsonl").write_bytes(b"".join(lines))
    return folder


@pytest.fixture(scope="session")
def write_run() -> Write:
    return write
