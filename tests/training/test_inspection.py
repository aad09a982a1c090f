"""`harness data stgr check`: what is there beside what was published, what is odd, what is missing; a mix of it all."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.geometry import Box
from harness.shapes import clip, render
from harness.training import mix, mixfile, oddities, published, rows
from harness.training.rows import KeyFrame, Row

FRAME = KeyFrame(idx=0, time=2.0, path="v/0.jpg")
ITEMS = {0: {"red circle": (Box(0.1, 0.2, 0.4, 0.6),)}}
SAID = "The <obj>red circle</obj><box>[0.1,0.2,0.4,0.6]</box>at<t>2.0</t>s moves."
ROW = Row(
    id=1,
    source="STR_coin",
    task=rows.GROUNDED,
    question="What does the red circle do?",
    answer="It moves.",
    reasoning=SAID,
    video="v.mp4",
    key_frames=(FRAME,),
    key_items=ITEMS,
)
WHEN = replace(ROW, task=rows.TEMPORAL, answer="[1, 2.5]", key_frames=(), key_items={}, reasoning=None)
WHERE = Row(
    id=3,
    source="gqa",
    task=rows.VISUAL,
    question="Where is it?",
    answer="<obj>jug</obj><box>[64,120,320,240]</box>",
    image="x.png",
    image_size=(640, 480),
)


def _boxes(*boxes: Box) -> Row:
    return replace(ROW, key_items={0: {"red circle": (*ITEMS[0]["red circle"], *boxes)}})


@pytest.mark.parametrize("row", [ROW, WHEN, WHERE, replace(ROW, reasoning=None)])
def test_a_row_as_it_should_be_is_not_odd(row: Row) -> None:
    assert list(oddities.of(row, 2.5)) == []


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (_boxes(Box(0, 0, 1, 0.81)), "boxes over 80% of the frame"),
        (_boxes(Box(10, 10, 20, 20)), "items whose box is not in fractions of the frame"),
        (_boxes(Box(0.1, 0.1, 0.1, 0.2)), "items whose box has no area"),
        (replace(ROW, key_frames=(FRAME, KeyFrame(idx=1, time=1.0))), "key frames without items"),
        (replace(ROW, key_frames=(FRAME, FRAME)), "key frames that share an idx"),
        (replace(ROW, key_items={**ITEMS, 4: {}}), "items of no key frame"),
        (replace(ROW, reasoning="It moves."), "reasoning that cites no time or no box"),
        (replace(ROW, reasoning=SAID + "<t>2.1</t>s"), "reasoning that cites a time of no key frame"),
        (replace(ROW, reasoning=SAID + "<t>soon</t>s"), "reasoning that cites a time of no key frame"),
        (replace(ROW, reasoning=SAID + "<box>[0.1,0.2,0.4,0.7]</box>"), "reasoning that cites a box of no key item"),
        (
            replace(ROW, reasoning=SAID + "<box>[0.1,0.2,0.4,0.6],[0,0,1,1]</box>"),
            "reasoning that cites a box of no key item",
        ),
        (replace(ROW, reasoning=SAID + "<box>0,0,1,1</box>"), "reasoning that cites a box of no key item"),
        (replace(ROW, reasoning=SAID + "<box>[0.1,0.2]</box>"), "reasoning that cites a box of no key item"),
        (replace(ROW, key_frames=(replace(FRAME, time=2.6),), reasoning=None), "key frames after the end of the video"),
        (replace(WHEN, answer="[1, 2.6]"), "spans that go on after the end of the video"),
        (replace(WHEN, answer="[2, 1]"), "spans that end before they begin, or at once"),
        (replace(WHERE, image_size=None), "answers whose box cannot be read, or without image_size"),
        (replace(WHERE, image_size=(300, 480)), "answers whose box is inverted or leaves the image"),
        (replace(WHERE, answer="there"), "visual QA without reasoning whose answer has no box"),
    ],
)
def test_what_is_odd_is_told_once_and_alone(row: Row, told: str) -> None:
    assert list(oddities.of(row, 2.5)) == [told]


def test_times_and_boxes_are_cited_as_closely_as_they_are_written() -> None:
    exact = replace(ROW, key_frames=(replace(FRAME, time=2.04),))
    assert list(oddities.of(replace(exact, reasoning=SAID.replace("0.6]", "0.61]")))) == []


@pytest.fixture(scope="module")
def rl(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder whose STGR-RL.json has as many rows of each task and source as the published one."""
    folder = tmp_path_factory.mktemp("rl")
    tasks = {"gqa": rows.VISUAL, "timerft": rows.TEMPORAL, "videor1_mcq": rows.CHOICE, "videor1_free_from": rows.OPEN}
    answers = {rows.TEMPORAL: "[1.5, 2]", rows.TEMPORAL_CHOICE: "B\n[1.5, 2]", rows.CHOICE: "B"}
    made = []
    for source, count in published.RL.sources.items():
        kind = rows.TEMPORAL_CHOICE if source.startswith("TVG_") else tasks.get(source, rows.GROUNDED)
        base = replace(ROW, source=source, task=kind, answer=answers.get(kind, "It moves."), reasoning=None)
        if kind == rows.VISUAL:
            base = replace(WHERE, source=source)
        elif kind != rows.GROUNDED:
            base = replace(base, key_frames=(), key_items={})
        made += [replace(base, id=number) for number in range(count)]
    (folder / "json_data").mkdir()
    text = json.dumps([rows.as_json(row) for row in made])
    (folder / "json_data/STGR-RL.json").write_text(text)
    return folder


