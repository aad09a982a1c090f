"""What is put beside the figures of tables: differences, intervals, published rows, marks; and the files they go to."""

from __future__ import annotations

import csv
import importlib
import json
import math
import random
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from harness import plugins
from harness.codec import encode
from harness.contracts import GAIN, PARTIAL, PUBLISHED, Cell, Finished, Sheet
from harness.errors import DataError, UsageError
from harness.plan import load
from harness.records import Record, Sample, Score
from harness.reports import baseline, edition, published
from harness.reports.edition import Asked
from harness.schema import validate

KINDS = {"what": "acc", "when_1": "tiou", "when_2": "tiou", "where_1": "viou", "where_2": "viou"}
TABLES = published.tables()


def run(folder: Path, seed: int, *, bias: float = 0.0, less: int = 0, items: int = 12) -> Finished:
    """A run of V-STaR and Video-MME with random scores, three items a video; `less` samples are left out."""
    rng = random.Random(seed)
    records = []
    for item in range(items):
        told: dict[str, Any] = {"item": str(item), "video": f"/v/{item // 3}.mp4", "question": "?"}
        told["groups"] = {"duration": "long" if item % 2 else "short", "task": "x"}
        for kind, metric in KINDS.items():
            value = float(rng.random() < 0.5 + bias) if kind == "what" else min(1.0, 0.6 * rng.random() + bias)
            sample = Sample(id=f"{item}/{kind}", kind=kind, **told)
            records.append(Record(task="vstar", version=2, sample=sample, score=Score(values={metric: value})))
        sample, score = (
            Sample(id=f"{item}", kind="mcq", **told),
            Score(values={"acc": float(rng.random() < 0.5 + bias)}),
        )
        records.append(Record(task="videomme", version=1, sample=sample, score=score))
    records = records[: len(records) - less]
    folder.mkdir(parents=True)
    (folder / "records.jsonl").write_text("".join(json.dumps(encode(each)) + "\n" for each in records))
    run, scores = {}, {}
    for name, title in (("vstar", "V-STaR"), ("videomme", "Video-MME")):
        part = [each for each in records if each.task == name]
        task = load(name)
        by = {
            axis: {
                value: {"evaluated": task.aggregate([r for r in part if r.sample.groups[axis] == value])}
                for value in values
            }
            for axis, values in (("duration", ("short", "long")), ("task", ("x",)))
        }
        planned = items * (5 if name == "vstar" else 1)
        run[name] = {"title": title, "columns": task.columns, "samples": planned, "items": items, "all_items": items}
        counts = {"samples": len(part)}
        scores[name] = {"evaluated": task.aggregate(part), "by": by, "counts": counts, "partial": False}
    return Finished(folder=folder, run={"tasks": run}, scores={"tasks": scores})


def edit(runs: list[Finished], name: str, **asked: Any) -> list[Sheet]:
    return list(edition.edit(runs, Asked(report=name, **asked)))


def row(sheet: Sheet, name: str) -> dict[str, Any]:
    (found,) = (each for each in sheet.rows if each[0] == name)
    return dict(zip(sheet.head, found, strict=True))


def test_differences_follow_the_run_they_are_of(tmp_path: Path) -> None:
    runs = [run(tmp_path / name, seed) for seed, name in enumerate(("base", "one", "two"))]
    for name, order in (
        ("base", ["base", "one", "Δ one", "two", "Δ two"]),
        ("two", ["base", "Δ base", "one", "Δ one", "two"]),
    ):
        (sheet,) = edit(runs, "table9", baseline=name)
        assert [each[0] for each in sheet.rows] == order
        before, after, gain = row(sheet, name), row(sheet, "one"), row(sheet, "Δ one")
        assert gain["V-STaR mLGM"] == pytest.approx(after["V-STaR mLGM"] - before["V-STaR mLGM"])
        assert gain["WorldSense"] is None
        assert sheet.marks == {n: GAIN for n, label in enumerate(order) if label.startswith("Δ")}
    with pytest.raises(UsageError, match="'three' is none of the rows; there are: base, one, two"):
        edit(runs, "table9", baseline="three")
    with pytest.raises(UsageError, match="name of several rows"):
        baseline.against([Sheet(title="", head=("run", "x"), rows=(("a", 0.1), ("a", 0.2)))], "a")


