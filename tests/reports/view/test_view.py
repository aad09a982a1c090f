"""The page of a run: what is in it, what can never run, and which files are its own."""

from __future__ import annotations

import base64
import hashlib
import html
import importlib
import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from harness.codec import encode
from harness.errors import DataError
from harness.geometry import Box, Span
from harness.journal import Journal
from harness.records import Grade, Prediction, Record, Score
from harness.schema import validate

beside, folder, mentions, outline, page, question, verdict = (
    importlib.import_module(f"harness.reports.view.{name}")
    for name in ("beside", "folder", "mentions", "outline", "page", "question", "verdict")
)

Command = Callable[..., Any]
Make = Callable[..., Record]
Write = Callable[..., Path]
SOURCE = Path(str(page.__file__)).parent
MARKUP = (
    r"innerHTML|outerHTML|insertAdjacent|document\.write|eval\(|new Function|"
    r"fetch\(|XMLHttp|https?:|url\(|@import"
)


def chunk(path: Path) -> Any:
    """The data of a file of data, read as a browser would."""
    call = re.fullmatch(r'put\(("[^"]*"), ("(?:[^"\\]|\\.)*")\);\n', path.read_text(encoding="utf-8"))
    assert call is not None and json.loads(call[1]) == path.stem
    return json.loads(json.loads(call[2]))


def questions(view: Path, run: int = 0) -> list[Any]:
    files = sorted(view.glob(f"data/{run}-*.js"), key=lambda path: int(path.stem.partition("-")[2]))
    return [each for path in files for each in chunk(path)]


def test_all_of_a_record_is_in_the_page(harness: Command, record: Make, write_run: Write, tmp_path: Path) -> None:
    records = [record(f"q{n}") for n in range(3)]
    run = write_run(tmp_path / "run", records)
    said = harness("view", run)
    assert said.code == 0 and "3 questions" in said.out and "there is no video file v.mp4" in said.out
    found, index = questions(run / "view"), chunk(run / "view/data/index.js")
    for known, shown in zip(records, found, strict=True):
        data = encode(known)
        assert shown["sample"] == data["sample"] | {"video": "v.mp4"}
        assert shown["view"] == data["view"] | {"video": "v.mp4"}
        assert all(shown[name] == data[name] for name in ("task", "version", "vote", "score", "error", "seconds"))
        assert [each["prediction"] for each in shown["rollouts"]] == data["predictions"]
        parts = [part if isinstance(part, str) else part["text"] for part in shown["rollouts"][0]["said"]]
        assert "".join(parts) == known.responses[0].text
        assert [(each["won"], each["alike"]) for each in shown["rollouts"]] == [(True, True), (False, False)]
    assert index["questions"]["id"] == ["q0", "q1", "q2"]
    assert [index["questions"]["sides"][0][name] for name in ("chunk", "place")] == [[0, 0, 0], [0, 1, 2]]
    texts = index["questions"]["texts"]
    assert {each["axis"]: texts[each["value"][0]] for each in index["questions"]["groups"]} == records[0].sample.groups
    assert texts[index["questions"]["reference"][0]] == "A. pear"
    validate("view", json.loads((run / "view/view.json").read_text()), "view.json")


def test_no_path_of_this_machine_is_in_the_page(
    harness: Command, record: Make, write_run: Write, tmp_path: Path
) -> None:
    run = write_run(tmp_path / "run", [record(error="no /gone/v.mp4", vote=None, score=None, predictions=())])
    harness("view", run)
    written = b"".join(path.read_bytes() for path in (run / "view").rglob("*") if path.suffix in (".js", ".html"))
    assert b"/gone" not in written and str(tmp_path).encode() not in written


