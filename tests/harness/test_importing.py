"""`harness import`, as it is typed: a run folder like any other."""

from __future__ import annotations

import json
import runpy
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.ratings import read
from harness.schema import validate
from harness.store import read_records

DATA = Path(__file__).parents[1] / "tasks" / "data"
results = runpy.run_path(str(DATA / "vstar_results.py"))["results"]
Command = Callable[..., Any]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "results.json"
    path.write_text(json.dumps(results()))
    return path


def content(folder: Path, name: str) -> Any:
    data = json.loads((folder / f"{name}.json").read_text())
    validate(name, data, name)
    return data


def test_a_result_file_becomes_a_run_folder(harness: Command, file: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    said = harness("import", "vstar", file, "--out", out, "--parser", "official")
    assert said.code == 0 and "V-STaR" in said.out
    written = {"run.json", "run.lock", "records.jsonl", "scores.json", "report.md", "judge-imported.jsonl"}
    assert {p.name for p in out.iterdir()} == written
    run, scores = content(out, "run"), content(out, "scores")["tasks"]["vstar"]
    assert run["settings"]["tasks"][0]["options"]["parser"] == "official"
    assert run["settings"]["decoding"] is None and run["settings"]["tasks"][0]["frames"] is None
    printed = json.loads((DATA / "vstar_printed.json").read_text())["official"]
    assert {k: round(scores["evaluated"][k], 4) for k in ("acc", "mam", "mlgm")} == {
        k: printed["overall"][k] for k in ("acc", "mam", "mlgm")
    }
    assert round(scores["by"]["length"]["medium"]["evaluated"]["mlgm"], 4) == printed["length/medium"]["mlgm"]
    assert len(list(read_records(out))) == 600 and scores["counts"]["errors"] == 1
    assert "decoding: not known" in (out / "report.md").read_text()
    again = harness("report", out)
    assert again.code == 0 and again.out in said.out


def test_the_same_command_again_changes_nothing_and_another_is_refused(
    harness: Command, file: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    harness("import", "vstar", file, "--out", out)
    before = {name: (out / name).read_bytes() for name in ("records.jsonl", "scores.json", "report.md")}
    assert harness("import", "vstar", file, "--out", out).code == 0
    assert {name: (out / name).read_bytes() for name in before} == before
    said = harness("import", "vstar", file, "--out", out, "--preset", "released")
    assert said.code == 2 and "another run" in said.err


def test_the_ratings_of_the_file_are_a_judge_to_compare_with(harness: Command, file: Path, tmp_path: Path) -> None:
    harness("import", "vstar", file, "--out", tmp_path / "run")
    rows = [row for row in results() if row.get("answer_vqa")]
    expected = Counter(row["VQA_score"] for row in rows)
    found = Counter(r.rating for r in read(tmp_path / "run", "imported").ratings.values())
    assert found == {(None if k == -1 else k): n for k, n in expected.items()} and found[None] and found[3]
    (tmp_path / "threes.jsonl").write_text('{"default": true, "texts": ["3"]}\n')
    flags = ("--judge-engine", "scripted", "--answers", tmp_path / "threes.jsonl", "--name", "threes")
    assert harness("judge", tmp_path / "run", *flags).code == 0
    said = harness("judge", tmp_path / "run", "--agreement", "imported", "threes")
    assert said.code == 0 and f"{sum(n for k, n in expected.items() if k != -1)}" in said.out


def test_with_a_data_folder_what_the_file_lacks_is_not_evaluated(harness: Command, tmp_path: Path) -> None:
    rows = results()[:4]
    (tmp_path / "data").mkdir()
    (tmp_path / "data/V_STaR_test.json").write_text(json.dumps(rows))
    file = tmp_path / "results.json"
    file.write_text(json.dumps(rows[:0:-1]))
    said = harness("import", "vstar", file, "--data", tmp_path / "data", "--out", tmp_path / "run")
    assert said.code == 0 and "5 x not in the result file" in said.out
    assert content(tmp_path / "run", "scores")["tasks"]["vstar"]["counts"]["errors"] == 5


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["vstar", "nowhere.json"], "there is no result file"),
        (["vstar", "text.json"], "expected JSON"),
        (["vstar", "list.json"], "no column"),
        (["vstar", "table.csv"], "expected a result file in JSON"),
        (["shapes", "list.json"], "the task shapes does not know how to import"),
        (["vstar", "list.json", "--parser", "best"], "vstar has no parser 'best'; there are: tolerant, official, o3"),
        (["vstar", "list.json", "--preset", "best"], "the task vstar has no preset 'best'"),
        (["vstra", "list.json"], "did you mean 'vstar'?"),
    ],
)
def test_a_mistake_is_one_sentence_and_nothing_is_written(
    words: list[str], error: str, harness: Command, tmp_path: Path
) -> None:
    for name, text in (("text.json", "what"), ("list.json", '[{"answer_vqa": "x"}]'), ("table.csv", "a,b")):
        (tmp_path / name).write_text(text)
    said = harness("import", words[0], tmp_path / words[1], "--out", tmp_path / "run", *words[2:])
    assert said.code == 2 and error in said.err and said.err.count("\n") == 1 and said.err.startswith("harness: ")
    assert not (tmp_path / "run").exists()