def test_intervals_and_paired_differences_are_those_of_table_3(tmp_path: Path) -> None:
    """Table 3 takes them item by item, as its own tests check by hand; mAM alone it takes as a mean of items."""
    runs = [run(tmp_path / "base", 1), run(tmp_path / "sft", 2, bias=0.2)]
    (sheet,) = edit(runs, "table1", intervals=True, baseline="base")
    _, sure, tests = plugins.load("harness.reports", "table3")(runs)
    for name in ("base", "sft"):
        for heading, cell in [*row(sheet, name).items()][1:]:
            assert isinstance(cell, Cell) and cell.low <= cell.value <= cell.high
            if heading != "mAM":
                assert row(sure, name)[heading] == f"[{100 * cell.low:.1f}, {100 * cell.high:.1f}]"
    for heading, cell in [*row(sheet, "Δ sft").items()][1:]:
        if heading != "mAM":
            told = f"{100 * cell.value:+.1f} [{100 * cell.low:+.1f}, {100 * cell.high:+.1f}]"
            assert row(tests, "sft")[heading].startswith(told)


def test_where_no_interval_can_be_had_there_is_a_note(tmp_path: Path) -> None:
    runs = [run(tmp_path / "base", 1), run(tmp_path / "cut", 2, less=7)]
    other = Finished(folder=runs[0].folder, run={}, scores={"tasks": {"videomme": {"evaluated": {"acc": 0.123}}}})
    (sheet,) = edit([other], "table2", intervals=True)
    assert row(sheet, "base")["Video-MME"] == 0.123 and "without an interval: Video-MME" in sheet.notes
    (sheet,) = edit(runs, "table9", intervals=True, baseline="base")
    assert isinstance(row(sheet, "Δ cut")["Video-MME"], float), "not the same samples: nothing to pair"
    sheets = edit(runs[:1], "table3", intervals=True)
    assert sheets[0].rows == edit(runs[:1], "table3")[0].rows and "no intervals beside" in sheets[0].notes[-1]


def test_the_average_is_as_sure_as_its_benchmarks() -> None:
    layout = importlib.import_module("harness.reports.layout").Layout
    made = layout(title="", columns={name: ("t", name, {}) for name in "ab"}, averaged=("a", "b"))
    cells = {"a": Cell(value=0.5, low=0.4, high=0.6), "b": Cell(value=0.7, low=0.5, high=0.9)}
    average = made._averaged(cells)["Avg"]
    half = math.sqrt(0.1**2 + 0.2**2) / 2
    assert (average.value, average.high) == (pytest.approx(0.6), pytest.approx(0.6 + half))


def test_runs_that_lack_something_are_marked(tmp_path: Path) -> None:
    runs = [run(tmp_path / "base", 1), run(tmp_path / "cut", 2, less=7)]
    (sheet,) = edit(runs, "table1", baseline="base", published=True)
    number = [each[0] for each in sheet.rows].index("cut")
    assert {n for n, mark in sheet.marks.items() if mark == PARTIAL} == {number}
    assert "‡ cut: V-STaR UNFINISHED: 55 of 60 samples; Video-MME UNFINISHED: 10 of 12 samples" in sheet.notes


@pytest.mark.parametrize("name", TABLES)
def test_published_rows_stand_above_ours_and_are_said_to_be_published(name: str, tmp_path: Path) -> None:
    printed = importlib.import_module("harness.reports.printed")
    told = TABLES[name]
    head = ("run", "frames", *told["columns"])
    ours = Sheet(title="", head=head, rows=(("a", "u", *[0.0] * (len(head) - 2)),), ranked=head[2:])
    ours = Sheet(title="", head=head, rows=(*ours.rows, ("b", "u", *[0.001] * (len(head) - 2))), ranked=head[2:])
    (sheet,) = published.beside([ours], name)
    count = len(told["rows"])
    for found, each in zip(sheet.rows[:count], told["rows"], strict=True):
        figures = [None if value is None else round(100 * value, 1) for value in found[2:]]
        assert (found[0], found[1], figures) == (each["name"], "", each["figures"])
    assert sheet.rows[count:] == ours.rows and [*sheet.marks.values()] == [PUBLISHED] * count
    assert {place[0] for place in printed.ranks(sheet)} == {count, count + 1}
    assert all(cells[0].text.endswith(" †") for mark, cells in printed.rows(sheet) if mark == PUBLISHED)
    assert f"† published in {told['source']}, not measured here" in sheet.notes
    assert set(told["columns"]) <= set(head) and re.fullmatch(r"arXiv 2510\.20579, Table \d+", told["source"])


