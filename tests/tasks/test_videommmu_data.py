"""Video-MMMU's data: both layouts, rows that are not as they should be, pictures, and the demonstration."""

from __future__ import annotations

import io
import json
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas
import pytest
from PIL import Image

from harness.errors import DataError, VideoError
from harness.families import FAMILIES
from harness.records import Frame, Response, Sample, View
from harness.tasks import _videommmu_extract
from harness.tasks._videommmu_rows import DISCIPLINES, SUBJECTS, TRACKS
from harness.tasks.videommmu import VideoMMMU
from harness.tasks.videommmu_question_only import VideoMMMUQuestionOnly

ROW: dict[str, Any] = {
    "id": "validation_Finance_3",
    "link_selected": "https://example.org/watch",
    "question": "<image 1> Which is it?",
    "options": ["one", "two", "three"],
    "answer": "B",
    "question_type": "multiple-choice",
}
VIEW = View(video="v.mp4", times=(0.0, 5.0), duration=10, width=100, height=100, size=(112, 112), family="qwen2_5_vl")


def write(root: Path, *rows: dict[str, Any], parquet: bool = False) -> None:
    """The rows as all three tracks; Perception and Comprehension have no question type in JSON, as published."""
    for track in TRACKS:
        if parquet:
            (root / track).mkdir(parents=True)
            pandas.DataFrame(rows).to_parquet(root / track / "test-00000-of-00001.parquet")
            continue
        kept = [{k: v for k, v in row.items() if k != "question_type" or track == "Adaptation"} for row in rows]
        table = {track: {str(number): row for number, row in enumerate(kept)}}
        (root / f"{track.lower()}_video.json").write_text(json.dumps(table), encoding="utf-8")


def test_a_row_gives_a_sample_a_track(tmp_path: Path) -> None:
    write(tmp_path, ROW)
    samples = VideoMMMU().samples(tmp_path)
    assert [s.id for s in samples] == [f"{track}/validation_Finance_3" for track in TRACKS]
    for sample, track in zip(samples, TRACKS, strict=True):
        assert sample.groups == {"track": track, "discipline": "Business", "subject": "Finance"}
        assert (sample.kind, sample.answer, sample.options) == ("mcq", "B", ("one", "two", "three"))
        assert sample.video == str(tmp_path / "Business" / "validation_Finance_3.mp4")
    (alone,) = VideoMMMUQuestionOnly().samples(tmp_path)
    assert alone.video == str(tmp_path / "question_only" / "validation_Finance_3_image.mp4")
    assert (alone.id, alone.question, alone.answer) == (samples[2].id, samples[2].question, "B")


def test_both_layouts_give_the_same_samples(tmp_path: Path) -> None:
    rows = [ROW, {**ROW, "id": "new_Art_Theory_1", "options": ["a", "b"], "answer": "A"}]
    write(tmp_path / "hub", *rows, parquet=True)
    (tmp_path / "code" / "data").mkdir(parents=True)
    write(tmp_path / "code" / "data", *rows)
    hub, code = (VideoMMMU().samples(tmp_path / name) for name in ("hub", "code"))
    assert [s.video.replace("/hub/", "/code/") for s in hub] == [s.video for s in code]
    assert [(s.id, s.kind, s.options, s.answer, s.groups) for s in hub] == [
        (s.id, s.kind, s.options, s.answer, s.groups) for s in code
    ]


def kinds(root: Path, **changes: Any) -> list[str]:
    write(root, {**ROW, **changes})
    return [sample.kind for sample in VideoMMMU().samples(root)]


def test_kinds_of_questions(tmp_path: Path) -> None:
    assert kinds(tmp_path) == ["mcq", "mcq", "mcq"]
    assert kinds(tmp_path, question_type=None) == ["mcq", "mcq", "untyped"]
    assert kinds(tmp_path, question_type="None") == ["mcq", "mcq", "untyped"]
    assert kinds(tmp_path, options=[], answer="42", question_type="open") == ["open", "open", "open"]


def options(root: Path, value: Any) -> tuple[str, ...]:
    write(root, {**ROW, "options": value, "answer": "A"})
    found: tuple[str, ...] = VideoMMMU().samples(root)[0].options
    return found


