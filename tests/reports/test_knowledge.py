"""Knowledge from lectures: counted by hand, checked against the published leaderboard, and refused where it must be."""

from __future__ import annotations

import importlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from harness.codec import encode
from harness.contracts import Finished, Sheet
from harness.errors import UsageError
from harness.records import Record, Sample, Score
from harness.tasks.videommmu import VideoMMMU

knowledge = importlib.import_module("harness.reports.knowledge")
BEFORE, AFTER = "videommmu_question_only", "videommmu"
LEADERBOARD = json.loads((Path(__file__).parents[1] / "tasks/data/videommmu_leaderboard.json").read_text())


def record(task: str, number: int, right: float | None, track: str = "Adaptation", **changes: Any) -> Record:
    told: dict[str, Any] = {
        "id": f"{track}/{number}",
        "item": str(number),
        "kind": "mcq",
        "video": f"{task}/{number}.mp4",
        "question": f"Question {number}?",
        "answer": "A",
        "groups": {"track": track},
    }
    score = Score(values={"acc": right}, reason=None if right is not None else "empty")
    return Record(task=task, version=1, sample=Sample(**told | changes), score=score)


def run(folder: Path, records: Sequence[Record], model: str = "m", **options: str) -> Finished:
    folder.mkdir(parents=True)
    lines = [json.dumps(encode(each)) + "\n" for each in records]
    (folder / "records.jsonl").write_text("".join(lines), encoding="utf-8")
    names = [*dict.fromkeys(each.task for each in records)]
    tasks = [{"name": name, "version": 1, "options": {"parser": "strict", **options}} for name in names]
    settings = {"tasks": tasks, "model": {"name": model}, "seed": 0, "decoding": {"n": 1}}
    return Finished(folder=folder, run={"settings": settings}, scores={"tasks": dict.fromkeys(names, {})})


def answers(task: str, text: str) -> list[Record]:
    """A record for each letter: r(ight), w(rong), - (not scored)."""
    return [record(task, n, {"r": 1.0, "w": 0.0, "-": None}[each]) for n, each in enumerate(text)]


def told(sheets: list[Sheet]) -> dict[str, Any]:
    (sheet,) = sheets
    (row,) = sheet.rows
    return dict(zip(("run", "questions", "before", "after", "delta", "up", "ups", "down", "downs"), row, strict=True))


def test_what_turned_is_counted(tmp_path: Path) -> None:
    both = [*answers(BEFORE, "rrrrwwwwww"), *answers(AFTER, "rrrwrrrwww"), record(AFTER, 0, 1.0, "Perception")]
    row = told(knowledge.report([run(tmp_path / "both", both)]))
    assert row["questions"] == "10" and (row["before"], row["after"]) == (0.4, 0.6)
    assert row["delta"] == pytest.approx((60 - 40) / (100 - 40))
    assert (row["up"], row["ups"], row["down"], row["downs"]) == (3 / 6, "3 of 6", 1 / 4, "1 of 4")


def test_two_runs_are_paired_by_question_and_by_model(tmp_path: Path) -> None:
    runs = [
        run(tmp_path / "b1", answers(BEFORE, "rwww")[::-1], "one"),
        run(tmp_path / "b2", answers(BEFORE, "wwww"), "two"),
        run(tmp_path / "a2", answers(AFTER, "wwwr"), "two"),
        run(tmp_path / "a1", answers(AFTER, "wrrw"), "one"),
    ]
    (sheet,) = knowledge.report(runs)
    assert [(row[0], row[6], row[8]) for row in sheet.rows] == [
        ("b1, a1", "2 of 3", "1 of 1"),
        ("b2, a2", "1 of 4", "0 of 0"),
    ]
    assert sheet.rows[1][7] is None and len(sheet.notes) == 1