def test_published_headings_are_those_of_the_reports(tmp_path: Path) -> None:
    for name in TABLES.keys() - {"table12", "table13"}:
        sheet = edit([run(tmp_path / name, 1)], name)[0]
        assert set(TABLES[name]["columns"]) <= set(sheet.head), name
    (sheet,) = published.beside([Sheet(title="", head=("run", "x"), rows=(("a", 0.1),))], "mine")
    assert sheet.notes == ("no published figures for these columns",) and len(sheet.rows) == 1


def test_published_averages_follow_from_their_parts() -> None:
    table = TABLES["table2"]
    for each in table["rows"]:
        told = dict(zip(table["columns"], each["figures"], strict=True))
        parts = [told[name] for name in ("Video-MME", "WorldSense", "VideoMMMU", "LVReason", "TVG mIoU")]
        assert told["Avg"] is None if None in parts else abs(sum(parts) / 5 - told["Avg"]) < 0.0501
    for name in ("table1", "table10"):
        for each in TABLES[name]["rows"]:
            acc, t1, t2, v1, v2, mam, mlgm = each["figures"]
            logs = [math.log(1 - value / 100) for value in (acc, acc, t1, t2, v1, v2)]
            agree = abs((2 * acc + t1 + t2 + v1 + v2) / 6 - mam) < 0.1 and abs(100 * -sum(logs) / 6 - mlgm) < 0.1
            assert agree != ("note" in each), each["name"]
    with pytest.raises(DataError, match="does not fit the schema of a published"):
        validate("published", {"format": 1, "unit": "per cent", "tables": {"x": {"columns": ["a"], "rows": []}}}, "x")


def _only(finished: Finished, task: str, axis: str) -> Finished:
    told = finished.scores["tasks"][task]
    scores = {"tasks": {task: {**told, "by": {axis: told["by"][axis]}}}}
    return Finished(folder=finished.folder, run={"tasks": {task: finished.run["tasks"][task]}}, scores=scores)


def test_breakdowns_have_a_table_an_axis_and_metric(tmp_path: Path) -> None:
    runs = [run(tmp_path / "base", 1), run(tmp_path / "sft", 2)]
    sheets = edit(runs, "breakdown")
    assert [sheet.title for sheet in sheets] == [
        "V-STaR Acc by duration, per cent",
        "V-STaR mLGM by duration, per cent",
        "V-STaR Acc by task, per cent",
        "V-STaR mLGM by task, per cent",
        "Video-MME Acc by duration, per cent",
        "Video-MME Acc by task, per cent",
    ]
    assert row(sheets[4], "sft")["long"] == runs[1].value("videomme", "acc", duration="long")
    (sheet,) = plugins.load("harness.reports", "breakdown").sure([_only(runs[0], "videomme", "duration")])
    assert isinstance(row(sheet, "base")["long"], Cell)
    wide: Mapping[str, Any] = {f"v{n:02}": {"evaluated": {"acc": 0.5}} for n in range(9)}
    scores = {"tasks": {"videomme": {"by": {"domain": wide}}}}
    told = {"tasks": {"videomme": {"title": "Video-MME", "columns": {"acc": "Acc"}}}}
    found = plugins.load("harness.reports", "breakdown")([Finished(folder=tmp_path, run=told, scores=scores)])
    assert [len(sheet.head) for sheet in found] == [9, 2] and found[1].title.endswith("part 2 of 2")
    with pytest.raises(UsageError, match="no task in common that is broken down"):
        edit([Finished(folder=tmp_path, run={"tasks": {}}, scores={})], "breakdown")


def votes(**more: Any) -> dict[str, Any]:
    def points(*values: float) -> dict[str, Any]:
        return {"acc": [{"value": v, "low": v - 0.1, "high": v + 0.1, "error": None} for v in values]}

    task = {"title": "WorldSense", "version": 1, "columns": {"acc": "Acc"}, "rollouts": 8, "most_rollouts": 8}
    task |= {"samples": 4, "videos": 4, "errors": 0, "n": [1, 8], "cost": [], "adaptive": {}, "partial": False}
    task |= {"base": points(0.375), "oracle": points(0.375, 0.9), "missing": 0, **more}
    task["voters"] = {"majority": points(0.375, 0.373), "confidence": points(0.375, 0.385)}
    settings = {"voters": ["majority", "confidence"], "seed": 0, "subsets": {"all_up_to": 9, "else": 9}}
    return {"format": 1, "settings": settings, "tasks": {"worldsense": task}}