def test_options_are_lists_or_literals_and_lose_their_letters(tmp_path: Path) -> None:
    assert options(tmp_path, "['1, 2', \"it's\"]") == ("1, 2", "it's")
    assert options(tmp_path, ["A. x", "B. y"]) == ("x", "y")
    assert options(tmp_path, ["A. x", "y"]) == ("A. x", "y")
    assert len(options(tmp_path, [f"o{n}" for n in range(14)])) == 14
    assert options(tmp_path, "[__import__('os').getcwd(), 'x']") == ("__import__('os').getcwd()", "x")


def drop(key: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda row: {k: v for k, v in row.items() if k != key}


BAD: list[tuple[Callable[[dict[str, Any]], dict[str, Any]], str]] = [
    (drop("question"), "row 0: no column 'question'"),
    (lambda r: {**r, "id": "validation_Alchemy_1"}, "column 'id': expected the name of a known subject"),
    (lambda r: {**r, "id": "Finance"}, "column 'id': expected the name of a known subject"),
    (lambda r: {**r, "id": "../../x_Finance_1"}, "expected a video inside"),
    (lambda r: {**r, "answer": "D"}, "column 'answer': expected one letter of ABC, found 'D'"),
    (lambda r: {**r, "answer": 3}, "column 'answer': expected text"),
    (lambda r: {**r, "options": []}, "column 'options': expected options, as the question is multiple-choice"),
    (lambda r: {**r, "options": "one"}, "column 'options': expected a list of texts"),
    (lambda r: {**r, "options": [1, 2]}, "column 'options': expected a list of texts"),
    (lambda r: {**r, "options": ["x"] * 27}, "at most 26 options"),
    (lambda r: {**r, "question_type": "essay"}, "expected one of multiple-choice, open, None, found 'essay'"),
    (lambda r: {**r, "question_type": "open", "options": [], "answer": " "}, "column 'answer': expected an answer"),
]


@pytest.mark.parametrize(("change", "message"), BAD)
def test_a_row_that_is_not_as_published_is_named(
    change: Callable[[dict[str, Any]], dict[str, Any]], message: str, tmp_path: Path
) -> None:
    write(tmp_path, change(ROW))
    with pytest.raises(DataError) as caught:
        [*VideoMMMU().samples(tmp_path), *VideoMMMUQuestionOnly().samples(tmp_path)]
    assert message in str(caught.value) and "_video.json, row 0" in str(caught.value)


@pytest.mark.parametrize("text", ["[]", "{", '{"Perception": []}', '{"Other": {}}', '{"Perception": {}}', '"x"'])
def test_a_file_of_another_form_is_named(text: str, tmp_path: Path) -> None:
    (tmp_path / "perception_video.json").write_text(text)
    with pytest.raises(DataError, match="perception_video.json: expected"):
        VideoMMMU().samples(tmp_path)


def test_what_is_missing_or_there_twice_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no data folder .*nowhere"):
        VideoMMMU().samples(tmp_path / "nowhere")
    with pytest.raises(DataError, match=r"there is no file .*Perception/test-00000-of-00001\.parquet"):
        VideoMMMU().samples(tmp_path)
    write(tmp_path, ROW, ROW)
    with pytest.raises(DataError, match="row 1: column 'id': expected a value of its own"):
        VideoMMMU().samples(tmp_path)


def test_thirty_subjects_are_in_six_disciplines() -> None:
    assert len(DISCIPLINES) == 30 == sum(len(subjects) for subjects in SUBJECTS.values())
    assert [len(SUBJECTS[each]) for each in ("Art", "Business", "Science", "Medicine", "Humanities")] == [4, 5, 5, 5, 4]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("data") / "videommmu"
    root.mkdir()
    VideoMMMU().demo(root, 3, 0)
    return root


def applied(root: Path) -> list[Sample]:
    return [sample for sample in VideoMMMU().samples(root) if sample.groups["track"] == "Adaptation"]


def test_the_demonstration_is_read_by_both_tasks(demo: Path) -> None:
    samples = VideoMMMU().samples(demo)
    assert Counter(s.groups["track"] for s in samples) == dict.fromkeys(TRACKS, 3)
    assert Counter(s.kind for s in applied(demo)) == {"open": 1, "mcq": 2}
    assert all(Path(s.video).is_file() for s in samples)
    for root in (demo, demo.parent):
        alone = VideoMMMUQuestionOnly().samples(root)
        assert [s.id for s in alone] == [s.id for s in applied(demo)]
        assert all(Path(s.video).name.endswith("_image.mp4") and Path(s.video).is_file() for s in alone)


@pytest.mark.parametrize("prompt", ["think", "released", "official"])
def test_the_picture_stands_after_the_frames(prompt: str, demo: Path) -> None:
    for sample in VideoMMMU().samples(demo):
        parts = VideoMMMU(prompt=prompt).request(sample, VIEW).parts
        pictures = [part for part in parts if isinstance(part, Frame) and part.video != VIEW.video]
        assert len(pictures) == (sample.groups["track"] == "Adaptation" and prompt != "official")
        for picture in pictures:
            assert Path(picture.video).name == f"{sample.id.partition('/')[2]}_image.mp4"
            assert parts[-2] == picture and isinstance(parts[-1], str)
            assert picture.size[0] * picture.size[1] <= VIEW.size[0] * VIEW.size[1]
            factor = FAMILIES[VIEW.family].factor
            assert not picture.size[0] % factor and not picture.size[1] % factor
            assert prompt == "released" or parts[-3] == "\nThe picture: "


def test_a_picture_that_is_missing_is_named_when_it_is_asked_for(tmp_path: Path) -> None:
    write(tmp_path, ROW)
    seen, _, asked = VideoMMMU().samples(tmp_path)
    VideoMMMU().request(seen, VIEW)
    with pytest.raises(VideoError, match=r"there is no picture .*question_only.*_image.mp4; unpack .*, or run: python"):
        VideoMMMU().request(asked, VIEW)
    outside = tmp_path.parent / f"{tmp_path.name}.mp4"
    outside.touch()
    link = tmp_path / "question_only" / "validation_Finance_3_image.mp4"
    link.parent.mkdir()
    link.symlink_to(outside)
    with pytest.raises(VideoError, match="lies outside"):
        VideoMMMU().request(asked, VIEW)
    with pytest.raises(DataError, match="expected a video inside"):
        VideoMMMUQuestionOnly().samples(tmp_path)


def test_pictures_are_taken_out_of_the_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = io.BytesIO()
    Image.new("RGB", (60, 40), (200, 10, 10)).save(file, "PNG")
    write(tmp_path, {**ROW, "image": {"bytes": file.getvalue(), "path": "x.png"}}, parquet=True)
    monkeypatch.setattr(sys, "argv", ["extract", str(tmp_path)])
    for count in (1, 0):
        _videommmu_extract.main()
        assert capsys.readouterr().out == f"{count} pictures written\n"
    (asked,) = applied(tmp_path)
    *_, picture, _ = VideoMMMU().request(asked, VIEW).parts
    assert isinstance(picture, Frame) and picture.video.endswith("question_only/validation_Finance_3_image.png")
    (alone,) = VideoMMMUQuestionOnly().samples(tmp_path)
    assert alone.video == picture.video and picture.size == (84, 56)


@pytest.mark.parametrize("cell", [None, {"bytes": b"no picture", "path": "x"}])
def test_a_table_without_pictures_is_named(cell: Any, tmp_path: Path) -> None:
    write(tmp_path, {**ROW, "image": cell}, parquet=True)
    with pytest.raises(DataError, match="row 0: column 'image': expected"):
        _videommmu_extract.extract(tmp_path)


@pytest.mark.parametrize("parser", ["strict", "official", "o3"])
@pytest.mark.parametrize("task", [VideoMMMU, VideoMMMUQuestionOnly])
def test_references_score_one(task: type[VideoMMMU], parser: str, tmp_path: Path) -> None:
    odd = [
        {**ROW, "id": f"dev_Math_{number}", "options": [], "answer": answer, "question_type": "open"}
        for number, answer in enumerate(["360", "0.286", "C", "242110.62", "['24/7', '3.429', '3.43]"])
    ]
    write(tmp_path, ROW, {**ROW, "id": "dev_Art_2", "question_type": None}, *odd)
    for prompt in task.prompts:
        asked = task(prompt=prompt, parser=parser)
        wrong = []
        for sample in asked.samples(tmp_path):
            read = asked.read(sample, VIEW, Response(rollout=0, text=asked.reference(sample, VIEW), finish="stop"))
            assert not read.problems
            wrong += [sample.answer] if asked.score(sample, read).values["acc"] != 1.0 else []
        assert {*wrong} == (set() if parser == "strict" else {"['24/7', '3.429', '3.43]"})
