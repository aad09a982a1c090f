"""`harness vote` as it is typed, on run folders that benchmarks/votes.py writes."""

from __future__ import annotations

import importlib
import importlib.util
import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from harness import metrics, plugins
from harness.codec import decode
from harness.records import Prediction, Record
from harness.schema import validate
from harness.store import read_records

ROOT = Path(__file__).parents[2]
CONFIDENT = '''"""A vote weighed by a signal that is on record."""
import importlib
weighted = importlib.import_module("harness.scaling.weighted")
class Relevance:
    name = "relevance"
    def ask(self, record, rollout): return []
    def value(self, record, rollout, grades): return 0.0
voter = weighted.Weighted(Relevance())
'''
Vote = Callable[..., tuple[int, str, str]]


def writer() -> Any:
    spec = importlib.util.spec_from_file_location("benchmark_votes", ROOT / "benchmarks" / "votes.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """40 questions on 10 videos, 6 rollouts each."""
    made = tmp_path / "run"
    made.mkdir()
    writer().make(made, 40, 6, ["relevance"])
    (tmp_path / "confident.py").write_text(CONFIDENT)
    return made


@pytest.fixture
def journal(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """What stands in for the journal of signals: nothing is in it, and nothing may be asked."""
    stub = SimpleNamespace(read=lambda folder: {}, fill=lambda *words: 1, asked=[])
    monkeypatch.setattr("harness.scaling.vote.signals", stub)
    return stub


@pytest.fixture
def vote(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], journal: SimpleNamespace, tmp_path: Path
) -> Vote:
    """Run `harness vote ...` in this process: exit code, output, errors."""
    from harness.cli import main

    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.chdir(tmp_path)

    def run(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["harness", "vote", *map(str, words)])
        with pytest.raises(SystemExit) as stop:
            main()
        said = capsys.readouterr()
        return int(str(stop.value.code or 0)), said.out, said.err

    return run


def rewrite(folder: Path, change: Callable[[Record], Record]) -> None:
    lines = [msgspec.json.encode(change(record)) + b"\n" for record in read_records(folder)]
    (folder / "records.jsonl").write_bytes(b"".join(lines))


def test_rules_of_stopping_early_stand_beside_the_full_vote(folder: Path, vote: Vote) -> None:
    code, out, _ = vote(folder, "--voters", "first,majority,confident.py", "--adaptive", "lossless,same:0.9")
    assert code == 0 and "majority, stopped early, against all 6 rollouts" in out
    [task] = json.loads((folder / "votes.json").read_bytes())["tasks"].values()
    assert set(task["adaptive"]) == {"majority", "confident"}
    full, lossless, same = task["adaptive"]["majority"]
    assert [full["rule"], lossless["rule"], same["rule"]] == ["all", "lossless", "same:0.9"]
    assert full["metrics"]["acc"] == task["voters"]["majority"]["acc"][-1]["value"] == lossless["metrics"]["acc"]
    assert lossless["changed"] == 0 and 0 < lossless["saved"] < same["saved"]
    assert "| lossless |" in (folder / "votes.md").read_text()
    code, _, said = vote(folder, "--adaptive", "sometimes")
    assert code == 2 and "sometimes" in said and "lossless" in said


def test_controls_are_asked_for_beside_the_signals(folder: Path, vote: Vote, journal: SimpleNamespace) -> None:
    asked: list[str] = []

    def fill(folder: Path, signals: Any, how: Any, console: Any) -> int:
        asked.extend(signal.name for signal in signals)
        return 0

    journal.fill = fill
    assert vote(folder, "--voters", "majority,confidence", "--controls")[0] == 0
    assert asked == ["relevance", "random-crop", "question-only"]


def test_votes_and_curves_come_from_the_records_alone(folder: Path, vote: Vote, journal: SimpleNamespace) -> None:
    code, out, _ = vote(folder, "--voters", "first,majority,confident.py", "--n", "1,3,6")
    assert code == 0 and "Video-MME (version 1), per cent" in out and "best of N" in out and not journal.asked
    told = json.loads((folder / "votes.json").read_bytes())
    assert told["settings"]["voters"] == ["first", "majority", "confident"]
    task, records = told["tasks"]["videomme"], {r.sample.id: r for r in read_records(folder)}
    voter = plugins.load("harness.scaling", "majority")
    lines = [json.loads(line) for line in (folder / "votes-majority.jsonl").read_bytes().splitlines()]
    assert [line["sample"] for line in lines] == sorted(records)
    for line in lines:
        validate("vote", line, "a line")
        record = records[line["sample"]]
        assert decode(Prediction, line["vote"]) == voter(record.sample, record.predictions)
    whole = task["voters"]["majority"]["acc"][-1]
    assert whole["value"] == metrics.mean(line["score"]["values"]["acc"] for line in lines)
    assert whole["low"] < whole["value"] < whole["high"] and whole["error"] is None
    single = metrics.mean(float(p.answer == r.sample.answer) for r in records.values() for p in r.predictions)
    assert [p["value"] for p in task["voters"]["first"]["acc"]] == pytest.approx([single] * 3)
    assert task["base"]["acc"][0]["value"] == pytest.approx(single)
    right = [any(p.answer == r.sample.answer for p in r.predictions) for r in records.values()]
    assert task["oracle"]["acc"][-1]["value"] == metrics.mean(map(float, right))
    assert task["cost"][1] == {"rollouts": 3, "tokens": 3 * (90 + 2.5), "seconds": 0.5}


def test_the_same_command_writes_the_same_bytes(folder: Path, vote: Vote) -> None:
    vote(folder, "--voters", "first,majority,confident.py")
    names = ["votes-first.jsonl", "votes-majority.jsonl", "votes-confident.jsonl"]
    names += ["votes.json", "votes.md", "votes-videomme.png"]
    before = {name: (folder / name).read_bytes() for name in names}
    rewrite(folder, lambda record: record)
    lines = (folder / "records.jsonl").read_bytes().splitlines(keepends=True)
    (folder / "records.jsonl").write_bytes(b"".join(reversed(lines)))
    vote(folder, "--voters", "first,majority,confident.py")
    assert {name: (folder / name).read_bytes() for name in names} == before
    assert json.loads(before["votes.json"])["tasks"]["videomme"]["n"] == [1, 2, 4, 6]


def test_only_missing_signals_are_asked_for(
    folder: Path, vote: Vote, journal: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    vote(folder, "--voters", "confident.py")
    before = (folder / "votes-confident.jsonl").read_bytes()
    known = {
        ("videomme", r.sample.id): {"relevance": [p.signals["relevance"] for p in r.predictions]}
        for r in read_records(folder)
    }
    rewrite(folder, lambda r: replace(r, predictions=tuple(replace(p, signals={}) for p in r.predictions)))

    def fill(*words: Any) -> int:
        journal.asked.append(words)
        monkeypatch.setattr(journal, "read", lambda folder: known)
        return 0

    monkeypatch.setattr(journal, "fill", fill)
    assert vote(folder, "--voters", "first,majority")[0] == 0 and not journal.asked
    assert vote(folder, "--voters", "majority,confident.py", "--model", "nano", "--in-flight", "7")[0] == 0
    ((where, signals, how, _),) = journal.asked
    assert where == folder and [s.name for s in signals] == ["relevance"]
    assert how.model == "nano" and how.in_flight == 7
    assert (folder / "votes-confident.jsonl").read_bytes() == before


def test_what_could_not_be_asked_ends_it_before_anything_is_written(
    folder: Path, vote: Vote, journal: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    rewrite(folder, lambda r: replace(r, predictions=tuple(replace(p, signals={}) for p in r.predictions)))
    monkeypatch.setattr(journal, "fill", lambda *words: 3)
    code, _, err = vote(folder, "--voters", "confident.py")
    assert code == 1 and "3 samples still lack relevance" in err

    def stop(*words: Any) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(journal, "fill", stop)
    code, out, _ = vote(folder, "--voters", "confident.py")
    assert code == 130 and "the same command goes on" in out
    assert not list(folder.glob("votes*"))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--n", "1,8"], "--n 8 is more than videomme has: 6 rollouts"),
        (["--n", "0"], "--n cannot be 0"),
        (["--n", "1;2"], "--n cannot be '1;2'"),
        (["--voters", "majority,majority"], "names 'majority' twice"),
        (["--voters", "majorty"], "did you mean 'majority'"),
        (["--voters", ","], "--voters names none"),
    ],
)
def test_a_mistake_is_told_in_a_sentence(folder: Path, vote: Vote, words: list[str], said: str) -> None:
    code, _, err = vote(folder, *words)
    assert code == 2 and said in err and err.startswith("harness: ") and err.count("\n") == 1
    assert not list(folder.glob("votes*"))


def test_what_is_no_run_folder_is_told(tmp_path: Path, vote: Vote) -> None:
    assert "is not a run folder" in vote(tmp_path)[2]


def test_of_unequal_rollouts_the_first_are_taken(folder: Path, vote: Vote) -> None:
    def cut(record: Record) -> Record:
        k = 4 if record.sample.id < "000020" else 6
        return replace(record, responses=record.responses[:k], predictions=record.predictions[:k])

    rewrite(folder, cut)
    _, out, _ = vote(folder)
    task = json.loads((folder / "votes.json").read_bytes())["tasks"]["videomme"]
    assert (task["rollouts"], task["most_rollouts"], task["n"]) == (4, 6, [1, 2, 4])
    assert "Some samples have up to 6 rollouts; the first 4 of each count." in out
    rewrite(folder, lambda r: replace(r, responses=r.responses[:4], predictions=r.predictions[:4]))
    vote(folder)
    assert json.loads((folder / "votes.json").read_bytes())["tasks"]["videomme"]["voters"] == task["voters"]


def test_samples_that_were_not_evaluated_are_counted_and_none_is_no_vote(folder: Path, vote: Vote) -> None:
    def lose(record: Record, number: int) -> Record:
        blank = Record(task=record.task, version=1, sample=record.sample, error="VideoError: gone")
        return blank if record.sample.id < f"{number:06d}" else record

    rewrite(folder, lambda r: lose(r, 5))
    assert "not evaluated: 5" in vote(folder)[1]
    rewrite(folder, lambda r: lose(r, 40))
    code, out, _ = vote(folder)
    assert code == 1 and "no evaluated samples" in out
