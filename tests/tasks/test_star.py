"""STAR: both means, options by their ids, parts of videos, what is not read, the split without answers."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from harness.errors import DataError
from harness.geometry import Span
from harness.records import Record, Response, Sample, Score, View
from harness.tasks import _demo
from harness.tasks.star import Star, task

VIEW = View(
    video="v.mp4", times=(3.2, 5.0), duration=6.7, start=3.2, width=9, height=9, size=(28, 28), family="qwen2_5_vl"
)
ROW: dict[str, Any] = {
    "question_id": "Sequence_T2_5",
    "question": "Which object was put down?",
    "video_id": "ABCDE",
    "start": 3.2,
    "end": 9.9,
    "answer": "The box.",
    "question_program": [{"function": "Query"}],
    "choices": [
        {"choice_id": k, "choice": text, "choice_program": []}
        for k, text in ((2, "The cup."), (0, "The box."), (3, "The bag."), (1, "The book."))
    ],
    "situations": {"000001": {}},
}
COUNTS = {"Interaction": 2398, "Sequence": 3586, "Prediction": 624, "Feasibility": 490}
"""Questions of the validation split."""


def rows(root: Path, *changes: dict[str, Any]) -> Path:
    (root / "STAR_val.json").write_text(json.dumps([ROW | change for change in changes]))
    return root


def record(kind: str, value: float | None) -> Record:
    asked = Sample(id="q", item="q", kind="mcq", video="v.mp4", question="?", groups={"type": kind})
    return Record(task="star", version=1, sample=asked, score=None if value is None else Score(values={"acc": value}))


def test_a_row_becomes_a_sample(tmp_path: Path) -> None:
    (found,) = task.samples(rows(tmp_path, {}))
    assert (found.id, found.item, found.groups) == ("Sequence_T2_5", "Sequence_T2_5", {"type": "Sequence"})
    assert found.video == str(tmp_path / "Charades_v1_480/ABCDE.mp4") and found.part == Span(3.2, 9.9)
    assert found.options == ("The box.", "The book.", "The cup.", "The bag.") and found.answer == "A"
    less = {name: value for name, value in ROW.items() if name not in ("question_program", "situations")}
    (tmp_path / "STAR_val.json").write_text(json.dumps([less]))
    assert task.samples(tmp_path) == [found]


def test_the_mean_of_types_is_that_of_a_published_row() -> None:
    """Int 65.51, Seq 68.07, Pre 58.66, Fea 50.09, mean 60.58: a challenge entry (wuweilun/NTU-DLCV-2023, README)."""
    published = {"Interaction": 0.6551, "Sequence": 0.6807, "Prediction": 0.5866, "Feasibility": 0.5009}
    found = task.aggregate([record(kind, published[kind]) for kind, count in COUNTS.items() for _ in range(count)])
    assert sum(COUNTS.values()) == 7098
    assert round(100 * (found["mean"] or 0), 2) == 60.58
    assert found["acc"] == pytest.approx(sum(published[kind] * count for kind, count in COUNTS.items()) / 7098)
    assert {kind: found[kind.lower()] for kind in published} == pytest.approx(published)
    assert set(found) == set(task.columns)


def test_a_breakdown_by_type_has_the_accuracy_of_that_type_in_all_places() -> None:
    records = [record("Sequence", 1.0), record("Sequence", 0.0), record("Sequence", None)]
    found = task.aggregate(records)
    assert found["acc"] == found["mean"] == found["sequence"] == 0.5
    assert found["interaction"] is found["prediction"] is found["feasibility"] is None
    assert set(task.aggregate([]).values()) == {None}
    two = task.aggregate([*records, record("Feasibility", 1.0)])
    assert two["mean"] == 0.75 and two["acc"] == pytest.approx(2 / 3)


@pytest.mark.parametrize("prompt", ["think", "direct"])
def test_questions_and_reference_answers(tmp_path: Path, prompt: str) -> None:
    benchmark = Star(prompt=prompt)
    (asked,) = benchmark.samples(rows(tmp_path, {"answer": "The bag."}))
    text = str(benchmark.request(asked, VIEW).parts[-1])
    assert text.startswith("\nWhich object was put down?\nA. The box.\nB. The book.\nC. The cup.\nD. The bag.\n")
    prediction = benchmark.read(asked, VIEW, Response(rollout=0, text=benchmark.reference(asked, VIEW), finish="stop"))
    assert prediction.answer == "D" and benchmark.score(asked, prediction).values == {"acc": 1.0}


def test_a_claim_is_kept_in_times_of_the_file(tmp_path: Path) -> None:
    (asked,) = task.samples(rows(tmp_path, {}))
    text = "<think><obj>box</obj><box>[0,0,28,28]</box>at<t>1.0</t>s</think><answer>A</answer>"
    (claim,) = task.read(asked, VIEW, Response(rollout=0, text=text, finish="stop")).evidence
    assert claim.time == pytest.approx(4.2)


def test_the_test_split_has_no_answers(tmp_path: Path) -> None:
    hidden = {name: value for name, value in ROW.items() if name != "answer"}
    (tmp_path / "STAR_test.json").write_text(json.dumps([hidden]))
    with pytest.raises(DataError, match=r"has STAR_test.json and no STAR_val.json: the answers .* take STAR_val.json$"):
        task.samples(tmp_path)
    (tmp_path / "STAR_test.json").rename(tmp_path / "STAR_val.json")
    with pytest.raises(DataError, match=r"row 0: no answer: the answers of the test split are not published"):
        task.samples(tmp_path)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"question_id": "Memory_T1_1"}, "column 'question_id': expected one of Interaction, Sequence, "),
        ({"question_id": "Sequence_T2_5"}, "column 'question_id': expected a value of its own"),
        ({"answer": "The dog."}, "column 'answer': expected a choice, found 'The dog.'"),
        ({"choices": [{"choice_id": 1, "choice": "The box."}]}, "column 'choices': expected choices with the ids 0, 1"),
        ({"choices": []}, "column 'choices'"),
        ({"start": 9.9}, "column 'start': expected seconds before those of end"),
        ({"start": None}, "column 'start': expected a finite number"),
        ({"video_id": "../../x"}, "column 'video_id': expected a video inside"),
    ],
)
def test_a_damaged_row_is_one_sentence(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    with pytest.raises(DataError, match=re.escape(said)):
        task.samples(rows(tmp_path, {}, {"question_id": "Sequence_T2_6"} | change))


def test_the_demo_has_all_types_about_parts_of_clips(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_demo, "write", lambda clip, path: None)
    (tmp_path / "Charades_v1_480").mkdir()
    task.demo(tmp_path, 24, 1)
    clips = {name: clip for name, _, clip, _ in _demo.clips("star", 24, 1, things=4)}
    found = task.samples(tmp_path)
    assert {each.groups["type"] for each in found} == {"Interaction", "Sequence", "Prediction", "Feasibility"}
    assert {each.answer for each in found} == set("ABCD") and {len(each.options) for each in found} == {4}
    for each in found:
        clip, part = clips[Path(each.video).stem], each.part
        assert part is not None and 0 <= part.start < part.end <= clip.duration - 1
        assert part.end - part.start < clip.duration - 1
        if each.groups["type"] == "Feasibility":
            there = {thing.name: thing.span for thing in clip.things if thing.span.start < part.end}
            last = max(there, key=lambda name: min(there[name].end, part.end))
            assert each.options["ABCD".index(each.answer or "")] == last
