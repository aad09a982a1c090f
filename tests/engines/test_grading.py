"""Crops are graded by real engines: one image and one token each, the same alone and together with others."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from harness.engines import Settings
from harness.geometry import Box
from harness.grading import weigh
from harness.model import Model, Named
from harness.plugins import load
from harness.records import Evidence, Prediction, Record, Sample, View
from harness.scaling.controls import question_only
from harness.scaling.relevance import expected, relevance

VIEW = View(video="v.mp4", times=(0.0, 1.0, 2.0), duration=3, width=200, height=100, size=(56, 28), family="qwen2_5_vl")
SIGNALS = (relevance, expected, question_only)


def cites(*times: float) -> Record:
    claims = tuple(Evidence(label="dog", time=time, box=Box(10, 10, 60, 60)) for time in times)
    sample = Sample(id="s", item="s", kind="mcq", video="v.mp4", question="What runs?")
    rollouts = (Prediction(evidence=claims), Prediction(evidence=claims[:1], rollout=1))
    return Record(task="t", version=1, sample=sample, view=VIEW, predictions=rollouts)


def graded(engine: Any, *records: Record) -> list[Record]:
    async def go() -> list[Record]:
        await engine.start()
        try:
            return list(await asyncio.gather(*(weigh(record, SIGNALS, engine.generate) for record in records)))
        finally:
            await engine.close()

    return asyncio.run(go())


@pytest.mark.filterwarnings("default")
def test_by_transformers(random_model: Model, bench: Any) -> None:
    def made() -> Any:
        return load("harness.engines", "transformers")(Settings(model=random_model), bench.Pixels())

    one, other = graded(made(), cites(0, 1, 2), cites(1))
    [alone] = graded(made(), cites(1))
    for record in (one, other):
        for prediction in record.predictions:
            assert 0 < prediction.signals["expected"] < 2 and prediction.signals["relevance"] in (0, 0.5, 1, 1.5, 2)
    assert len(one.grades) == 4 and all(g.prompt_tokens > 0 and g.logprobs for g in one.grades)
    for mine, its in zip(other.predictions, alone.predictions, strict=True):
        assert mine.signals == pytest.approx(dict(its.signals), abs=1e-4)


def test_by_a_server(stand_in: Any, bench: Any) -> None:
    token = stand_in.token("1", -0.5, **{"1": -0.5, "2": -1.5, "0": -3.0})
    stand_in.answer = lambda call: stand_in.completion("1", logprobs=[[token]])
    settings = Settings(model=Named(name="tiny", family="qwen2_5_vl"), options={"base_url": stand_in.url})
    [record] = graded(load("harness.engines", "openai")(settings, bench.Pixels()), cites(0, 2))
    assert [p.signals["relevance"] for p in record.predictions] == [1.0, 1.0]
    assert all(1 < p.signals["expected"] < 2 for p in record.predictions)
    images = sorted(json.dumps(call["messages"]).count('"image_url": {') for call in stand_in.calls)
    assert images == [0, 1, 1], "two crops, and the words alone"
    assert all(grade.prompt_tokens == 9 for grade in record.grades)