def test_table_13_is_read_from_votes(tmp_path: Path) -> None:
    finished = Finished(folder=tmp_path, run={}, scores={"tasks": {}})
    with pytest.raises(UsageError, match=r"has no votes.json; make it with: harness vote"):
        edit([finished], "table13")
    (tmp_path / "votes.json").write_text(json.dumps(votes(missing=2)))
    (sheet,) = edit([finished], "table13", published=True)
    assert sheet.head == ("vote", "WorldSense Acc")
    ours = [each for number, each in enumerate(sheet.rows) if sheet.marks[number] == PARTIAL]
    assert ours == [("one answer", 0.375), ("majority", 0.373), ("confidence", 0.385)]
    assert [figure for _, figure in sheet.rows[:3]] == [figure for _, figure in ours], "the published ones are the same"
    (sheet,) = edit([finished], "table13", intervals=True, baseline="one answer")
    assert sheet.rows[1][1] == Cell(value=0.373, low=0.273, high=0.473)
    label, figure = sheet.rows[2]
    assert label == "Δ majority" and figure == pytest.approx(-0.002)


@pytest.fixture
def folder(tmp_path: Path, harness: Callable[..., Any]) -> Path:
    load("camerabench").demo(tmp_path / "camerabench", 2, 0)
    (tmp_path / "answers.jsonl").write_text(json.dumps({"default": True, "texts": ["No"]}))
    words = ("run", "--tasks", "camerabench", "--data", tmp_path, "--engine", "scripted", "--cache-gb", 0)
    asked = ("--answers", tmp_path / "answers.jsonl", "--frames", "uniform:2", "--max-pixels", 10_000)
    assert harness(*words, *asked, "--out", tmp_path / "run").code == 0
    return tmp_path / "run"


def test_the_command(folder: Path, tmp_path: Path, harness: Callable[..., Any]) -> None:
    table = ("report", folder, "--as", "table11")
    shown = harness(*table, "--format", "csv").out
    (told,) = csv.DictReader(shown.splitlines())
    assert told["run"] == "run" and float(told["CameraBench (fraction)"]) == 0.5
    assert harness(*table, "--format", "latex").out.count("\\begin{table}") == 1
    (tmp_path / "out").mkdir()
    several = ("--format", "md,latex,html,csv", "--intervals", "--published", "--out")
    assert "Qwen2.5-VL-7B †" in harness(*table, *several, tmp_path / "out").out
    assert harness(*table, *several, tmp_path / "paper.tex").code == 0
    suffixes = (".csv", ".html", ".md", ".tex")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [f"table11{suffix}" for suffix in suffixes]
    assert all((tmp_path / "paper.x").with_suffix(suffix).is_file() for suffix in suffixes)
    assert harness(*table, "--out", tmp_path / "one.html").code == 0
    assert (tmp_path / "one.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    wrong = {
        ("report", folder, "--format", "csv"): "--format is for a named report; give --as NAME",
        (*table, "--format", "pdf"): "--format cannot be 'pdf'; give some of md, latex, html, csv",
        (*table, "--format", "md,csv"): "--format names several formats; give --out too",
        (*table, "--baseline", "x"): "--baseline 'x' is none of the rows; there are: run",
        (*table, "--out", tmp_path / "no" / "t.md"): "cannot write",
    }
    for words, sentence in wrong.items():
        found = harness(*words)
        assert found.code == 2 and sentence in " ".join(found.err.split()), words


def test_csv_has_a_file_for_each_table(tmp_path: Path) -> None:
    made = [Sheet(title=str(n), head=("run", "x"), rows=(("a", n / 10),)) for n in range(3)]
    found = edition.files(made, ["csv", "md"], tmp_path, "./my report.py")
    assert sorted(path.name for path in found) == [f"my-report{each}" for each in ("-2.csv", "-3.csv", ".csv", ".md")]
    assert [*edition.files(made, ["csv"], tmp_path / "a.b", "x")][0].name == "a.b"
