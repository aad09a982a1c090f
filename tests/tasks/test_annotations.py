"""Loading: the demonstration through the loader, and annotations that are not as published."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import pandas
import pytest

from harness.contracts import Task
from harness.errors import DataError
from harness.geometry import Box, Span
from harness.records import Response, View
from harness.tasks.videomme import VideoMME
from harness.tasks.vstar import VStar

VSTAR_ROW: dict[str, Any] = {
    "vid": "0001",
    "domain": "Indoor",
    "fps": 25.0,
    "width": 640,
    "height": 360,
    "frame_count": 1500,
    "question": "What does the man pick up?",
    "chain": "what, when, where",
    "object": "cup",
    "answer": "A cup.",
    "temporal_question": "When is it?",
    "timestamps": [12.0, 18.5],
    "spatial_question": "Where is the cup?",
    "spatial_question_2": "Where is it?",
    "bboxes": [
        {"timestamp": t, "frame_index": t * 25, "xmin": 10, "ymin": 20, "xmax": 60 + t, "ymax": 90}
        for t in (12, 14, 18)
    ],
}
VIDEOMME_ROW: dict[str, Any] = {
    "video_id": "001",
    "duration": "short",
    "domain": "Knowledge",
    "sub_category": "Astronomy",
    "url": "",
    "videoID": "abcdEFGH123",
    "question_id": "001-1",
    "task_type": "Counting Problem",
    "question": "How many?",
    "options": ["A. 1.", "B. 2.", "C. 3.", "D. 4."],
    "answer": "B",
}


def _write(task: Task, root: Path, rows: Any) -> Path:
    path = root / ("V_STaR_test.json" if task.name == "vstar" else "videomme/test-00000-of-00001.json")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(rows if isinstance(rows, str) else json.dumps(rows), encoding="utf-8")
    return path


def test_a_vstar_row_gives_five_samples(tmp_path: Path) -> None:
    _write(VStar(), tmp_path, [VSTAR_ROW, VSTAR_ROW])
    video = tmp_path / "a" / "b" / "0001.mp4"
    video.parent.mkdir(parents=True)
    video.touch()
    samples = VStar().samples(tmp_path)
    assert [s.id for s in samples[:5]] == [f"0001:0/{k}" for k in ("what", "when_1", "where_1", "where_2", "when_2")]
    assert len({s.id for s in samples}) == 10
    assert {s.item for s in samples[5:]} == {"0001:1"}
    assert {s.video for s in samples} == {str(video)}
    what, when = samples[:2]
    assert (what.question, what.answer, when.answer) == ("What does the man pick up?", "A cup.", None)
    assert when.span == Span(12, 18.5)
    assert when.boxes[14.0] == Box(10, 20, 74, 90)
    assert [(e.label, e.time) for e in when.evidence] == [("cup", 12.0), ("cup", 14.0)]
    assert what.groups == {"domain": "Indoor", "length": "medium"}


def test_a_videomme_row_gives_one_sample(tmp_path: Path) -> None:
    _write(VideoMME(), tmp_path, [VIDEOMME_ROW])
    (sample,) = VideoMME().samples(tmp_path)
    assert sample.options == ("1.", "2.", "3.", "4.")
    assert sample.video == str(tmp_path / "data" / "abcdEFGH123.mp4")
    assert sample.groups == {
        "duration": "short", "domain": "Knowledge", "sub_category": "Astronomy", "task_type": "Counting Problem"
    }  # fmt: skip


def test_parquet_json_and_jsonl_give_the_same_samples(tmp_path: Path) -> None:
    path = _write(VideoMME(), tmp_path, [VIDEOMME_ROW])
    from_json = VideoMME().samples(tmp_path)
    path.rename(path.with_suffix(".was"))
    path.with_suffix(".jsonl").write_text(json.dumps(VIDEOMME_ROW) + "\n\n", encoding="utf-8")
    assert VideoMME().samples(tmp_path) == from_json
    pandas.DataFrame([VIDEOMME_ROW]).to_parquet(path.with_suffix(".parquet"))
    path.with_suffix(".jsonl").unlink()
    assert VideoMME().samples(tmp_path) == from_json


def _set(**values: Any) -> Callable[[dict[str, Any]], None]:
    return lambda row: row.update(values)


def _box(**values: Any) -> Callable[[dict[str, Any]], None]:
    return lambda row: row["bboxes"][0].update(values)


BAD_VSTAR: list[tuple[Callable[[dict[str, Any]], object], str]] = [
    (lambda row: row.pop("answer"), "row 0: no column 'answer'; expected text, found vid, domain"),
    (lambda row: row["bboxes"][1].pop("xmin"), "row 0: no column 'xmin'; expected a number, found timestamp"),
    (_set(vid=1), "row 0: column 'vid': expected text, found 1"),
    (_set(vid="../../secret"), "column 'vid': expected a video inside .*, found '../../secret'"),
    (_set(vid="/etc/passwd"), "column 'vid': expected a video inside .*, found '/etc/passwd'"),
    (_set(fps="25"), "column 'fps': expected a finite number, found '25'"),
    (_set(fps=0), "column 'fps': expected a number above 0, found 0"),
    (_set(fps=float("nan")), "column 'fps': expected a finite number, found nan"),
    (_set(frame_count=True), "column 'frame_count': expected a finite number, found True"),
    (_set(timestamps=[1]), r"column 'timestamps': expected a list of 2 finite numbers, found \[1\]"),
    (_set(timestamps=[1, float("inf")]), "column 'timestamps': expected a list of 2 finite numbers"),
    (_set(bboxes="x"), "column 'bboxes': expected a list of objects, found 'x'"),
    (_set(bboxes={"12_300": 3}), "row 0: no column 'timestamp'; expected a number, found 12_300"),
    (_set(bboxes=[[1, 2, 3, 4]]), "column 'bboxes': expected a list of objects"),
    (_box(xmax=float("nan")), "column 'xmax': expected a finite number, found nan"),
    (_box(timestamp="12"), "column 'timestamp': expected a finite number, found '12'"),
    (_set(question=["x" * 500]), r"column 'question': expected text, found \['xxx.{50,60}\.\.\.$"),
]
BAD_VIDEOMME: list[tuple[Callable[[dict[str, Any]], object], str]] = [
    (lambda row: row.pop("options"), "row 0: no column 'options'; expected a list of texts"),
    (_set(options="A. 1"), "column 'options': expected a list of texts, found 'A. 1'"),
    (_set(options=[]), "column 'options': expected a list of texts"),
    (_set(options=["A. 1", "C. 2"]), "column 'options': expected \"B. ...\" in its place, found 'C. 2'"),
    (_set(answer="E"), "column 'answer': expected one letter of ABCD, found 'E'"),
    (_set(answer=""), "column 'answer': expected one letter of ABCD, found ''"),
    (_set(videoID="../subtitle/../../x"), "column 'videoID': expected a video inside"),
    (_set(domain=None), "column 'domain': expected text, found None"),
]
BAD = [(VStar(), VSTAR_ROW, *bad) for bad in BAD_VSTAR] + [(VideoMME(), VIDEOMME_ROW, *bad) for bad in BAD_VIDEOMME]


@pytest.mark.parametrize(("task", "row", "spoil", "message"), BAD)
def test_a_bad_row_is_named(
    task: Task, row: dict[str, Any], spoil: Callable[[dict[str, Any]], object], message: str, tmp_path: Path
) -> None:
    spoilt = copy.deepcopy(row)
    spoil(spoilt)
    path = _write(task, tmp_path, [spoilt])
    with pytest.raises(DataError, match=message) as caught:
        task.samples(tmp_path)
    assert str(caught.value).startswith(f"{path}, row 0: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("task", [VStar(), VideoMME()])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "expected JSON"),
        ("[" * 100_000, "expected JSON"),
        ('{"a": 1}', "expected a list of rows, found dict"),
        ("[]", "expected a list of rows, found list"),
        ("[3]", "row 0: expected an object with columns, found int"),
    ],
)
def test_a_bad_file_is_named(task: Task, content: str, message: str, tmp_path: Path) -> None:
    path = _write(task, tmp_path, content)
    with pytest.raises(DataError, match=message) as caught:
        task.samples(tmp_path)
    assert str(caught.value).startswith(str(path))


@pytest.mark.parametrize("task", [VStar(), VideoMME()])
def test_a_missing_folder_or_file_is_named(task: Task, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no data folder .*nowhere"):
        task.samples(tmp_path / "nowhere")
    with pytest.raises(DataError, match="there is no file .*(V_STaR_test.json|test-00000-of-00001.parquet)"):
        task.samples(tmp_path)


def test_a_file_that_is_no_parquet_is_named(tmp_path: Path) -> None:
    path = tmp_path / "videomme" / "test-00000-of-00001.parquet"
    path.parent.mkdir()
    path.write_text("no table")
    with pytest.raises(DataError, match="expected a parquet table"):
        VideoMME().samples(tmp_path)


def test_a_question_id_that_comes_twice_is_named(tmp_path: Path) -> None:
    _write(VideoMME(), tmp_path, [VIDEOMME_ROW, VIDEOMME_ROW])
    with pytest.raises(DataError, match=r"row 1: column 'question_id': .* found '001-1 \(also in row 0\)'"):
        VideoMME().samples(tmp_path)


@pytest.mark.parametrize(("task", "row"), [(VStar(), VSTAR_ROW), (VideoMME(), VIDEOMME_ROW)])
def test_a_link_out_of_the_data_folder_is_refused(task: Task, row: dict[str, Any], tmp_path: Path) -> None:
    outside = tmp_path / "outside.mp4"
    outside.touch()
    root = tmp_path / "root"
    _write(task, root, [row])
    link = root / "data" / f"{row.get('videoID') or row['vid']}.mp4"
    link.parent.mkdir()
    link.symlink_to(outside)
    with pytest.raises(DataError, match="expected a video inside"):
        task.samples(root)


def test_a_row_of_the_older_shape_gives_the_same_boxes(tmp_path: Path) -> None:
    _write(VStar(), tmp_path, [VSTAR_ROW])
    new = VStar().samples(tmp_path)
    old = [{f"{b['timestamp']}_{b['frame_index']}": {k: b[k] for k in b if k[0] in "xy"}} for b in VSTAR_ROW["bboxes"]]
    for boxes in (old, {k: v for entry in old for k, v in entry.items()}):
        _write(VStar(), tmp_path, [{**VSTAR_ROW, "bboxes": boxes}])
        assert VStar().samples(tmp_path) == new


@pytest.fixture
def no_rendering(monkeypatch: pytest.MonkeyPatch) -> None:
    def touch(_: object, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()

    monkeypatch.setattr("harness.tasks._demo.write", touch)


@pytest.mark.usefixtures("no_rendering")
@pytest.mark.parametrize("task", [VStar(), VideoMME()])
def test_the_demonstration_is_read_by_the_loader(task: Task, tmp_path: Path) -> None:
    task.demo(tmp_path, 12, 3)
    samples = [*task.samples(tmp_path)]
    assert len({s.id for s in samples}) == len(samples) > 30
    assert len({s.video for s in samples}) == 12
    assert all(Path(s.video).is_file() for s in samples)
    lengths = {s.groups.get("length") or s.groups["duration"] for s in samples}
    assert lengths == {"short", "medium", "long"}
    again = tmp_path / "again"
    again.mkdir()
    task.demo(again, 12, 3)
    assert [s.question for s in task.samples(again)] == [s.question for s in samples]


@pytest.mark.usefixtures("no_rendering")
def test_references_of_the_demonstration_are_read_back_without_problems(tmp_path: Path) -> None:
    for task in (VStar(), VideoMME()):
        root = tmp_path / task.name
        root.mkdir()
        task.demo(root, 6, 0)
        for sample in task.samples(root):
            view = View(
                video=sample.video,
                times=(0.0,),
                duration=9,
                width=160,
                height=120,
                size=(160, 120),
                family="qwen2_5_vl",
            )
            response = Response(rollout=0, text=task.reference(sample, view), finish="stop")
            prediction = task.read(sample, view, response)
            assert prediction.problems == ()
            assert set(task.score(sample, prediction).values.values()) == {1.0}


def test_the_demonstration_writes_videos_that_play(tmp_path: Path) -> None:
    VStar().demo(tmp_path, 1, 0)
    (sample, *_) = VStar().samples(tmp_path)
    row = json.loads((tmp_path / "V_STaR_test.json").read_text())[0]
    with av.open(sample.video) as container:
        frames = sum(1 for _ in container.decode(video=0))
    assert frames == row["frame_count"]
