"""Logs of lmms-eval as run folders, and votes as logs that it scores again.

data/lmms_videomme is what lmms-eval 0.7.3 wrote of 24 questions of the synthetic world with `--model grounded-harness
--tasks videomme --log_samples`, less the fields that say nothing here; videomme/ in it has the questions themselves.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.errors import DataError
from harness.lmms.importing import imported
from harness.lmms.log import figures, is_log, lines, value
from harness.store import read_records
from harness.tasks.lmms_log import named
from harness.tasks.videomme import VideoMME

DATA = Path(__file__).parent / "data" / "lmms_videomme"
LOG = next(DATA.glob("*_samples_videomme.jsonl"), DATA)
FIGURE = figures(LOG)["videomme_perception_score"]
"""What lmms-eval says of the log, per cent."""
Command = Callable[..., Any]


def rows() -> list[dict[str, Any]]:
    return [json.loads(line) for line in LOG.read_text().splitlines()]


def write(folder: Path, lines: list[Any], name: str = "x_samples_videomme.jsonl") -> Path:
    path = folder / name
    path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf-8")
    return path


def scores(run: Path) -> Any:
    (found,) = json.loads((run / "scores.json").read_text())["tasks"].values()
    return found


def test_a_log_becomes_a_run_of_our_task(harness: Command, tmp_path: Path) -> None:
    said = harness("import", "videomme", LOG, "--data", DATA, "--out", tmp_path / "run")
    assert said.code == 0, said.err
    assert "of 24 documents that lmms-eval has scored, 24 have the same score here" in said.out
    assert f"lmms-eval's own figure: videomme_perception_score {FIGURE:g}" in said.out
    assert 100 * scores(tmp_path / "run")["evaluated"]["acc"] == pytest.approx(FIGURE)
    assert {r.sample.id for r in read_records(tmp_path / "run")} == {
        s.id for s in VideoMME().samples(DATA / "videomme")
    }


def test_a_log_of_a_task_that_is_not_ours_keeps_what_its_metrics_say(harness: Command, tmp_path: Path) -> None:
    said = harness("import", "lmms-log:videomme", LOG, "--out", tmp_path / "run")
    assert said.code == 0 and "score is lmms-eval's videomme_perception_score" in said.out
    assert 100 * scores(tmp_path / "run")["evaluated"]["score"] == pytest.approx(FIGURE)
    found = {r.sample.id: r for r in read_records(tmp_path / "run")}
    assert sorted(map(int, found)) == [*range(24)]
    samples = VideoMME().samples(DATA / "videomme")
    assert {k: r.sample.answer for k, r in found.items()} == {str(k): s.answer for k, s in enumerate(samples)}
    assert found["3"].sample.options == samples[3].options and found["3"].sample.video == Path(samples[3].video).stem


def test_our_task_needs_the_questions(harness: Command, tmp_path: Path) -> None:
    said = harness("import", "videomme", LOG, "--out", tmp_path / "run")
    assert said.code == 2 and "holds no questions; give the data of videomme: --data" in said.err


def bare(row: dict[str, Any]) -> dict[str, Any]:
    """A document as it was logged before the prompt was: found by its place, checked by its target."""
    return {"doc_id": row["doc_id"], "target": row["target"], "resps": [["B"]], "filtered_resps": ["B"]}


GENERATIONS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "flat": lambda row: row | {"resps": ["<think>A</think>B"], "filtered_resps": "B"},
    "nested": lambda row: row | {"resps": [["<think>A</think><answer>B</answer>"]], "filtered_resps": ["B"]},
    "without the prompt": bare,
    "with the document": lambda row: (
        bare(row) | {"doc": {"question_id": row["videomme_perception_score"]["question_id"]}}
    ),
    "several kept": lambda row: row | {"resps": ["B", "A", "C"], "filtered_resps": "B"},
}


@pytest.mark.parametrize("generation", GENERATIONS)
def test_every_generation_of_log_is_read_alike(generation: str, tmp_path: Path) -> None:
    path = write(tmp_path, [GENERATIONS[generation](row) for row in rows()])
    assert is_log(path)
    samples = VideoMME().samples(DATA / "videomme")
    found = imported(VideoMME(), path, samples)
    assert [(r.sample.id, r.vote.answer) for r in found.records if r.vote] == [(s.id, "B") for s in samples]
    assert [r.score.values["acc"] for r in found.records if r.score] == [float(s.answer == "B") for s in samples]
    old = tmp_path / "videomme.json"
    old.write_text(
        json.dumps({"args": {}, "model_configs": {}, "logs": [json.loads(t) for t in path.read_text().splitlines()]})
    )
    assert is_log(old) and imported(VideoMME(), old, samples).records == found.records


def test_documents_in_another_order_are_found_by_what_they_ask(tmp_path: Path) -> None:
    samples = VideoMME().samples(DATA / "videomme")
    renamed = [row | {"doc_id": 23 - row["doc_id"], "videomme_perception_score": 0.0} for row in rows()]
    texts = [(s.question, s.options) for s in samples]
    alone = [k for k, text in enumerate(texts) if texts.count(text) == 1]
    path = write(tmp_path, [renamed[k] for k in alone])
    assert [r.sample.id for r in imported(VideoMME(), path, samples).records] == [samples[k].id for k in alone]


def test_a_log_that_contradicts_the_data_is_refused(tmp_path: Path) -> None:
    samples = VideoMME().samples(DATA / "videomme")
    wrong = [bare(row) for row in rows()]
    wrong[5]["target"] = "ABCD"[("ABCD".index(wrong[5]["target"]) + 1) % 4]
    with pytest.raises(DataError, match=f"line 6: the target of document 5 is .* {samples[5].id} is"):
        imported(VideoMME(), write(tmp_path, wrong), samples)
    other = [row | {"input": "What is two and two?", "videomme_perception_score": 0.0} for row in rows()]
    with pytest.raises(DataError, match="line 1: no questions of the data folder are document 0"):
        imported(VideoMME(), write(tmp_path, other), samples)
    with pytest.raises(DataError, match="line 2: document 0 is there already"):
        imported(VideoMME(), write(tmp_path, [rows()[0]] * 2), samples)
    with pytest.raises(DataError, match="several documents for"):
        imported(VideoMME(), write(tmp_path, [rows()[0], rows()[0] | {"doc_id": 1}]), samples)
    with pytest.raises(DataError, match="line 1: no text in"):
        imported(VideoMME(), write(tmp_path, [rows()[0] | {"resps": [[0.1, True]]}]), samples)


def test_metrics_that_are_no_fractions_are_left_out_and_named(tmp_path: Path) -> None:
    made = [
        {"doc_id": k, "target": "x", "filtered_resps": "y", "gpt": 4, "rel": 0.5, "f1": {"tp": 3}} for k in range(3)
    ]
    found = imported(named("open"), write(tmp_path, made), ())
    assert [dict(r.score.values) for r in found.records if r.score] == [{"score": 0.5}] * 3
    assert found.notes[:2] == tuple(f"{name} is left out: the log has no fraction for it" for name in ("gpt", "f1"))
    assert found.records[0].vote and found.records[0].vote.answer == "y"


def test_a_line_end_inside_a_text_is_none(tmp_path: Path) -> None:
    path = write(tmp_path, [{"doc_id": 0, "target": "x", "filtered_resps": "a\u2028b\x85c", "acc": 1}])
    assert [line.texts for line in lines(path)] == [("a\u2028b\x85c",)]


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (1, 1.0), (False, 0.0), (float("nan"), None), ({"score": 0.25, "pred": "A", "answer": "B"}, 0.25),
        ({"parsed_pred": "A", "answer": "A"}, 1.0), ({"pred_answer": "", "answer": "A"}, 0.0),
        ({"parsed_pred": ["3", "3.0"], "answer": "3"}, None), ({"question": "x"}, None),
    ],
)  # fmt: skip
def test_what_a_metric_says_is_a_number_where_it_is_known(told: Any, expected: float | None) -> None:
    assert value(told) == expected


def from_log(path: Path, task: str) -> dict[int, str]:
    """What lmms-eval 0.7.3's model from_log answers to each document."""
    data = json.loads(path.read_text())
    assert data["args"]["limit"] is None and data["model_configs"]["task"] == task
    assert len(data["time"]) == 9 and data["time"][4] == "_"
    return {each["doc_id"]: each["resps"][0][0] for each in data["logs"]}