def test_what_was_not_scored_is_left_out_and_told(tmp_path: Path) -> None:
    both = run(tmp_path / "both", [*answers(BEFORE, "rw-w"), *answers(AFTER, "-rrw")])
    (sheet,) = knowledge.report([both])
    row = told([sheet])
    assert (row["questions"], row["before"], row["after"], row["ups"]) == ("2", 0.0, 0.5, "1 of 2")
    assert "both: 2 questions without a score before or after are left out" in sheet.notes
    empty = run(tmp_path / "empty", [*answers(BEFORE, "-"), *answers(AFTER, "r")])
    with pytest.raises(UsageError, match="no question was scored before and after"):
        knowledge.report([empty])


def test_nothing_can_be_learned_by_who_knows_it_all(tmp_path: Path) -> None:
    row = told(knowledge.report([run(tmp_path / "both", [*answers(BEFORE, "rr"), *answers(AFTER, "rw")])]))
    assert row["delta"] is None and row["up"] is None and row["down"] == 0.5


def test_other_settings_are_told(tmp_path: Path) -> None:
    before = run(tmp_path / "b", answers(BEFORE, "rw"))
    after = run(tmp_path / "a", answers(AFTER, "rw"), parser="official")
    (sheet,) = knowledge.report([before, after])
    assert sheet.notes[1] == "b, a: before and after were not asked alike: options.parser was strict and is official"


def test_runs_that_do_not_belong_together_are_refused(tmp_path: Path) -> None:
    before, after = run(tmp_path / "b", answers(BEFORE, "rw")), run(tmp_path / "a", answers(AFTER, "rw"))
    with pytest.raises(UsageError, match=r"/b: there must be one run of videommmu_question_only and one of videommmu "):
        knowledge.report([before])
    with pytest.raises(UsageError, match="one run of"):
        knowledge.report([before, run(tmp_path / "other", answers(AFTER, "rw"), "other")])
    with pytest.raises(UsageError, match="/x is no run of videommmu or"):
        knowledge.report([before, after, run(tmp_path / "x", answers("vstar", "r"))])
    with pytest.raises(UsageError, match="1 questions were asked only before or after, such as Adaptation/2"):
        knowledge.report([before, run(tmp_path / "more", answers(AFTER, "rww"))])
    changed = [record(AFTER, 0, 1.0), record(AFTER, 1, 0.0, answer="B")]
    with pytest.raises(UsageError, match="Adaptation/1 is not the same question before and after"):
        knowledge.report([before, run(tmp_path / "changed", changed)])


def test_printed_figures_of_the_leaderboard_are_counts_of_300_by_the_same_formula() -> None:
    """16 of the 23 printed values of delta-knowledge follow, to their one decimal, from a whole number of right answers
    before; by chance it would be about five."""
    exact = 0
    for *_, printed, _, delta in LEADERBOARD["rows"]:
        if delta is None:
            continue
        right = round(3 * printed)
        deltas = [
            knowledge.Learned((True,) * k + (False,) * (300 - k), (True,) * right + (False,) * (300 - right)).delta
            for k in range(60, 200)
        ]
        exact += min(abs(100 * each - delta) for each in deltas) <= 0.05
    assert exact == 16


def test_one_run_of_both_tasks_is_reported_by_the_command(harness: Any, tmp_path: Path) -> None:
    data, out = tmp_path / "data", tmp_path / "run"
    (data / "videommmu").mkdir(parents=True)
    VideoMMMU().demo(data / "videommmu", 3, 0)
    lines = [
        {"match": "Which", "texts": ["<think>x</think><answer>A</answer>"]},
        {"default": True, "texts": ["<think>x</think><answer>3</answer>"]},
    ]
    (tmp_path / "answers.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    words = ("--data", data, "--engine", "scripted", "--answers", tmp_path / "answers.jsonl", "--family", "qwen2_5_vl")
    said = harness("run", "--tasks", "videommmu,videommmu-question-only", *words, "--frames", "uniform:2", "--out", out)
    assert said.code == 0, said.err
    said = harness("report", out, "--as", "knowledge", "--out", tmp_path / "k.md")
    assert said.code == 0, said.err
    table = (tmp_path / "k.md").read_text(encoding="utf-8")
    assert "| run | 3 |" in table and "0 of" in table and "not asked alike" not in table
    assert harness("report", out, "--as", "table2").code == 0
