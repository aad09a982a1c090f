"""WorldSense: both layouts of its annotation, lists that are read and never run, letters, and the published table."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from harness.errors import DataError
from harness.plan import load
from harness.records import Record, Response, Sample, Score, View
from harness.settings import configure
from harness.tasks import _demo
from harness.tasks.worldsense import WorldSense

PUBLISHED = json.loads((Path(__file__).parent / "data/worldsense_leaderboard.json").read_text())
VIEW = View(video="v.mp4", times=(0.0, 5.0), duration=10, width=100, height=100, size=(100, 100), family="qwen2_5_vl")
VIDEOS: dict[str, Any] = {
    "vid01": {
        "video_id": "vid01", "video_duration": "75s", "duration": "1-2min", "domain": "Sports",
        "sub_category": "Tennis", "audio_class": ["Speech", "Event"], "video_caption": "A game.",
        "task0": {"task_domain": "Recognition", "task_type": "Audio Recognition", "question": "What is\nheard?",
                  "answer": "C", "candidates": ["A. a 'bell'", "B. a \"drum\"", "C. it's a dog\tbarking"]},
        "task1": {"task_domain": "Reasoning", "task_type": "Causal Reasoning", "question": "Why?",
                  "answer": "D", "candidates": ["A. a, b", "B. [c]", "C. no", "D. A. yes"]},
    },
    "vid02": {
        "video_id": "vid02", "video_duration": "500s", "duration": ">8min", "domain": "Music",
        "sub_category": "Covers", "audio_class": [], "video_caption": "A song.",
        "task0": {"task_domain": "Understanding", "task_type": "Event Sorting", "question": "What is first?",
                  "answer": "A", "candidates": ["A. None", "B. é", "C. NA", "D. nan"]},
    },
}  # fmt: skip
COLUMNS = ("index", "video", "video_path", "duration", "domain", "candidates", "sub_category", "audio_class",
           "task_domain", "task_type", "subtitle_path", "audio_path", "video_caption", "question", "answer",
)  # fmt: skip


def write_json(root: Path, videos: Any) -> None:
    (root / "worldsense_qa.json").write_text(json.dumps(videos), encoding="utf-8")


def write_tsv(root: Path, **changes: str) -> None:
    """As VLMEvalKit writes it: through pandas, its lists as Python prints them."""
    with (root / "WorldSense.tsv").open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, delimiter="\t", lineterminator="\n")
        table.writerow(COLUMNS)
        rows = [(name, told, told[key]) for name, told in VIDEOS.items() for key in told if key.startswith("task")]
        for index, (name, told, asked) in enumerate(rows):
            row = {**told, **asked, "index": index, "video": name, "video_path": f"./videos/{name}.mp4"} | changes
            table.writerow([str(row.get(column, "")) for column in COLUMNS])


def test_both_layouts_give_the_same_samples(tmp_path: Path) -> None:
    write_tsv(tmp_path)
    of_table = WorldSense().samples(tmp_path)
    write_json(tmp_path, VIDEOS)
    assert WorldSense().samples(tmp_path) == of_table
    assert [s.id for s in of_table] == ["vid01/0", "vid01/1", "vid02/0"]
    three, four, other = of_table
    assert three.options == ("a 'bell'", 'a "drum"', "it's a dog\tbarking") and three.question == "What is\nheard?"
    assert four.options == ("a, b", "[c]", "no", "A. yes") and other.options == ("None", "é", "NA", "nan")
    assert three.video == str(tmp_path / "videos/vid01.mp4")
    assert three.groups == {
        "duration": "1-2min", "domain": "Sports", "sub_category": "Tennis", "task_domain": "Recognition",
        "task_type": "Audio Recognition", "audio_speech": "yes", "audio_event": "yes", "audio_music": "no",
    }  # fmt: skip


def test_a_video_counts_in_each_of_its_audio_classes(tmp_path: Path) -> None:
    write_json(tmp_path, VIDEOS)
    records = [
        Record(task="worldsense", version=1, sample=s, score=Score(values={"acc": float(s.item == "vid01/1")}))
        for s in WorldSense().samples(tmp_path)
    ]
    by = {
        axis: WorldSense().aggregate([r for r in records if r.sample.groups[axis] == "yes"])["acc"]
        for axis in ("audio_speech", "audio_event", "audio_music")
    }
    assert by == {"audio_speech": 0.5, "audio_event": 0.5, "audio_music": None}


def test_videos_are_found_wherever_the_archives_put_them(tmp_path: Path) -> None:
    write_json(tmp_path, VIDEOS)
    there = tmp_path / "worldsense_videos_1/videos/vid01.mp4"
    there.parent.mkdir(parents=True)
    there.touch()
    assert WorldSense().samples(tmp_path)[0].video == str(there)


@pytest.mark.parametrize(
    "written",
    [
        "__import__('os').mkdir('harm')",
        "[open('harm', 'w')]",
        "['A. x', __import__('os').mkdir('harm')]",
        "['A. x'] + [().__class__.__base__.__subclasses__()]",
        "[f'{open(\"harm\", \"w\")}', 'B. y']",
        "['A. x', 'B. y'",
        "[" * 50_000 + "]" * 50_000,
        "-" * 100_000 + "1",
        "['A. x', 1]",
        "{'A. x': 'B. y'}",
        "['A. x' 'B. y']",
        "'A. x', 'B. y'",
        "[b'A. x', b'B. y']",
        "['\\x', 'B. y']",
        "['\\N{none}', 'B. y']",
        "",
        "nan",
    ],
)
def test_a_list_is_read_and_never_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: str) -> None:
    monkeypatch.chdir(tmp_path)
    write_tsv(tmp_path, candidates=written)
    with pytest.raises(DataError, match="column 'candidates'") as error:
        WorldSense().samples(tmp_path)
    assert len(str(error.value)) < 1000 and [p.name for p in tmp_path.iterdir()] == ["WorldSense.tsv"]


def changed(video: dict[str, Any] | None = None, **task: Any) -> Any:
    first = VIDEOS["vid01"]
    return {"vid01": {**first, **(video or {}), "task0": {**first["task0"], **task}}}


@pytest.mark.parametrize(
    ("videos", "said"),
    [
        ([], "expected an object of videos, found list"),
        ({}, "expected an object of videos"),
        ({"v": {"duration": "<1min"}}, "task0, task1 ... for the video 'v'"),
        ({"v": {"task0": "text"}}, "task0, task1 ... for the video 'v'"),
        (changed(answer="D"), "column 'answer': expected one letter of ABC, found 'D'"),
        (changed(candidates=["A. x", "C. y"]), r"""expected '?"B\. \.\.\." in its place"""),
        (changed(candidates=["A. x"]), "expected two options or more"),
        (changed({"audio_class": ["Speech", "Noise"]}), "expected some of Speech, Event, Music, found 'Noise'"),
        (changed({"domain": None}), "column 'domain': expected text, found None"),
        ({"../../secret": VIDEOS["vid01"]}, "expected a video inside"),
        ({"/etc/passwd": VIDEOS["vid01"]}, "expected a video inside"),
    ],
)
def test_what_is_not_as_published_is_named(tmp_path: Path, videos: Any, said: str) -> None:
    write_json(tmp_path, videos)
    with pytest.raises(DataError, match=said):
        WorldSense().samples(tmp_path)