def test_mentions_are_what_the_parser_reads(record: Make) -> None:
    view = record().view
    text = (
        "See <obj>cup</obj><box>[10,20,30,40]</box>at<t>1.0</t>s and <obj>mat</obj> and "
        "<obj>a</obj><box>[1,2,3,4]</box><box>[1,2,3,4]</box>at<t>1</t>s, <obj>open"
    )
    cup, mat, twice = (part for part in mentions.cut(view, text) if not isinstance(part, str))
    assert cup["claim"] == {"label": "cup", "time": 1.0, "box": [10, 20, 30, 40]} and not cup["problems"]
    assert mat["claim"]["box"] is None and mat["problems"] == ["claims without a box: 1", "claims without a time: 1"]
    assert twice["claim"] is None and twice["problems"] == ["claims with several boxes: 1"]


def test_a_verdict_is_a_word_and_a_number(record: Make) -> None:
    plain = record()
    known = [
        verdict.status(replace(plain, score=Score(values={"a": None, "tiou": value})))
        for value in (1.0, 0.4, 0.0, None)
    ]
    assert known == ["right", "partly", "wrong", "unscored"]
    assert verdict.status(replace(plain, vote=Prediction(), score=Score(values={"acc": 0.0}))) == "abstained"
    assert verdict.status(replace(plain, error="gone", score=None, vote=None)) == "error"
    assert verdict.dissent(plain) == 1
    spans = [Prediction(span=Span(0, 4)), Prediction(span=Span(1, 4)), Prediction(span=Span(3, 9)), Prediction()]
    assert [verdict.alike(spans[0], each) for each in spans] == [True, True, False, False]
    boxes = [Prediction(boxes={1.0: Box(0, 0, 4, 4), 2.0: Box(0, 0, 4, side)}) for side in (4, 3, 0)]
    assert [verdict.alike(boxes[0], each) for each in boxes] == [True, True, True]
    assert not verdict.alike(
        boxes[0], Prediction(boxes={1.0: Box(0, 0, 4, 4), 5.0: Box(0, 0, 4, 4), 6.0: Box(0, 0, 1, 1)})
    )


def test_two_runs_are_paired_and_what_flipped_is_told(
    harness: Command, record: Make, write_run: Write, tmp_path: Path
) -> None:
    wrong = {"score": Score(values={"acc": 0.0}), "vote": record().predictions[1]}
    other = {"score": Score(values={"acc": 0.0}), "vote": replace(record().predictions[1], answer="C")}
    before = [record("up", **wrong), record("down"), record("same"), record("else", **wrong), record("gone")]
    after = [record("else", **other), record("same"), record("down", **wrong), record("up"), record("new")]
    a, b = write_run(tmp_path / "a/x", before), write_run(tmp_path / "b/x", after)
    assert harness("view", a, b, "--out", tmp_path / "page").code == 0
    index = chunk(tmp_path / "page/data/index.js")
    changes = dict(
        zip(index["questions"]["id"], (outline.CHANGES[n] for n in index["questions"]["change"]), strict=True)
    )
    assert changes == {
        "up": "fixed",
        "down": "broken",
        "same": "same",
        "else": "changed",
        "gone": "unpaired",
        "new": "unpaired",
    }
    assert [run["name"] for run in index["runs"]] == ["a/x", "b/x"]
    for run, side in enumerate(index["questions"]["sides"]):
        there = questions(tmp_path / "page", run)
        for name, place in zip(index["questions"]["id"], side["place"], strict=True):
            assert place < 0 or there[place]["sample"]["id"] == name


def test_frames_are_made_once_and_shared(
    harness: Command, record: Make, write_run: Write, video: Path, tmp_path: Path
) -> None:
    run = write_run(tmp_path / "run", [record("one", str(video)), record("two", str(video))])
    assert "3 pictures of 1 videos" in harness("view", run, "--width", 64).out
    made = sorted((run / "view/frames").rglob("*.webp"))
    assert {f"frames/{frame['file']}" for frame in questions(run / "view")[1]["frames"]} == {
        path.relative_to(run / "view").as_posix() for path in made
    }
    with Image.open(made[0]) as image:
        assert max(image.size) == 64
    times = [path.stat().st_mtime_ns for path in made]
    harness("view", run, "--width", 64)
    assert [path.stat().st_mtime_ns for path in made] == times
    harness("view", run, "--width", 32)
    assert len([*(run / "view/frames").rglob("*.webp")]) == 3 and not any(path.exists() for path in made)
    harness("view", run, "--no-frames")
    assert not (run / "view/frames").exists() and questions(run / "view")


