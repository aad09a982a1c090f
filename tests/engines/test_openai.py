"""The openai engine against a server on loopback that answers as each test says."""

from __future__ import annotations

import base64
import io
import json
import math
from dataclasses import replace
from typing import Any

import pytest
from PIL import Image, ImageChops

from harness.engines import Settings
from harness.errors import EngineError
from harness.model import Named
from harness.plugins import load
from harness.records import Frame, Request

ASKED = Request(parts=("What is red?",), system="Be brief.", n=3, temperature=1.0, seed=70)
GRADE = Request(parts=("How relevant?",), choices=("0", "1", "2"), max_tokens=1, seed=5)


def make(bench: Any, server: Any, *, model: str = "tiny", room: int = 64, **options: Any) -> Any:
    where = {"base_url": server.url} if server else {}
    settings = Settings(
        model=Named(name=model, family="qwen2_5_vl"), max_in_flight=room, options=where | {"retries": 2} | options
    )
    return load("harness.engines", "openai")(settings, bench.Pixels())


def ask(bench: Any, server: Any, *requests: Request, **how: Any) -> list[Any]:
    return list(bench.run(make(bench, server, **how), requests))


def decoded(url: str) -> tuple[str, Image.Image]:
    head, _, data = url.partition(";base64,")
    return head, Image.open(io.BytesIO(base64.b64decode(data)))


def test_parts_come_in_order_and_pixels_as_they_are(stand_in: Any, bench: Any) -> None:
    request = bench.ask(3, frames=2)
    first, second = (part for part in request.parts if isinstance(part, Frame))
    [[found]] = ask(bench, stand_in, replace(request, system="Be brief.", parts=(*request.parts, "<|im_end|>")))
    assert found.text == "red"
    system, user = stand_in.calls[0]["messages"]
    assert system == {"role": "system", "content": [{"type": "text", "text": "Be brief."}]}
    kinds = [next(iter(part.keys() - {"type"})) for part in user["content"]]
    assert kinds == ["text", "image_url", "text", "text", "image_url", "text", "text", "text"]
    assert "<|" not in json.dumps(user)
    for frame, part in ((first, user["content"][1]), (second, user["content"][4])):
        head, image = decoded(part["image_url"]["url"])
        assert head == "data:image/png" and image.mode == "RGB"
        assert ImageChops.difference(image, bench.Pixels.paint(frame)).getbbox() is None


def test_frames_are_encoded_once_for_the_questions_about_them(stand_in: Any, bench: Any) -> None:
    made = make(bench, stand_in, image_format="jpeg")
    assert len(bench.texts(bench.run(made, [bench.ask(i) for i in range(5)]))) == 5
    assert made.urls.pixels.asked == 4
    assert decoded(stand_in.calls[0]["messages"][0]["content"][1]["image_url"]["url"])[0] == "data:image/jpeg"


def test_rollouts_come_in_one_call_or_apart_and_the_missing_ones_are_asked_for(stand_in: Any, bench: Any) -> None:
    stand_in.answer = lambda call: stand_in.completion(*(f"s{call['seed'] + k}" for k in range(min(call["n"], 2))))
    whole, later = ask(bench, stand_in, replace(ASKED, n=5), replace(ASKED, first=3, n=2))
    assert [(r.rollout, r.text) for r in whole] == [(k, f"s{70 + k}") for k in range(5)]
    assert [(r.rollout, r.text) for r in later] == [(3, "s73"), (4, "s74")]
    assert sorted((call["seed"], call["n"]) for call in stand_in.calls) == [(70, 5), (72, 3), (73, 2), (74, 1)]
    stand_in.calls.clear()
    [apart] = ask(bench, stand_in, ASKED, rollouts="apart")
    assert [r.text for r in apart] == ["s70", "s71", "s72"] and {call["n"] for call in stand_in.calls} == {1}


def test_tokens_and_log_probabilities(stand_in: Any, bench: Any) -> None:
    stand_in.answer = lambda call: stand_in.completion("a", "b", "c")
    [plain] = ask(bench, stand_in, ASKED, logprobs=False)
    assert "logprobs" not in stand_in.calls[0]
    assert [(r.tokens, r.logprob, r.prompt_tokens) for r in plain] == [(6, None, 9), (5, None, 9), (5, None, 9)]
    token = stand_in.token
    sums = [[token("a", -0.5), token("", -0.25)], [token("b", -2.0)], [token("c", -1.0)]]
    stand_in.answer = lambda call: stand_in.completion("a", "b", "c", logprobs=sums, finish="length")
    [found] = ask(bench, stand_in, ASKED)
    assert stand_in.calls[-1]["logprobs"] is True
    assert [(r.tokens, r.logprob, r.finish) for r in found] == [
        (2, -0.75, "length"), (1, -2.0, "length"), (1, -1.0, "length")
    ]  # fmt: skip


