"""The bridge runs a task of the real lmms-eval, unmodified and offline, and scores as lmms-eval does (`make lmms`)."""

from __future__ import annotations

import importlib
import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness.errors import DataError, UsageError
from harness.shapes import clip, render
from harness.tasks import lmms

pytestmark = [
    pytest.mark.lmms,
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.skipif(
        importlib.util.find_spec("lmms_eval") is None,
        reason="lmms-eval IS NOT INSTALLED, so nothing is compared with it",
    ),
]

TEXTS = (
    "A", "B.", "The best answer is C", "(D)", "<think>A man in a car</think><answer>B</answer>",
    "<think>All four</think>C", "no idea", "",
)  # fmt: skip
"""What is answered in turn: with tags, without, at length and not at all."""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two clips with twelve questions each, laid out as lmms-eval's videomme has it."""
    import pandas

    root = tmp_path_factory.mktemp("videomme")
    table = root / "lmms-eval" / "Video-MME" / "videomme" / "test-00000-of-00001.parquet"
    table.parent.mkdir(parents=True)
    rows: list[dict[str, object]] = []
    for number in range(24):
        film = f"clip{number % 2}"
        question = {"question_id": f"{number:03d}-1", "question": f"Question {number}?", "answer": "ABCD"[number % 4]}
        kinds = {"domain": ("Knowledge", "Life Record")[number % 2], "sub_category": "Daily Life"}
        kinds |= {"duration": ("short", "long")[number % 3 == 0], "task_type": "Object Recognition"}
        rows.append({"videoID": film, **question, **kinds, "options": [f"{each}. thing {each}" for each in "ABCD"]})
    pandas.DataFrame(rows).to_parquet(table, index=False)
    for number in range(2):
        render.write(clip.make(number), root / "videomme" / "data" / f"clip{number}.mp4")
    return root


def evaluated(data: Path, answers: list[str], monkeypatch: pytest.MonkeyPatch) -> float:
    """The score that lmms-eval itself prints for these answers."""
    evaluator = importlib.import_module("lmms_eval.evaluator")
    model: Any = importlib.import_module("lmms_eval.api.model").lmms

    class Told(model):  # type: ignore[misc]
        is_simple = False

        def generate_until(self, requests: list[Any]) -> list[str]:
            return [answers[request.args[3]] for request in requests]

        loglikelihood = generate_until_multi_round = generate_until

    monkeypatch.chdir(data)
    monkeypatch.setenv("HF_HOME", str(data))
    monkeypatch.setenv("LMMS_EVAL_DATASETS_CACHE", str(data / "cache"))
    asked = SimpleNamespace(reasoning_tags=None, process_with_media=False)
    asked.reasoning_tags = '[["<think>", "</think>"], ["<analysis>", "</analysis>"]]'
    found = evaluator.simple_evaluate(
        model=Told(), tasks=["videomme"], bootstrap_iters=0, cli_args=asked, log_samples=False
    )
    figure: float = found["results"]["videomme"]["videomme_perception_score,none"]
    return figure


@pytest.mark.parametrize("n", [1, 8])
def test_the_score_is_that_of_lmms_eval_on_the_same_answers(
    n: int, data: Path, tmp_path: Path, harness: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    said = [[TEXTS[(k * k + 3 * number) % len(TEXTS)] for k in range(n)] for number in range(24)]
    lines = [{"match": f"\nQuestion {number}?", "texts": texts} for number, texts in enumerate(said)]
    script, out = tmp_path / "answers.jsonl", tmp_path / "run"
    script.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    more = ("-n", n, "--temperature", "1") if n > 1 else ()
    ended = harness("run", "--tasks", "lmms:videomme", "--data", data, "--out", out, "--engine", "scripted",
                    "--answers", script, "-o", "lmms:videomme.parser=official", *more)  # fmt: skip
    assert ended.code == 0, ended.err
    scores = json.loads((out / "scores.json").read_text(encoding="utf-8"))["tasks"]["lmms:videomme"]
    records = [json.loads(line) for line in (out / "records.jsonl").read_text(encoding="utf-8").splitlines()]
    spoken = {int(record["sample"]["id"]): record["vote"]["rollout"] for record in records if "sample" in record}
    figure = evaluated(data, [said[number][spoken[number]] for number in range(24)], monkeypatch)
    assert 0 < figure < 100
    assert 100 * scores["evaluated"]["videomme_perception_score"] == pytest.approx(figure)
    assert {*scores["by"]} == {"duration", "domain"}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("mvbench", "group of tasks; name one or more of them, such as lmms:mvbench_"),
        ("tempcompass_captioning", r"judged over the network"),
        ("videochatgpt_gen", r"judged over the network"),
        ("cinepile", "YouTube"),
    ],
)
def test_what_cannot_be_run_is_said(name: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        lmms.named(name)


def test_what_data_is_needed_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="reads the data set lmms-lab/worldsense, which is not in"):
        lmms.named("worldsense").samples(tmp_path)