def test_a_video_that_is_none_is_told_and_nothing_else_is_opened(
    harness: Command, record: Make, write_run: Write, video: Path, tmp_path: Path
) -> None:
    text = tmp_path / "secret.txt"
    text.write_text("a secret")
    seen = record("seen", str(text))
    assert seen.view is not None
    run = write_run(tmp_path / "run", [replace(seen, view=replace(seen.view, video=str(video)))])
    said = harness("view", run)
    assert said.code == 0 and "0 pictures" in said.out
    (told,) = chunk(run / "view/data/index.js")["videos"]
    assert told["name"] == "secret.txt" and "cannot be read as a video" in told["error"] and told["size"] is None
    assert not [*run.rglob("*.webp")]


def test_boxes_far_from_all_frames_have_frames_of_their_own(record: Make) -> None:
    plain = record()
    sample = replace(plain.sample, boxes={float(t): Box(0, 0, 1, 1) for t in range(0, 100)})
    found = dict(question.pictures(replace(plain, sample=sample)))
    assert {time for time, told in found.items() if told is not None} == {0.0, 1.0, 2.0}
    assert len(found) == 3 + question.EXTRA and {3.0, 99.0} < found.keys()


def test_grades_are_matched_to_the_crops_that_were_asked_about(
    record: Make, write_run: Write, harness: Command, tmp_path: Path
) -> None:
    relevance = importlib.import_module("harness.scaling.relevance").relevance
    plain = record()
    (asked,) = relevance.ask(plain, 0)
    graded = replace(
        plain, grades=(Grade(request=asked.key, choice="2", logprobs={"2": -0.1}), Grade(request="0" * 64))
    )
    harness("view", run := write_run(tmp_path / "run", [graded]))
    first, second = questions(run / "view")[0]["rollouts"]
    assert [(each["choice"], each["box"], each["time"]) for each in first["grades"]] == [("2", [10, 20, 30, 40], 1.0)]
    assert [part["grade"] for part in first["said"] if isinstance(part, dict)] == ["2"] and not second["grades"]


