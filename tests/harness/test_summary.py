"""scores.json, recomputed by hand."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from harness import summary
from harness.codec import encode
from harness.contracts import Task
from harness.plan import load
from harness.records import Prediction, Record, Response, Sample, Score, View
from harness.schema import dumps, validate
from harness.summary import summarise

COLOURS = str(Path(__file__).parent / "data" / "colours.py")
VIEW = View(video="v.mp4", times=(0.0,), duration=1.0, width=8, height=8, size=(28, 28), family="qwen2_5_vl")


def record(name: str, acc: float | None, *, error: str | None = None, place: str = "here", **more: Any) -> Record:
    sample = Sample(id=name, item=name, kind="what", video="v.mp4", question="?", groups={"place": place})
    if error is not None:
        return Record(task="colours", version=1, sample=sample, error=error)
    vote = Prediction(answer=more.get("answer", "red"))
    responses = tuple(
        Response(rollout=k, text="x", finish=f, tokens=5) for k, f in enumerate(more.get("ends", ["stop"]))
    )
    return Record(
        task="colours",
        version=1,
        sample=sample,
        view=VIEW,
        request="0" * 64,
        responses=responses,
        predictions=(vote,) * len(responses),
        vote=vote,
        score=Score(values={"acc": acc}, reason=None if acc is not None else "no judge has been here"),
    )


def told(samples: int, places: Sequence[str] = ("here", "there")) -> dict[str, Any]:
    spec = {"plugin": COLOURS, "name": "colours", "version": 1, "options": {"strict": False, "polite": ""}}
    about = {"samples": samples, "items": samples, "all_items": samples, "groups": {"place": list(places)}}
    return {"partial": False, "settings": {"tasks": [spec]}, "tasks": {"colours": about}}


def scored(folder: Path, records: Sequence[Record], samples: int | None = None) -> dict[str, Any]:
    folder.mkdir(exist_ok=True)
    (folder / "records.jsonl").write_bytes(b"".join(dumps(encode(each), "a record") + b"\n" for each in records))
    found = summarise(folder, told(samples or len(records)))
    validate("scores", found, "scores.json")
    return found


@pytest.fixture
def records() -> list[Record]:
    return [
        record("a", 1.0, ends=["stop", "length"]),
        record("b", 0.0, answer=None),
        record("c", None, error="VideoError: gone"),
        record("d", 1.0, place="there"),
        record("e", None, place="there"),
        record("f", None, error="VideoError: gone", place="there"),
    ]


def test_counts_and_both_means(tmp_path: Path, records: list[Record]) -> None:
    found = scored(tmp_path, records)["tasks"]["colours"]
    assert found["evaluated"]["acc"] == pytest.approx(2 / 3)
    assert found["all"]["acc"] == pytest.approx(2 / 5)
    assert found["counts"] == {
        "samples": 6,
        "items": 6,
        "evaluated": 4,
        "errors": 2,
        "unscored": 1,
        "abstentions": 1,
        "rollouts": 5,
        "truncated": 1,
        "tokens": 25,
    }
    assert found["errors"] == {"VideoError: gone": 2}
    assert found["by"]["place"]["there"]["evaluated"]["acc"] == 1.0
    assert found["by"]["place"]["there"]["all"]["acc"] == 0.5
    assert [*found["by"]["place"]] == ["here", "there"]


def test_the_order_of_the_records_has_no_say(tmp_path: Path, records: list[Record]) -> None:
    rng = random.Random(0)
    found = set()
    for trial in range(5):
        (tmp_path / f"{trial}").mkdir()
        found.add(json.dumps(scored(tmp_path / f"{trial}", rng.sample(records, len(records)))))
    assert len(found) == 1


def test_what_is_not_known_is_null_with_a_reason(tmp_path: Path) -> None:
    found = scored(tmp_path, [record("a", None), record("b", None)])["tasks"]["colours"]
    assert found["evaluated"]["acc"] is None and found["reasons"]["acc"] == "no judge has been here"
    assert found["counts"]["unscored"] == 2


def test_when_all_failed_nothing_is_made_up(tmp_path: Path) -> None:
    found = scored(tmp_path, [record("a", None, error="VideoError: gone")])["tasks"]["colours"]
    assert found["evaluated"]["acc"] is None and found["all"]["acc"] is None
    assert found["reasons"]["acc"] == "no sample was scored"


def test_a_metric_that_is_no_number_is_null(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Odd(type(load(COLOURS))):  # type: ignore[misc]
        def aggregate(self, records: Sequence[Record]) -> Mapping[str, float | None]:
            return {"acc": float("nan"), "lgm": float("inf"), "fine": 1.0}

    odd: Task = Odd()
    monkeypatch.setattr(summary, "load", lambda name: odd)
    found = scored(tmp_path, [record("a", 1.0)])["tasks"]["colours"]
    assert found["evaluated"] == {"acc": None, "lgm": None, "fine": 1.0}
    assert set(found["reasons"]) == {"acc", "lgm"}


def test_a_run_that_is_not_finished_is_marked(tmp_path: Path, records: list[Record]) -> None:
    assert scored(tmp_path / "a", records)["finished"]
    assert not scored(tmp_path / "b", records, samples=9)["finished"]


def test_records_are_summed_up_in_the_order_of_ids_however_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(summary, "PART", 7)
    names = [f"{number * 37 % 50}" for number in range(50)]
    lines = summary.Lines()
    for name in names:
        lines.add(record(name, 1.0))
    assert [line.record.sample.id for line in lines.by_id()] == sorted(names)
