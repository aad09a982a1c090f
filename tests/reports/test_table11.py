"""Tables 11 and 12 from run folders and from published figures."""

from __future__ import annotations

import importlib
import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from harness import plugins
from harness.contracts import Finished
from harness.errors import UsageError
from harness.plan import load
from harness.records import Record, Sample, Score

sheets = importlib.import_module("harness.reports.sheets")
table11, table12 = (plugins.load("harness.reports", name) for name in ("table11", "table12"))

PUBLISHED = json.loads((Path(__file__).parents[1] / "tasks/data/camerabench_published.json").read_text("utf-8"))
FOLDERS = {name: told["pairs"] for name, told in PUBLISHED["table2"]["folders"].items()}
NAMED = ("confusable_motion", "motion_and_steadiness", "motion_speed")


def _records(folder: str, right: int) -> list[Record]:
    """The judgments of a folder, so many of them right."""
    told: dict[str, Any] = {"kind": "yes/no", "video": "v.mp4", "groups": {"folder": folder}}
    return [
        Record(
            task="camerabench",
            version=1,
            sample=Sample(id=f"{folder}{n}", item=f"{folder}{n // 4}", question=str(n % 2), **told),
            score=Score(values={"acc": float(n < right)}),
        )
        for n in range(4 * FOLDERS[folder])
    ]


def _run(name: str, star: float, overall: float, *skills: float) -> Finished:
    """A run whose judgments add up to a row of Table 11; what the three skills leave is spread over the others."""
    aggregate = load("camerabench").aggregate
    right = {folder: round(v * 4 * FOLDERS[folder] / 100) for folder, v in zip(NAMED, skills, strict=True)}
    left = round(overall * 4 * sum(FOLDERS.values()) / 100) - sum(right.values())
    for folder in FOLDERS.keys() - right.keys():
        right[folder] = min(left, 4 * FOLDERS[folder])
        left -= right[folder]
    records = {folder: _records(folder, count) for folder, count in right.items()}
    by = {"folder": {folder: {"evaluated": aggregate(part)} for folder, part in records.items()}}
    camera = {"evaluated": aggregate([r for part in records.values() for r in part]), "by": by}
    scores = {"tasks": {"star": {"evaluated": {"acc": star / 100, "mean": None}, "by": {}}, "camerabench": camera}}
    return Finished(folder=Path(name), run={}, scores=scores)


@pytest.mark.parametrize("name", PUBLISHED["table11"]["rows"])
def test_the_published_table_11_is_printed(name: str) -> None:
    row = PUBLISHED["table11"]["rows"][name]
    page = sheets.markdown(table11([_run(name.replace("/", ""), *row)]))
    star, *camera = (f"{value:.1f}" for value in row)
    assert f"| {name.replace('/', '')} | {star} | - | {' | '.join(camera)} |" in page


def _finished(name: str, frames: Mapping[str, str | None], model: str | None = "m") -> Finished:
    known = {"longvideo_reason": ("LongVideo-Reason", {"acc": "Acc"}), "tvgbench": ("TVGBench", {"miou": "mIoU"})}
    told = {task: {"title": known[task][0], "columns": {**known[task][1], "x": "X"}} for task in frames}
    settings = {
        "model": None if model is None else {"name": model},
        "tasks": [{"name": task, "frames": recipe} for task, recipe in frames.items()],
    }
    values = {"acc": 0.694, "miou": 0.208, "x": 0.9}
    scores = {"tasks": {task: {"evaluated": values} for task in frames}}
    return Finished(folder=Path(name), run={"tasks": told, "settings": settings}, scores=scores)


def test_table_12_has_a_row_a_recipe_and_a_column_a_common_task() -> None:
    both = {"tvgbench": "uniform:64", "longvideo_reason": "uniform:64"}
    apart = {"longvideo_reason": "uniform:16", "tvgbench": "fps:2:64"}
    (sheet,) = table12([_finished("a", both), _finished("b", apart), _finished("c", dict.fromkeys(both), None)])
    assert sheet.head == ("run", "model", "frames", "TVGBench mIoU", "LongVideo-Reason Acc")
    assert sheet.rows == (
        ("a", "m", "uniform:64", 0.208, 0.694),
        ("b", "m", "longvideo_reason uniform:16, tvgbench fps:2:64", 0.208, 0.694),
        ("c", "-", "-", 0.208, 0.694),
    )
    (sheet,) = table12([_finished("a", both), _finished("b", {"longvideo_reason": "uniform:16"})])
    assert sheet.head[3:] == ("LongVideo-Reason Acc",) and sheet.rows[1][2] == "uniform:16"


def test_table_12_wants_a_common_task() -> None:
    one, other = _finished("a", {"tvgbench": "uniform:8"}), _finished("b", {"longvideo_reason": "uniform:8"})
    with pytest.raises(UsageError, match="the runs have no task in common; give runs of the same tasks"):
        table12([one, other])


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six clips in three pairs, which give 12 judgments."""
    root = tmp_path_factory.mktemp("data")
    load("camerabench").demo(root, 6, 0)
    return root


# what the scripted model answers, what is lost -> Acc and Q-Acc of the evaluated and of all, errors, abstentions
RUNS: list[tuple[dict[str, Any], bool, tuple[float, ...], int, int]] = [
    ({"choice_logprobs": {"Yes": -0.1, "No": -2.0}}, False, (0.5, 0.0, 0.5, 0.0), 0, 0),
    ({"choice_logprobs": {"Yes": -0.7, "No": -0.7}}, False, (0.0, 0.0, 0.0, 0.0), 0, 12),
    ({"texts": ["No"]}, True, (0.5, 0.0, 5 / 12, 0.0), 2, 0),
]


@pytest.mark.parametrize(("answer", "lost", "expected", "errors", "abstentions"), RUNS)
def test_a_run_is_summed_up_and_put_into_the_tables(
    answer: dict[str, Any],
    lost: bool,
    expected: tuple[float, ...],
    errors: int,
    abstentions: int,
    harness: Callable[..., Any],
    data: Path,
    tmp_path: Path,
) -> None:
    shutil.copytree(data, tmp_path / "camerabench")
    if lost:
        min((tmp_path / "camerabench" / "videos").iterdir()).unlink()
    (tmp_path / "answers.jsonl").write_text(json.dumps({"default": True, **answer}))
    words = ("run", "--tasks", "camerabench", "--data", tmp_path, "--engine", "scripted", "--cache-gb", 0)
    asked = ("--answers", tmp_path / "answers.jsonl", "--frames", "uniform:2", "--max-pixels", 10_000)
    assert harness(*words, *asked, "--out", tmp_path / "run").code == 0
    found = json.loads((tmp_path / "run" / "scores.json").read_text())["tasks"]["camerabench"]
    sums = [found[where][key] for where in ("evaluated", "all") for key in ("acc", "q_acc")]
    assert sums == pytest.approx(list(expected))
    assert (found["counts"]["errors"], found["counts"]["abstentions"]) == (errors, abstentions)
    assert [*found["by"]["folder"]] == ["has_motion", "motion_and_steadiness", "motion_direction"]
    shown = harness("report", tmp_path / "run", "--as", "table11").out
    acc, steady = (100 * part["evaluated"]["acc"] for part in (found, found["by"]["folder"]["motion_and_steadiness"]))
    assert shown.split("speed\n")[1].split()[:7] == ["run", "-", "-", f"{acc:.1f}", "-", f"{steady:.1f}", "-"]
    assert "uniform:2" in harness("report", tmp_path / "run", "--as", "table12").out