def test_what_was_found_out_after_the_run_is_there(
    record: Make, write_run: Write, harness: Command, tmp_path: Path
) -> None:
    plain = record()
    assert plain.view is not None and plain.vote is not None
    run = write_run(tmp_path / "run", [plain])
    head = {
        "format": 1,
        "settings": {"model": None, "engine": {"name": "scripted", "dtype": "auto", "options": {}, "answers": None}},
    }
    head |= {"started": "2026-01-01T00:00:00+00:00", "versions": {}}
    signals = Journal(run / "signals.jsonl")
    signals.append("grader", head, "head")
    signals.append("signals", {"task": "demo", "sample": "q", "signals": {"late": [0.5, 0.25]}, "grades": []}, "line")
    signals.close()
    probed = replace(plain, view=replace(plain.view, times=(0.0, 1.5)), vote=replace(plain.vote, answer="B"))
    lines = [{"format": 1, "settings": {}}, {"draw": 3, "record": encode(probed)}]
    (run / "probe-evidence.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines) + '{"draw": 4, "rec')
    harness("view", run)
    (shown,) = questions(run / "view")
    assert [each["prediction"]["signals"]["late"] for each in shown["rollouts"]] == [0.5, 0.25]
    (probe,) = shown["probes"]
    assert (probe["name"], probe["draw"], probe["vote"]["answer"]) == ("evidence", 3, "B")
    assert (probe["left_out"], probe["put_in"]) == ([1.0, 2.0], [1.5])
    (run / "probe-evidence.jsonl").write_text("[]\n")
    said = harness("view", run)
    assert said.code == 2 and "is not the head of a probe" in said.err and "Traceback" not in said.err


def test_the_folder_of_somebody_else_is_left_alone(
    harness: Command, record: Make, write_run: Write, tmp_path: Path
) -> None:
    run = write_run(tmp_path / "run", [record()])
    before = {path: path.read_bytes() for path in run.iterdir()}
    said = harness("view", run, "--out", run)
    assert said.code == 2 and "is no page of harness view" in said.err
    assert {path: path.read_bytes() for path in run.iterdir()} == before
    harness("view", run)
    (run / "view/notes.txt").write_text("mine")
    (run / "view/data/0-9.js").write_text("of an earlier page")
    assert harness("view", run).code == 0
    assert (run / "view/notes.txt").read_text() == "mine" and not (run / "view/data/0-9.js").exists()
    shutil.rmtree(run / "view/data")
    (run / "view/data").symlink_to(tmp_path)
    with pytest.raises(DataError, match="is a link"):
        folder.Folder(run / "view")
    said = harness("view", run)
    assert said.code == 2 and "is a link" in said.err and {path.name for path in tmp_path.iterdir()} >= {"run"}


def test_mistakes_are_one_sentence(harness: Command, write_run: Write, record: Make, tmp_path: Path) -> None:
    assert "is not a run folder" in harness("view", tmp_path).err
    run = write_run(tmp_path / "run", [record()])
    (run / "records.jsonl").write_text("")
    said = harness("view", run)
    assert said.code == 2 and "has no records yet" in said.err
    (tmp_path / "file").write_text("")
    assert "is a file; give a folder" in harness("view", run, "--out", tmp_path / "file").err


@pytest.mark.parametrize("single", [[], ["--single"]])
def test_no_text_can_end_the_script_that_it_stands_in(
    harness: Command, hostile: Path, tmp_path: Path, single: list[str]
) -> None:
    assert harness("view", hostile, "--out", tmp_path / "page", *single).code == 0
    told = (tmp_path / "page/index.html").read_text()
    for path in (tmp_path / "page/data").glob("*.js"):
        assert not re.search("[<>&\u2028\u2029]", path.read_text()) and chunk(path)
    blocks = re.findall(r'<script type="application/json" data-name="[0-9a-z-]+">(.*?)</script>', told, re.DOTALL)
    assert bool(blocks) == bool(single)
    assert all(json.loads(block) is not None and not re.search("[<>&\u2028\u2029]", block) for block in blocks)
    assert len(re.findall("<script", told)) == len(blocks) + 1
    assert "pwned" not in re.sub(r'<script type="application/json".*?</script>', "", told, flags=re.DOTALL)


def test_only_the_one_script_may_run() -> None:
    for content in (None, {"index": "{}"}):
        told = page.html(content).decode()
        rules = dict(
            rule.split(" ", 1) for rule in html.unescape(re.findall(r'Policy" content="(.*?)"', told)[0]).split("; ")
        )
        assert rules["default-src"] == rules["base-uri"] == rules["form-action"] == "'none'"
        for tag, rule in (("script", "script-src"), ("style", "style-src")):
            (text,) = re.findall(f"<{tag}>(.*?)</{tag}>", told, re.DOTALL)
            assert f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" in rules[rule]
        assert "unsafe" not in " ".join(rules.values()) and "http" not in " ".join(rules.values())
        assert not re.search(
            r"<[^>]+\s(?:on\w+|style)\s*=", re.sub(r"<(script|style)>.*?</\1>", "", told, flags=re.DOTALL)
        )


def test_no_markup_is_made_from_data_and_nothing_is_fetched() -> None:
    assert {path.stem for path in SOURCE.glob("*.js")} == set(page.SCRIPTS)
    for path in (*SOURCE.glob("*.js"), *SOURCE.glob("*.css"), *SOURCE.glob("*.html")):
        text = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert not re.search(MARKUP, text)
        assert len(text.splitlines()) <= 300