def test_a_table_that_is_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"there is no file .*worldsense_qa\.json"):
        WorldSense().samples(tmp_path)
    for content in (b"\xff\xfe\x00", b'index\tvideo\n0\t"vid', b""):
        (tmp_path / "WorldSense.tsv").write_bytes(content)
        with pytest.raises(DataError, match=r"WorldSense\.tsv"):
            WorldSense().samples(tmp_path)


SAMPLE = Sample(
    id="v/0", item="v/0", kind="mcq", video="v.mp4", question="Which?", answer="B",
    options=("red pear", "green pear", "fig", "nut"),
)  # fmt: skip

# text, ours, the official evaluator, Open-o3-Video without thinking
LETTERS: list[tuple[str, str | None, str | None, str | None]] = [
    ("B) pear", "B", "B", None),
    ("<answer>C</answer>", "C", "C", None),
    ("B or C", None, "B", "C"),
    ("Definitely", None, "D", None),
    ("This is Clear", None, "C", None),
    ("C, because the man in a CAR drives", None, "C", None),
    ("The answer is (C) because D. is wrong", None, "C", "D"),
    ("**C**", None, "C", "C"),
    ("\\boxed{D}", None, "D", "D"),
    ("a", "A", None, None),
    ("b.", "B", None, None),
    ("", None, None, None),
    ("it is the green pear, I would say", None, None, None),
]


def read(task: WorldSense, text: str) -> tuple[str | None, float | None]:
    prediction = task.read(SAMPLE, VIEW, Response(rollout=0, text=text, finish="stop"))
    return prediction.answer, task.score(SAMPLE, prediction).values["acc"]


@pytest.mark.parametrize(("text", "ours", "theirs", "released"), LETTERS)
def test_letters(text: str, ours: str | None, theirs: str | None, released: str | None) -> None:
    assert read(WorldSense(prompt="direct"), text) == (ours, float(ours == "B"))
    assert read(WorldSense(prompt="direct", parser="official"), text) == (theirs, float(theirs == "B"))
    assert read(WorldSense(prompt="released-direct", parser="o3"), text)[0] == released


