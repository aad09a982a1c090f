"""harness verify: a run that is whole passes, and whatever is changed in it by hand is found."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Change = Callable[[list[dict[str, Any]]], None]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two tasks with three rollouts a sample, answered from a file."""
    from rich.console import Console

    from harness.instance import write
    from harness.plan import load
    from harness.session import session
    from harness.settings import Asked

    root = tmp_path_factory.mktemp("verified")
    for name in ("vstar", "videomme"):
        write(load(name), root / "data" / name, 2, 0)
    answers = root / "answers.jsonl"
    answers.write_text(json.dumps({"default": True, "texts": ["<think>a</think><answer>B</answer>"]}) + "\n")
    asked = Asked(
        tasks=("vstar", "videomme"), data=root / "data", out=root / "run", engine="scripted", answers=answers,
        n=3, temperature=1.0, cache_gb=0,
    )  # fmt: skip
    assert session(asked, Console(quiet=True)) == 0
    return root


@pytest.fixture
def run(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made / "run", tmp_path / "run"))


def rewrite(run: Path, change: Change) -> None:
    path = run / "records.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    change(lines)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


def test_a_run_that_nobody_changed_is_verified(run: Path, harness: Any) -> None:
    said = harness("verify", run)
    assert said.code == 0 and "WRONG" not in said.out and "verified" in said.out
    assert "16 fine" in said.out, "ten questions of V-STaR and six of Video-MME"


def answer(lines: list[dict[str, Any]]) -> None:
    lines[0]["predictions"][1]["answer"] = "another"


def text(lines: list[dict[str, Any]]) -> None:
    lines[0]["responses"][0]["text"] = "<answer>other</answer>"


def vote(lines: list[dict[str, Any]]) -> None:
    lines[0]["vote"]["answer"] = "another"


def score(lines: list[dict[str, Any]]) -> None:
    values = lines[0]["score"]["values"]
    values[next(iter(values))] = 0.5


def question(lines: list[dict[str, Any]]) -> None:
    lines[0]["sample"]["question"] += "?"


def shown(lines: list[dict[str, Any]]) -> None:
    lines[0]["view"]["times"] = lines[0]["view"]["times"][1:]


def rollout(lines: list[dict[str, Any]]) -> None:
    lines[0]["responses"].pop()
    lines[0]["predictions"].pop()


def lost(lines: list[dict[str, Any]]) -> None:
    lines.pop()


def twice(lines: list[dict[str, Any]]) -> None:
    lines.append(lines[0])


def reference(lines: list[dict[str, Any]]) -> None:
    line = next(line for line in lines if line["sample"]["kind"] == "what")
    line["sample"]["answer"] = "another"
    line["score"]["values"] = {"acc": 0.0}


def tokens(lines: list[dict[str, Any]]) -> None:
    lines[0]["responses"][0]["tokens"] += 1


def another(lines: list[dict[str, Any]]) -> None:
    lines.append({**lines[0], "sample": {**lines[0]["sample"], "id": "made up"}})


def failed(lines: list[dict[str, Any]]) -> None:
    lines[0]["error"] = "EngineError: no"


@pytest.mark.parametrize(
    ("change", "check"),
    [
        (reference, "those of the data"),
        (tokens, "scores.json follows"),
        (another, "every sample of the run"),
        (failed, "with one outcome"),
        (answer, "rollouts read again"),
        (text, "rollouts read again"),
        (vote, "votes held again"),
        (score, "scores given again"),
        (question, "requests made again"),
        (shown, "requests made again"),
        (rollout, "as many rollouts"),
        (lost, "every sample of the run"),
        (twice, "each once"),
        (score, "scores.json follows"),
    ],
)
def test_what_was_changed_is_found(change: Change, check: str, run: Path, harness: Any) -> None:
    rewrite(run, change)
    said = harness("verify", run)
    assert said.code == 1
    assert any(check in line and "WRONG" in line for line in said.out.splitlines()), said.out


@pytest.mark.parametrize("cut", [1, 40, 5000, 20000])
def test_a_file_that_was_cut_is_found(cut: int, run: Path, harness: Any) -> None:
    path = run / "records.jsonl"
    path.write_bytes(path.read_bytes()[:-cut])
    said = harness("verify", run)
    assert said.code == 1 and "every sample of the run has a record" in said.out and "WRONG" in said.out


@pytest.mark.parametrize("place", [0, 3, -1])
def test_a_line_that_is_no_record_is_told(place: int, run: Path, harness: Any) -> None:
    path = run / "records.jsonl"
    lines = path.read_text().splitlines()
    lines[place] = lines[place][:-30]
    path.write_text("\n".join(lines) + "\n")
    said = harness("verify", run)
    assert said.code == 2 and f"line {place % len(lines) + 1} is not JSON" in said.err


@pytest.mark.parametrize(
    ("name", "value"), [("seed", 1), ("voter", "first"), ("decoding", {"n": 3, "temperature": 0.5})]
)
def test_settings_that_were_changed_are_found(name: str, value: Any, run: Path, harness: Any) -> None:
    told = json.loads((run / "run.json").read_text())
    old = told["settings"][name]
    told["settings"][name] = {**old, **value} if isinstance(old, dict) else value
    (run / "run.json").write_text(json.dumps(told))
    assert harness("verify", run).code == 1


def test_the_order_of_records_has_no_say(run: Path, harness: Any) -> None:
    rewrite(run, lambda lines: lines.reverse())
    assert harness("verify", run).code == 0


def test_scores_that_were_changed_are_found(run: Path, harness: Any) -> None:
    path = run / "scores.json"
    scores = json.loads(path.read_text())
    scores["tasks"]["vstar"]["evaluated"]["acc"] = 0.99
    path.write_text(json.dumps(scores))
    assert harness("verify", run).code == 1


def test_other_data_is_found(run: Path, made: Path, harness: Any, tmp_path: Path) -> None:
    moved = Path(shutil.copytree(made / "data", tmp_path / "data"))
    path = moved / "vstar" / "V_STaR_test.json"
    rows = json.loads(path.read_text())
    rows[0]["question"] += "?"
    path.write_text(json.dumps(rows))
    told = json.loads((run / "run.json").read_text())
    told["places"]["data of vstar"] = str(moved / "vstar")
    (run / "run.json").write_text(json.dumps(told))
    said = harness("verify", run)
    assert said.code == 1 and "the data is the one that was asked: vstar" in said.out


def test_no_run_folder_is_told_in_a_sentence(tmp_path: Path, harness: Any) -> None:
    said = harness("verify", tmp_path)
    assert said.code == 2 and "is not a run folder" in said.err