def test_votes_are_exported_for_lmms_eval_to_score(harness: Command, tmp_path: Path) -> None:
    run, out = tmp_path / "run", tmp_path / "out"
    harness("import", "videomme", LOG, "--data", DATA, "--out", run)
    said = harness("export", run, "--as", "lmms", "--out", out, "--data", DATA)
    assert said.code == 0 and "videomme: 24 answers, " in said.out and f"acc is {FIGURE:.2f}" in said.out
    samples = VideoMME().samples(DATA / "videomme")
    votes = {r.sample.id: (r.vote.answer if r.vote else None) or "" for r in read_records(run)}
    assert from_log(out / "videomme.json", "videomme") == {k: votes[s.id] for k, s in enumerate(samples)}
    right = sum(text == samples[k].answer for k, text in from_log(out / "videomme.json", "videomme").items())
    assert 100 * right / 24 == pytest.approx(FIGURE)


def test_a_run_that_came_from_lmms_eval_goes_back_by_its_own_numbers(harness: Command, tmp_path: Path) -> None:
    run, out = tmp_path / "run", tmp_path / "out"
    some = write(tmp_path, [row for row in rows() if row["doc_id"] % 2])
    harness("import", "lmms-log:videomme", some, "--out", run)
    said = harness("export", run, "--out", out, "--task", "lmms-log:videomme=videomme_w_subtitle")
    assert said.code == 0
    assert sorted(from_log(out / "videomme_w_subtitle.json", "videomme_w_subtitle")) == [*range(1, 24, 2)]


def test_mistakes_in_exporting_are_sentences(harness: Command, tmp_path: Path) -> None:
    run = tmp_path / "run"
    harness("import", "lmms-log:videomme", LOG, "--out", run)
    for words, message in (
        (("--as", "csv"), "--as cannot be 'csv'; there is: lmms"),
        (("--task", "videomme"), "--task is written as OURS=THEIRS"),
        (("--task", "vstar=x"), "--task names 'vstar'; in"),
    ):
        said = harness("export", run, "--out", tmp_path / "out", *words)
        assert said.code == 2 and message in said.err