@pytest.mark.parametrize(
    ("text", "letter"),
    [
        ("<think>x</think><answer> B </answer>", "B"),
        ("<think>x</think><answer>B.</answer>", None),
        ("<think>x</think><answer>(B)</answer>", None),
        ("<think>x</think><answer>b</answer>", None),
        ("<answer>B</answer>", None),
        ("B", None),
    ],
)
def test_with_thinking_the_released_program_wants_the_bare_letter(text: str, letter: str | None) -> None:
    assert read(configure(WorldSense(), dict(WorldSense().preset("released").options)), text)[0] == letter


def test_what_the_released_program_cannot_read_is_an_a() -> None:
    from dataclasses import replace

    for prompt in ("released", "released-direct"):
        task = WorldSense(prompt=prompt, parser="o3")
        prediction = task.read(SAMPLE, VIEW, Response(rollout=0, text="pear", finish="stop"))
        assert prediction.abstained
        assert [task.score(replace(SAMPLE, answer=a), prediction).values["acc"] for a in "AB"] == [1.0, 0.0]


def text_of(task: WorldSense, sample: Sample) -> str:
    last = task.request(sample, VIEW).parts[-1]
    assert isinstance(last, str)
    return last


def test_prompts() -> None:
    assert text_of(WorldSense(), SAMPLE).startswith("\nWhich?\nA. red pear\nB. green pear\nC. fig\nD. nut\nFirst think")
    for prompt, thinks in (("released", True), ("released-direct", False)):
        asked = text_of(WorldSense(prompt=prompt, parser="o3"), SAMPLE)
        assert "This video does not have audio transcripts.\nQuestion: Which?\nA. red pear\n" in asked
        assert ("<think>" in asked) == thinks and asked.count("A, B, C, or D") == 1
    assert WorldSense(prompt="released").request(SAMPLE, VIEW).system is None


def test_subtitles_are_those_of_the_frames(tmp_path: Path) -> None:
    load("worldsense").demo(tmp_path, 2, 0)
    task = WorldSense(subtitles=True)
    shown = {s.video: text_of(task, s) for s in task.samples(tmp_path)}
    assert [text.startswith("\nSubtitles of these frames:\nSomething appears.\n") for text in shown.values()] == [
        (tmp_path / "subtitles" / f"{Path(video).stem}.srt").is_file() for video in shown
    ]
    released = WorldSense(subtitles=True, prompt="released")
    heard = [text_of(released, s) for s in released.samples(tmp_path)]
    assert {"Something appears." in text for text in heard} == {True, False}
    assert all(("does not have audio" in text) != ("Something appears." in text) for text in heard)
    for path in (tmp_path / "subtitles").iterdir():
        path.unlink()
    with pytest.raises(DataError, match="there are no subtitles for the videos in"):
        task.samples(tmp_path)


def test_the_demonstration_has_questions_of_every_domain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_demo, "write", lambda clip, path: None)
    load("worldsense").demo(tmp_path, 6, 0)
    samples = WorldSense().samples(tmp_path)
    assert {s.groups["task_domain"] for s in samples} == {"Recognition", "Understanding", "Reasoning"}
    assert {len(s.options) for s in samples} == {3, 4} and {s.groups["duration"] for s in samples} >= {"<1min"}
    assert all(s.answer in "ABCD"[: len(s.options)] for s in samples if s.answer)


DEVIATES = {
    "Gemini 3.1 Pro": 0.23, "Gemini 2.5 Pro": 0.29, "Gemini 2.5 Flash Thinking": 0.25, "Qwen3.5-Omni-Plus": 0.17,
    "Qwen3-Omni": 0.09,
}  # fmt: skip
"""Rows whose published average is not that of their domains, weighed by their questions: what is missing from it."""


@pytest.mark.parametrize("row", PUBLISHED["rows"], ids=lambda row: row["model"])
def test_the_published_average_is_that_of_all_questions(row: Any) -> None:
    records: list[Record] = []
    for (domain, count), percent in zip(PUBLISHED["counts"].items(), row["domains"], strict=True):
        sample = Sample(id=domain, item=domain, kind="mcq", video="v", question="?", groups={"domain": domain})
        records += [
            Record(task="worldsense", version=1, sample=sample, score=Score(values={"acc": percent / 100}))
        ] * count
    assert len(records) == 3172
    average = WorldSense().aggregate(records)["acc"]
    assert average is not None
    more = next((more for model, more in DEVIATES.items() if row["model"].startswith(model)), 0.0)
    assert 100 * average == pytest.approx(row["average"] + more, abs=0.0615 if more == 0 else 0.006)
