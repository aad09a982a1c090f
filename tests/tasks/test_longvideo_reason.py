"""LongVideo-Reason: damaged rows, folders of the archives, the published equality of texts beside our reading."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import DataError, UsageError
from harness.plan import load
from harness.records import Prediction, Record, Response, Sample, Score, View
from harness.scaling.majority import voter
from harness.settings import configure
from harness.tasks import _demo, _longvideo_official
from harness.tasks._longvideo_rows import split
from harness.tasks.longvideo_reason import LongVideoReason

PUBLISHED = json.loads((Path(__file__).parent / "data/longvideo_types.json").read_text())
VIEW = View(video="v.mp4", times=(0.0, 5.0), duration=10, width=100, height=100, size=(100, 100), family="qwen2_5_vl")
OPTIONS = "A. pear\nB. plum\nC. fig\nD. nut"
ROW = {
    "problem_id": 7, "problem": f"Why is it?\n{OPTIONS}", "data_type": "video", "problem_type": "goal",
    "reasoning": "Because.", "videos": "longvila_videos/abc.mp4", "answer": "<answer>B</answer>",
}  # fmt: skip
DAMAGED = (
    "What does he do?",
    "What does he do?\nA. But this requires the test-taker to weigh what is seen.\nSo better:\nB. He runs.",
    f"What does he do?\n{OPTIONS}\nE. More.",
    "What does he do?\nA. He runs.\nC. He sits.\nB. He eats.\nD. He sleeps.",
    "What does he do?\nA. pear\nB. plum\nC. \nD. nut",
    OPTIONS,
)


def write(root: Path, *rows: dict[str, Any], name: str = "test/test.jsonl") -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


@pytest.mark.parametrize("name", ["test/test.jsonl", "test.jsonl"])
def test_a_row_gives_one_sample(tmp_path: Path, name: str) -> None:
    write(tmp_path, ROW | {"reasoning": "one line\u2028of two"}, name=name)
    (sample,) = LongVideoReason().samples(tmp_path)
    assert (sample.id, sample.question, sample.answer) == ("7", "Why is it?", "B")
    assert sample.options == ("pear", "plum", "fig", "nut")
    assert sample.groups == {"problem_type": "goal", "options": "intact"}
    assert sample.video == str(tmp_path / "longvila_videos/abc.mp4")


def test_options_may_go_over_lines_and_hold_letters() -> None:
    assert split("Is B. right?\n\nA. one\n two\nB. A. again\nC.\tyes\nD. no\n") == (
        "Is B. right?", ("one\n two", "A. again", "yes", "no"),
    )  # fmt: skip


@pytest.mark.parametrize("problem", DAMAGED)
def test_damaged_rows_are_kept_and_asked_as_they_are_written(tmp_path: Path, problem: str) -> None:
    write(tmp_path, ROW | {"problem": problem})
    (sample,) = LongVideoReason().samples(tmp_path)
    assert (sample.question, sample.options, sample.answer) == (problem, (), "B")
    assert sample.groups["options"] == "damaged"
    for prompt, parser in (("think", "strict"), ("direct", "strict"), ("official", "official")):
        task = LongVideoReason(prompt=prompt, parser=parser)
        assert problem in str(task.request(sample, VIEW).parts[-1])
        text = task.reference(sample, VIEW)
        assert task.score(sample, task.read(sample, VIEW, Response(rollout=0, text=text, finish="stop"))).values[
            "acc"
        ] == 1.0  # fmt: skip


@pytest.mark.parametrize(
    "place", ["longvideo_eval_subset3/abc.webm", "deep/longvideo_eval_subset9/abc.webm", "abc.webm"]
)
def test_videos_are_found_in_the_folders_of_the_archives(tmp_path: Path, place: str) -> None:
    (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / place).touch()
    write(tmp_path, ROW | {"videos": "longvila_videos/abc.webm"})
    assert LongVideoReason().samples(tmp_path)[0].video == str(tmp_path / place)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"answer": "B"}, "column 'answer': expected a letter A-D in an answer tag, found 'B'"),
        ({"answer": "<answer>E</answer>"}, "column 'answer'"),
        ({"videos": "../../secret.mp4"}, "column 'videos': expected a video inside"),
        ({"problem_id": "x"}, "column 'problem_id': expected a finite number"),
        ({"problem_id": 1.5}, "column 'problem_id': expected a whole number"),
        ({"problem": None}, "column 'problem': expected text"),
    ],
)
def test_what_is_not_as_published_is_named(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    write(tmp_path, ROW | changes)
    with pytest.raises(DataError, match=said):
        LongVideoReason().samples(tmp_path)


SAMPLE = Sample(
    id="7", item="7", kind="mcq", video="v.mp4", question="Why?", options=("pear", "plum", "fig", "nut"), answer="B"
)

# text; our reading, the published equality and the format reward with B as the reference
CASES: list[tuple[str, float, float, float]] = [
    ("<answer>B</answer>", 1, 1, 0),
    ("B", 1, 1, 0),
    (" B\n", 1, 1, 0),
    ("<answer> B </answer>", 1, 1, 0),
    ("<answer>B.</answer>", 1, 0, 0),
    ("<answer>(B)</answer>", 1, 0, 0),
    ("<answer>b</answer>", 1, 0, 0),
    ("<answer>B. plum</answer>", 1, 0, 0),
    ("<answer>\\boxed{B}</answer>", 0, 0, 0),
    ("<answer>\nB\n</answer>", 1, 0, 0),
    ("<answer>B</answer><answer>C</answer>", 1, 1, 0),
    ("<answer>C</answer><answer>B</answer>", 0, 0, 0),
    ("<answer>\nC\n</answer><answer>B</answer>", 0, 1, 0),
    ("<answer>Therefore the final answer is: B</answer>", 1, 1, 0),
    ("Therefore the final answer is: <answer>B</answer>", 1, 0, 0),
    ("Therefore the final answer is: B", 0, 0, 0),
    ("<think>x</think><answer>B</answer>", 1, 1, 1),
    ("<think>x\ny</think>\n\n<answer>\nB</answer> more", 1, 0, 1),
    (" <think>x</think><answer>B</answer>", 1, 1, 0),
    ("<think>x</think> so <answer>B</answer>", 1, 1, 0),
    ("<think>C: <answer>C</answer> no</think><answer>B</answer>", 1, 0, 1),
    ("<think>x</think><answer>B", 1, 0, 0),
    ("<think>x</think><answer></answer>", 0, 0, 1),
    ("", 0, 0, 0),
]


def scored(task: LongVideoReason, text: str) -> dict[str, float | None]:
    prediction = task.read(SAMPLE, VIEW, Response(rollout=3, text=text, finish="stop"))
    return dict(task.score(SAMPLE, prediction).values)


@pytest.mark.parametrize(("text", "acc", "strict", "form"), CASES)
def test_readings(text: str, acc: float, strict: float, form: float) -> None:
    assert scored(LongVideoReason(), text) == {"acc": acc, "strict": strict, "format": form}
    assert scored(LongVideoReason(parser="official"), text) == {"acc": strict, "strict": strict, "format": form}


PIECES = ("<think>", "</think>", "<answer>", "</answer>", "B", "C", " ", "\n", "\t", "x.",
          "Therefore the final answer is:")  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=12))
def test_the_published_reading_is_that_of_its_patterns(pieces: list[str]) -> None:
    text = "".join(pieces)
    phrased = "Therefore the final answer is:" in text
    pattern = "<answer>Therefore the final answer is: (.*?)</answer>" if phrased else "<answer>(.*?)</answer>"
    match = re.search(pattern, text)
    assert _longvideo_official.answer(text) == (match.group(1).strip() if match else text.strip())
    form = re.match(r"<think>.*?</think>\s*<answer>.*?</answer>", text, re.DOTALL)
    assert _longvideo_official.formed(text) == (form is not None)


@pytest.mark.parametrize("text", ["<answer>" * 200_000, "<answer>\n" * 100_000 + "</answer>", "</think>" * 200_000])
def test_reading_takes_time_as_the_text_is_long(text: str) -> None:
    assert _longvideo_official.answer(text) == text and not _longvideo_official.formed("<think>" + text)


def test_a_vote_is_read_as_the_rollout_that_speaks_for_it() -> None:
    task = LongVideoReason()
    texts = ("<think>x</think><answer>B.</answer>", "<answer>B</answer>", "<answer>C</answer>")
    read = [task.read(SAMPLE, VIEW, Response(rollout=k, text=text, finish="stop")) for k, text in enumerate(texts)]
    assert task.score(SAMPLE, voter(SAMPLE, read)).values == {"acc": 1, "strict": 0, "format": 1}
    assert task.score(SAMPLE, voter(SAMPLE, read[1:2])).values == {"acc": 1, "strict": 1, "format": 0}
    silent = [task.read(SAMPLE, VIEW, Response(rollout=0, text="<think>x</think><answer></answer>", finish="stop"))]
    assert task.score(SAMPLE, silent[0]).values["format"] == 1
    for nobody in (voter(SAMPLE, silent), Prediction(answer="B")):
        assert [task.score(SAMPLE, nobody).values[name] for name in ("strict", "format")] == [0, 0]


def test_rollouts_that_differ_in_form_alone_are_scored_apart() -> None:
    from harness.scaling.pool import Scorer

    task, texts = LongVideoReason(), ("<answer>B.</answer>", "<answer>B</answer>", "<think>x</think><answer>b</answer>")
    read = [task.read(SAMPLE, VIEW, Response(rollout=k, text=text, finish="stop")) for k, text in enumerate(texts)]
    scorer = Scorer(task, SAMPLE)
    assert [tuple(scorer(p).values.values()) for p in read] == [(1, 0, 0), (1, 1, 0), (1, 0, 1)]


def test_options_of_the_task() -> None:
    task = LongVideoReason()
    official: Any = configure(task, dict(task.preset("official").options))
    asked = official.request(SAMPLE, VIEW).parts
    assert not any(isinstance(part, str) for part in asked[:-1])
    assert asked[-1].endswith("\n\nQuestion: Why?\nA. pear\nB. plum\nC. fig\nD. nut") and "<think>" in asked[-1]
    with pytest.raises(UsageError, match="longvideo_reason has no parser 'x'; there are: strict, official"):
        LongVideoReason(parser="x")
    assert scored(official, official.reference(SAMPLE, VIEW)) == {"acc": 1, "strict": 1, "format": 1}


def test_it_is_found_by_either_name() -> None:
    assert load("longvideo_reason") is load("longvideo-reason")
    assert load("longvideo-reason").name == "longvideo_reason"


def test_the_demonstration_is_in_the_folders_of_the_archives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def touch(clip: object, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()

    monkeypatch.setattr(_demo, "write", touch)
    LongVideoReason().demo(tmp_path, 24, 0)
    samples = LongVideoReason().samples(tmp_path)
    assert all(Path(sample.video).is_file() for sample in samples) and not (tmp_path / "longvila_videos").exists()
    assert {Path(sample.video).suffix for sample in samples} == {".mp4", ".mkv"}
    assert {s.groups["problem_type"] for s in samples} == {"temporal", "spatial", "plot", "goal"}
    assert {s.groups["options"] for s in samples} == {"intact"} and len({s.id for s in samples}) == len(samples)


@pytest.mark.parametrize("row", PUBLISHED["rows"], ids=lambda row: row["model"])
def test_the_published_overall_figure_is_that_of_all_questions(row: Any) -> None:
    records: list[Record] = []
    for (kind, count), percent in zip(PUBLISHED["counts"].items(), row["types"], strict=True):
        sample = Sample(id=kind, item=kind, kind="mcq", video="v", question="?", groups={"problem_type": kind})
        score = Score(values={"acc": percent / 100, "strict": 0.0, "format": 1.0})
        records += [Record(task="longvideo_reason", version=1, sample=sample, score=score)] * count
    found = LongVideoReason().aggregate(records)
    assert found["acc"] is not None and len(records) == 1000
    assert 100 * found["acc"] == pytest.approx(row["weighted"], abs=0.006)
    assert 100 * found["acc"] == pytest.approx(row["overall"], abs=0.126)
    assert found["strict"] == 0.0 and found["format"] == pytest.approx(1.0)