def test_a_file_as_large_as_the_published_one_is_read_in_seconds_and_gives_its_table(
    rl: Path, harness: Callable[..., Any]
) -> None:
    begun = time.process_time()
    said = harness("data", "stgr", "check", "--rows", rl / "json_data/STGR-RL.json")
    assert time.process_time() - begun < 20
    assert said.code == 0
    table = dict(re.findall(r"│ (\w.*?) +│ +([\d,]+ +│ +[\d,]+) │", said.out))
    for name, count in {**published.RL.tasks, **published.RL.sources, "all": 37231}.items():
        assert re.fullmatch(rf"{count:,} +│ +{count:,}", table[name])
    assert "odd" not in said.out
    assert "37,231 rows: complete; give --data" in said.out


def test_the_mix_of_the_paper_is_drawn_from_it(rl: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pool = rows.read(rl / "json_data/STGR-RL.json")
    monkeypatch.setattr(rows, "read", lambda *_: pool)

    def drawn(*changes: str) -> tuple[int, dict[str, Any]]:
        made, report = mix.mix(mixfile.read("mix-rl", changes), rl, None)
        return len(made), report["parts"]

    whole, parts = drawn("parts.plm.count=all", "parts.general.count=30000")
    assert whole == 37231
    assert {name: part["short"] for name, part in parts.items() if part["short"]} == {"general": 15000}
    less, parts = drawn("parts.general.count=5000")
    assert (less, parts["plm"]["sources"]) == (36063 - 10000, {"STR_plm_rdcap": 2000})
    assert parts["general"]["sources"]["videor1_mcq"] == pytest.approx(5000 * 13 / 15, abs=100)


def test_all_that_is_missing_is_told(tmp_path: Path, harness: Callable[..., Any]) -> None:
    folder = tmp_path / "stgr/temporal_grounding"
    (folder / "videos").mkdir(parents=True)
    render.write(replace(clip.make(0), duration=1), folder / "videos/v.mp4")
    (folder / "videos/empty.mp4").touch()
    (folder / "videos/broken.mp4").write_bytes(b"none")
    made = [ROW, replace(ROW, id=2, video="empty.mp4"), replace(ROW, id=3, video="broken.mp4"), WHERE]
    made += [replace(ROW, id=4, video="../../../x.mp4"), replace(ROW, id=5, video=f"{'x' * 300}.mp4")]
    path = tmp_path / "rows.json"
    path.write_text(json.dumps([*map(rows.as_json, made), {"id": 6}]))
    said = harness("data", "stgr", "check", "--rows", path, "--data", tmp_path, "--deep")
    assert said.code == 1
    for told in (
        "opened 2 of 2 videos",
        "odd: key frames after the end of the video: 1, the first: STR_coin 1",
        "missing or empty images: 1, the first: " + str(tmp_path / "gqa/x.png"),
        "missing or empty videos: 2, the first: " + str(folder / "videos/empty.mp4"),
        "missing or empty images of key frames: 1, the first: " + str(folder / "kfs/v/0.jpg"),
        "videos that cannot be read: 1, the first: stgr/temporal_grounding/videos/broken.mp4",
        "paths that leave the data folder: 1, the first: row 4 of STR_coin names '../../../x.mp4'",
        "rows that cannot be used: 1, the first: row 6 does not fit the schema",
        "6 rows: NOT complete",
    ):
        assert told in said.out, said.out


def test_media_that_are_there_are_enough(tmp_path: Path, harness: Callable[..., Any]) -> None:
    folder = tmp_path / "videos/mine"
    folder.mkdir(parents=True)
    render.write(replace(clip.make(0), duration=3), folder / "v.mp4")
    row = rows.as_json(replace(ROW, source="mine", key_frames=(replace(FRAME, path=None),)))
    (tmp_path / "rows.json").write_text(json.dumps([row]))
    lengths = tmp_path / "lengths.jsonl"
    command = "data", "stgr", "check", "--rows", tmp_path / "rows.json", "--data", tmp_path, "--durations", lengths
    said = harness(*command)
    assert (said.code, "1 rows: complete" in said.out, "odd" in said.out) == (0, True, False)
    assert json.loads(lengths.read_text())["video"] == "mine/v.mp4"


def test_names_are_shown_as_they_are_and_run_nothing(tmp_path: Path, harness: Callable[..., Any]) -> None:
    (tmp_path / "rows.json").write_text(json.dumps([rows.as_json(replace(ROW, source="[/red] \ud800", reasoning="x"))]))
    said = harness("data", "stgr", "check", "--rows", tmp_path / "rows.json")
    assert (said.code, said.out.count("[/red] \ufffd")) == (0, 2)


def test_a_file_that_is_none_and_a_folder_that_is_not_there(tmp_path: Path, harness: Callable[..., Any]) -> None:
    (tmp_path / "rows.json").write_text("[]")
    assert "holds no rows" in harness("data", "stgr", "check", "--rows", tmp_path / "rows.json").err
    assert "where these are" in harness("data", "stgr", "check", "--rows", tmp_path / "rows.json", "--deep").err
    said = harness("data", "stgr", "check", "--rows", tmp_path / "rows.json", "--data", tmp_path / "none")
    assert (said.code, "there is no data folder" in said.err) == (2, True)
