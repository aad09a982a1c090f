"""The scripted engine: which line answers, and what is wrong with a file."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.engines import Settings
from harness.engines.scripted import Answer, engine
from harness.errors import DataError, EngineError, UsageError
from harness.records import Request

ASKED = Request(parts=("What is red?",), n=3, temperature=1.0)


def write(path: Path, *lines: dict[str, Any] | str) -> Settings:
    path.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines) + "\n")
    return Settings(answers=path)


def test_the_first_line_that_fits_answers(tmp_path: Path, bench: Any) -> None:
    settings = write(
        tmp_path / "a.jsonl",
        {"key": ASKED.key, "texts": ["by key", "again"]},
        {"match": "red", "texts": ["by text"]},
        "",
        {"match": "blue", "error": "no blue"},
        {"default": True, "texts": ["else"]},
    )
    requests = [ASKED, replace(ASKED, first=1), replace(ASKED, parts=("A blue one?",)), Request(parts=("?",))]
    found = bench.run(engine(settings), requests)
    assert [r.text for r in found[0]] == ["by key", "again", "by key"]
    assert [(r.text, r.rollout) for r in found[1]] == [("by text", 1), ("by text", 2), ("by text", 3)]
    assert str(found[2]) == "no blue"
    assert found[3][0].text == "else"


def test_choices(tmp_path: Path, bench: Any) -> None:
    line = {"match": "?", "choice_logprobs": {"0": -2.0, "1": -0.2}}
    request = Request(parts=("?",), choices=("0", "1", "2"))
    [[found]] = bench.run(engine(write(tmp_path / "a.jsonl", line)), [request])
    assert (found.text, found.logprob, found.choice_logprobs) == ("1", -0.2, {"0": -2.0, "1": -0.2})
    [error] = bench.run(engine(write(tmp_path / "a.jsonl", line | {"texts": ["maybe"]})), [request])
    assert "not one of the choices" in str(error)


def test_no_line_answers(tmp_path: Path, bench: Any) -> None:
    [error] = bench.run(engine(write(tmp_path / "a.jsonl", {"match": "blue", "texts": ["x"]})), [ASKED])
    assert isinstance(error, EngineError)
    assert "What is red?" in str(error)


def test_a_function_and_a_bound_on_what_is_under_way() -> None:
    made = engine(Settings(max_in_flight=2), script=lambda request: Answer(texts=(request.key,), delay=0.1))

    async def go() -> float:
        begun = time.perf_counter()
        await asyncio.gather(*(made.generate(Request(parts=(str(i),))) for i in range(6)))
        return time.perf_counter() - begun

    assert asyncio.run(go()) >= 0.3


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "line 1"),
        ("[]", "expected an object, found list"),
        ({"texts": ["x"]}, "one of: key, match, default"),
        ({"match": "x"}, "'texts', 'choice_logprobs' or 'error'"),
        ({"match": "x", "text": ["y"]}, "unknown key 'text'"),
        ({"match": "x", "texts": "y"}, "'texts' cannot be 'y'"),
    ],
)
def test_a_line_that_is_none(line: dict[str, Any] | str, message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=message) as caught:
        engine(write(tmp_path / "a.jsonl", line))
    assert "a.jsonl, line 1" in str(caught.value)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--answers"):
        engine(Settings())
    with pytest.raises(DataError, match="there is no file of answers"):
        engine(Settings(answers=tmp_path / "none.jsonl"))
    with pytest.raises(UsageError, match="no option 'x'"):
        engine(replace(write(tmp_path / "a.jsonl"), options={"x": 1}))
