"""`harness compare A B`: what is compared with what, what is left out, and what is refused."""

from __future__ import annotations

import importlib
import runpy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from harness.errors import UsageError
from harness.records import Sample

compare: Any = importlib.import_module("harness.reports.runs.compare")
answers: Any = SimpleNamespace(**runpy.run_path(str(Path(__file__).parent / "answers.py")))
choices, grounded = answers.choices, answers.grounded

Row = tuple[Sample, Mapping[str, float | None] | None, str | None]


def data(runs: Sequence[Path], **more: Any) -> dict[str, Any]:
    found: dict[str, Any] = compare.compare(runs, runs[-1], Console(quiet=True), **more)
    return found


def figures(runs: Sequence[Path], **more: Any) -> dict[str, Any]:
    found: dict[str, Any] = data(runs, **more)["against"]
    return found


def test_what_is_left_out_is_told(tmp_path: Path, write_run: Callable[..., Path]) -> None:
    one, other = choices(0, 0.6, 30), choices(1, 0.6, 33)
    other[4] = (other[4][0], None, None)
    one[7] = (one[7][0], None, None)
    runs = [write_run(tmp_path / "a", {"videomme": one, "vstar": grounded(0, 2)}),
            write_run(tmp_path / "b", {"videomme": other}, frames="uniform:4", seed=3)]  # fmt: skip
    told = figures(runs)["b"]["videomme"]
    assert told["left"] == {"before_only": 0, "after_only": 3, "errors_before": 1, "errors_after": 1, "errors_both": 0}
    assert told["whole"]["samples"] == 28
    assert {"frames was uniform:8 and is uniform:4", "seed was 0 and is 3"} <= set(told["notes"])
    assert any("only a has vstar" in note for note in told["notes"])


def other_question(rows: list[Row]) -> list[Row]:
    return [(replace(rows[0][0], question="Which not?"), *rows[0][1:]), *rows[1:]]


def other_video(rows: list[Row]) -> list[Row]:
    return [(replace(rows[0][0], video="/data/x.mp4"), *rows[0][1:]), *rows[1:]]


def videos_apart(rows: list[Row]) -> list[Row]:
    return [(replace(rows[0][0], video="/other/0.mp4"), *rows[0][1:]), *rows[1:]]


def other_ids(rows: list[Row]) -> list[Row]:
    return [(replace(sample, id=f"x{sample.id}"), *rest) for sample, *rest in rows]  # type: ignore[misc]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (other_question, "1 of 30 samples of videomme with the same id, such as 'q0000', have another question"),
        (other_video, "have another question, reference or video"),
        (videos_apart, "are about several videos in the other"),
        (other_ids, "have no sample of videomme in common"),
    ],
)
def test_other_questions_are_never_paired(
    tmp_path: Path, write_run: Callable[..., Path], change: Callable[[list[Row]], list[Row]], said: str
) -> None:
    rows = choices(0, 0.6, 30)
    runs = [write_run(tmp_path / "a", {"videomme": rows}), write_run(tmp_path / "b", {"videomme": change(rows)})]
    for anyway in (False, True):
        with pytest.raises(UsageError, match=said):
            figures(runs, anyway=anyway)


def test_other_versions_are_refused_unless_asked_for(
    harness: Callable[..., Any], tmp_path: Path, write_run: Callable[..., Path]
) -> None:
    rows = {"videomme": choices(0, 0.6, 30)}
    runs = write_run(tmp_path / "a", rows), write_run(tmp_path / "b", rows, versions={"videomme": 99})
    said = harness("compare", *runs)
    assert said.code == 2 and "in versions 1 and 99" in said.err and "--anyway" in said.err
    assert harness("compare", *runs, "--anyway").code == 0
    assert "versions 1 and 99" in (tmp_path / "b" / "compare-a" / "comparison.md").read_text()


def test_mistakes_are_told_in_a_sentence(
    harness: Callable[..., Any], tmp_path: Path, write_run: Callable[..., Path]
) -> None:
    three = [write_run(tmp_path / name, {"videomme": choices(0, 0.6, 30)}) for name in ("one", "two")]
    wrong: list[tuple[list[object], str]] = [
        ([three[0], three[0]], "give each folder once"),
        ([three[0], three[1], "--voters", "first"], "--voters are those of one run"),
        ([three[0], "--anyway"], "--out and --anyway are for runs"),
        ([three[0], tmp_path / "none"], "is no run folder to write into"),
        ([three[0], tmp_path / "none", "--out", tmp_path], "there is no"),
        ([three[0], tmp_path], "is not a run folder"),
    ]
    for words, said in wrong:
        found = harness("compare", *words)
        assert found.code == 2 and said in found.err and found.err.count("\n") == 1


def test_hostile_names_stay_text(tmp_path: Path, write_run: Callable[..., Path]) -> None:
    bad = "a](javascript:x) <script>\n| # ..\\ \u202e%"
    rows = [
        (replace(sample, id=f"{bad}{n}", question=bad, groups={bad: bad}), {"acc": float(n % 2)}, bad)
        for n, (sample, _, _) in enumerate(choices(0, 0.5, 12))
    ]
    flipped = [(sample, {"acc": 1 - float(scores["acc"] or 0)}, answer) for sample, scores, answer in rows]
    runs = [write_run(tmp_path / "a b", {"videomme": rows}), write_run(tmp_path / "c#d", {"videomme": flipped})]
    found = data(runs)
    pages = [importlib.import_module(f"harness.reports.runs.{name}").markdown(found) for name in ("shown", "flipped")]
    assert not any("<script" in page for page in pages) and "](javascript" not in pages[1]
    address = found["against"]["c#d"]["videomme"]["flipped"][0]["seen"][1]
    assert address.startswith("view/index.html#videomme/a%5D%28javascript%3Ax%29%20%3Cscript%3E%0A")
    assert found["against"]["c#d"]["videomme"]["flipped"][0]["seen"][0].startswith("../a%20b/view/")


def test_a_video_or_a_task_alone_tells_no_interval(tmp_path: Path, write_run: Callable[..., Path]) -> None:
    rows = choices(0, 0.6, 3)
    runs = [write_run(tmp_path / name, {"videomme": rows}) for name in "ab"]
    told = figures(runs)["b"]["videomme"]["whole"]["figures"]["acc"]
    assert told["difference"]["low"] is None and told["difference"]["note"] == "one cluster tells no error"
    failed = [(sample, None, None) for sample, _, _ in rows]
    runs = [write_run(tmp_path / name, {"videomme": failed}) for name in "cd"]
    assert figures(runs)["d"]["videomme"]["whole"]["samples"] == 0
