"""A real vLLM, started once for all of this file, against the transformers engine; and over HTTP, against itself."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.engines import Settings
from harness.errors import EngineError, UsageError, VideoError
from harness.model import Model, Named, resolve
from harness.plugins import load
from harness.records import Frame, Request

pytestmark = [pytest.mark.vllm, pytest.mark.slow, pytest.mark.filterwarnings("default")]

Answers = dict[str, list[Any]]

SERVE = "--dtype float32 --enforce-eager --no-enable-chunked-prefill --max-num-batched-tokens 8192 --max-model-len 2048"
"""Without chunks: a seeded request whose prompt is read in parts ends vLLM's CPU engine."""


def questions(bench: Any) -> Answers:
    warm = bench.ask(1, n=4, temperature=2.0)
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


def answers(name: str, bench: Any, settings: Settings) -> Answers:
    asked = questions(bench)
    made = load("harness.engines", name)(settings, bench.Pixels())
    found = iter(bench.run(made, [request for group in asked.values() for request in group]))
    return {name: [next(found) for _ in group] for name, group in asked.items()}


@pytest.fixture(scope="module")
def seeing_model() -> Model:
    return resolve("nano")


@pytest.fixture(scope="module")
def served(seeing_model: Model, bench: Any) -> Answers:
    return answers("vllm", bench, Settings(model=seeing_model, dtype="float32"))


@pytest.fixture(scope="module")
def reference(seeing_model: Model, bench: Any) -> Answers:
    return answers("transformers", bench, Settings(model=seeing_model, dtype="float32"))


@pytest.fixture(scope="module")
def over_http(seeing_model: Model, bench: Any, tmp_path_factory: pytest.TempPathFactory) -> Answers:
    """From `vllm serve` of a folder whose generation_config.json would have it sample otherwise."""
    folder = shutil.copytree(seeing_model.path, tmp_path_factory.mktemp("served") / "tiny")
    config = folder / "generation_config.json"
    odd = {"repetition_penalty": 1.5, "top_k": 2, "top_p": 0.5, "min_p": 0.3}
    config.write_text(json.dumps(json.loads(config.read_text()) | odd))
    with serve(folder) as url:
        named = Named(name="tiny", family="qwen2_5_vl")
        return answers("openai", bench, Settings(model=named, options={"base_url": url}))


@contextmanager
def serve(folder: Path) -> Iterator[str]:
    """The address of a server of that model, which it knows as "tiny"."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    where = ["--host", "127.0.0.1", "--port", str(port), "--served-model-name", "tiny"]
    command = [
        sys.executable,
        "-m",
        "vllm.entrypoints.openai.api_server",
        "--model",
        str(folder),
        *where,
        *SERVE.split(),
    ]
    log = folder.with_name("log")
    with log.open("wb") as file:
        server = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT, start_new_session=True)
    until = time.monotonic() + 300
    try:
        while not healthy(f"http://127.0.0.1:{port}/health"):
            assert server.poll() is None and time.monotonic() < until, log.read_text()[-3000:]
            time.sleep(0.3)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(60)


def healthy(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5):
            return True
    except OSError:
        return False


def test_greedy_texts_are_those_of_transformers(served: Answers, reference: Answers, bench: Any) -> None:
    for group in ("greedy", "penalised"):
        assert bench.texts(served[group]) == bench.texts(reference[group])
    for [ours], [theirs] in zip(served["greedy"], reference["greedy"], strict=True):
        assert ours.logprob == pytest.approx(theirs.logprob, abs=1e-2)
        assert replace(ours, logprob=None) == replace(theirs, logprob=None)


def test_a_server_answers_like_the_engine(over_http: Answers, served: Answers) -> None:
    for group in ("greedy", "penalised", "whole", "parts", "choices", "good"):
        for ours, theirs in zip(over_http[group], served[group], strict=True):
            for one, other in zip(ours, theirs, strict=True):
                assert one.logprob == pytest.approx(other.logprob, abs=1e-3)
                assert one.choice_logprobs == pytest.approx(other.choice_logprobs, abs=1e-3)
                assert whole(one) == whole(other), group
    assert [type(x) for x in over_http["bad"]] == [type(x) for x in served["bad"]]
    assert all("\n" not in str(error) for error in over_http["bad"])


def whole(response: Any) -> Any:
    """A response without numbers, and without a last letter that is cut: a server holds its first bytes back."""
    return replace(response, text=response.text.rstrip("\ufffd"), logprob=None, choice_logprobs=None)


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