def test_what_is_said_of_sampling(stand_in: Any, bench: Any) -> None:
    greedy = bench.ask(0, frames=1, max_tokens=7)
    ask(bench, stand_in, greedy, body={"reasoning_effort": "low", "top_p": None})
    fixed = {"model": "tiny", "n": 1, "temperature": 0.0, "max_tokens": 7, "logprobs": True}
    assert {k: v for k, v in stand_in.calls[-1].items() if k != "messages"} == fixed | {"reasoning_effort": "low"}
    ask(bench, stand_in, replace(greedy, repetition_penalty=1.2))
    assert stand_in.calls[-1]["repetition_penalty"] == 1.2 and "top_k" not in stand_in.calls[-1]
    stand_in.owner = "vllm"
    ask(bench, stand_in, greedy)
    said = stand_in.calls[-1]
    assert (said["repetition_penalty"], said["top_k"], said["min_p"]) == (1.0, -1, 0.0)


def test_choices_of_any_server(stand_in: Any, bench: Any) -> None:
    top = stand_in.token("The", -0.1, The=-0.1, **{"1": -3.0, "0": -4.0})
    stand_in.answer = lambda call: stand_in.completion(*["The"] * call["n"], logprobs=[[top]] * call["n"])
    [[best]], [drawn], [later] = (
        ask(bench, stand_in, request)
        for request in (GRADE, replace(GRADE, n=400, temperature=2.0), replace(GRADE, first=390, n=10, temperature=2.0))
    )
    assert (best.text, best.logprob, best.tokens, best.finish) == ("1", -3.0, 1, "stop")
    assert best.choice_logprobs == {"0": -4.0, "1": -3.0}
    assert (stand_in.calls[0]["max_tokens"], stand_in.calls[0]["top_logprobs"]) == (1, 20)
    share = sum(r.text == "1" for r in drawn) / 400
    assert share == pytest.approx(1 / (1 + math.exp(-0.5)), abs=0.07)
    assert [r.text for r in later] == [r.text for r in drawn[390:]]


def test_choices_without_log_probabilities_and_without_any_choice(stand_in: Any, bench: Any) -> None:
    stand_in.answer = lambda call: stand_in.completion(" 2\n")
    [[said]] = ask(bench, stand_in, GRADE, logprobs=False)
    assert (said.text, said.logprob, said.choice_logprobs) == ("2", None, None)
    none = [stand_in.token("The", -0.1, The=-0.1, I=-2.0)]
    stand_in.answer = lambda call: stand_in.completion("The", logprobs=[none])
    [error] = ask(bench, stand_in, GRADE)
    assert isinstance(error, EngineError)
    assert "'The', and none of the choices 0, 1, 2 is among the 2 likeliest tokens" in str(error)


def test_choices_of_a_vllm_server_go_by_their_tokens(stand_in: Any, bench: Any) -> None:
    stand_in.owner = "vllm"
    all_three = stand_in.token("2", -0.4, **{"0": -4.0, "1": -3.0, "2": -0.4})
    stand_in.answer = lambda call: stand_in.completion("2", logprobs=[[all_three]])
    [found], _, error = ask(bench, stand_in, GRADE, GRADE, replace(GRADE, choices=("yes", "no")))
    assert found.choice_logprobs == {"0": -4.0, "1": -3.0, "2": -0.4}
    assert stand_in.calls[0]["allowed_token_ids"] == stand_in.calls[0]["logprob_token_ids"] == [48, 49, 50]
    assert str(error) == "the choice 'yes' is 3 tokens for this model; a choice must be one"


def test_reasoning_that_a_server_took_out_is_put_back(stand_in: Any, bench: Any) -> None:
    made = stand_in.completion("<answer>A</answer>")
    made["choices"][0]["message"]["reasoning_content"] = "it is red"
    stand_in.answer = lambda call: made
    [[found]] = ask(bench, stand_in, replace(ASKED, n=1))
    assert found.text == "<think>it is red</think><answer>A</answer>"
