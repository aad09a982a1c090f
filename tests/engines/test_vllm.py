"""A real vLLM, started once for all of this file, against the transformers engine."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from harness.engines import Settings
from harness.errors import EngineError, UsageError, VideoError
from harness.model import Model
from harness.plugins import load
from harness.records import Frame, Request

pytestmark = [pytest.mark.vllm, pytest.mark.slow, pytest.mark.filterwarnings("default")]

Answers = dict[str, list[Any]]


def questions(bench: Any) -> Answers:
    warm = bench.ask(1, n=4, temperature=1.0)
    grade = bench.ask(2, choices=("0", "1", "2"), max_tokens=1)
    return {
        "greedy": [bench.ask(i, frames=1 + i % 6) for i in range(40)],
        "penalised": [bench.ask(i, repetition_penalty=1.3) for i in range(4)],
        "whole": [warm],
        "parts": [replace(warm, n=1), replace(warm, first=1, n=2), replace(warm, first=3, n=1)],
        "choices": [grade, replace(grade, n=6, temperature=2.0)],
        "bad": [
            Request(parts=(Frame(video="broken.mp4", time=0, size=(56, 56)), "?")),
            Request(parts=("word " * 40000,)),
            replace(warm, temperature=0.0),
            replace(grade, choices=("yes it is", "no")),
            Request(parts=("?",), top_p=7.0, temperature=1.0),
        ],
        "good": [bench.ask(0, frames=1)],
    }


def answers(name: str, model: Model, bench: Any) -> Answers:
    asked = questions(bench)
    made = load("harness.engines", name)(Settings(model=model, dtype="float32"), bench.Pixels())
    found = iter(bench.run(made, [request for group in asked.values() for request in group]))
    return {name: [next(found) for _ in group] for name, group in asked.items()}


@pytest.fixture(scope="module")
def served(seeing_model: Model, bench: Any) -> Answers:
    return answers("vllm", seeing_model, bench)


@pytest.fixture(scope="module")
def reference(seeing_model: Model, bench: Any) -> Answers:
    return answers("transformers", seeing_model, bench)


def test_greedy_texts_are_those_of_transformers(served: Answers, reference: Answers, bench: Any) -> None:
    for group in ("greedy", "penalised"):
        assert bench.texts(served[group]) == bench.texts(reference[group])
    for [ours], [theirs] in zip(served["greedy"], reference["greedy"], strict=True):
        assert ours.logprob == pytest.approx(theirs.logprob, abs=1e-2)
        assert replace(ours, logprob=None) == replace(theirs, logprob=None)


def test_rollouts_can_be_added_later(served: Answers, bench: Any) -> None:
    [whole] = served["whole"]
    parts = [response for responses in served["parts"] for response in responses]
    assert [(r.rollout, r.text) for r in whole] == [(r.rollout, r.text) for r in parts]
    assert [r.rollout for r in whole] == [0, 1, 2, 3]
    assert len({r.text for r in whole}) > 1


def test_choices(served: Answers, reference: Answers) -> None:
    for ours, theirs in zip(served["choices"], reference["choices"], strict=True):
        for one, other in zip(ours, theirs, strict=True):
            assert one.choice_logprobs == pytest.approx(other.choice_logprobs, abs=1e-3)
            assert one.text in one.choice_logprobs
            assert one.logprob == one.choice_logprobs[one.text]
            assert (one.tokens, one.finish) == (1, "stop")
    assert served["choices"][0][0].text == reference["choices"][0][0].text


def test_a_bad_request_fails_alone(served: Answers, bench: Any) -> None:
    assert [type(x) for x in served["bad"]] == [VideoError, *[EngineError] * 4]
    assert all("\n" not in str(error) for error in served["bad"])
    assert bench.texts(served["good"]) == bench.texts(served["greedy"][:1])


def test_options_it_does_not_have(seeing_model: Model, bench: Any) -> None:
    engine = load("harness.engines", "vllm")
    with pytest.raises(UsageError, match="no option 'max_model_length'; did you mean 'max_model_len'"):
        engine(Settings(model=seeing_model, options={"max_model_length": 9}), bench.Pixels())
    bad = engine(Settings(model=seeing_model, options={"max_model_len": -7}), bench.Pixels())
    with pytest.raises(UsageError, match="vLLM refuses its settings"):
        asyncio.run(bad.start())
