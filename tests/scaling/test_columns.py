"""Columns of a table from expected scores, and their intervals."""

from __future__ import annotations

import importlib
import random
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from harness import metrics, plugins, stats
from harness.geometry import Box, Span
from harness.records import Prediction, Record, Sample

curves, columns, pool = (importlib.import_module(f"harness.scaling.{name}") for name in ("curves", "columns", "pool"))
vstar, shapes = (plugins.load("harness.tasks", name) for name in ("vstar", "shapes"))
SPAN, BOX = Span(2, 6), Box(0, 0, 4, 4)
KINDS = ("what", "when_1", "where_1", "when_2", "where_2")


def made(items: int, videos: int, rollouts: int = 3) -> Any:
    """A pool of V-STaR in which the items of a video are alike."""
    rng, found = random.Random(0), pool.Pool(vstar)
    for number in range(items):
        skill = random.Random(number % videos).random()
        for kind in KINDS:
            truths: dict[str, Any] = {"what": {"answer": "star"}, "when": {"span": SPAN}, "wher": {"boxes": {1.0: BOX}}}
            sample = Sample(id=f"{number}:{kind}", item=f"{number}", kind=kind, video=f"v{number % videos}",
                            question="?", **truths[kind[:4]])  # fmt: skip
            said = []
            for k in range(rollouts):
                near = rng.random() < skill
                said.append({
                    "what": Prediction(answer="star" if near else "sun", rollout=k),
                    "when": Prediction(span=Span(2 if near else 4, rng.uniform(5, 8)), rollout=k),
                    "wher": Prediction(boxes={1.0: Box(0 if near else 2, 0, 4, rng.uniform(2, 4))}, rollout=k),
                }[kind[:4]])  # fmt: skip
            found.samples.append(pool.Rollouts(sample, tuple(said), (1,) * rollouts, 1.0))
    return found


def test_it_is_seen_which_columns_are_means_and_of_what() -> None:
    table = curves.table(made(12, 4), 3)
    found = columns.Columns(table)
    names = {
        name: ({table.pool.samples[row].sample.kind for row in rows}, table.metrics[metric])
        for name, (rows, metric) in found.means.items()
    }
    assert names == {
        "acc": ({"what"}, "acc"),
        "tiou_1": ({"when_1"}, "tiou"),
        "viou_1": ({"where_1"}, "viou"),
        "tiou_2": ({"when_2"}, "tiou"),
        "viou_2": ({"where_2"}, "viou"),
    }


def test_all_columns_of_the_task_come_out_as_it_sums_them_up() -> None:
    rollouts = made(12, 4)
    table = curves.table(rollouts, 3)
    first = [replace_score(each) for each in rollouts.samples]
    want = vstar.overall(first)
    values = curves._exactly(table.scores[:, 0])
    points = columns.Columns(table).points(values)
    assert {name: point.value for name, point in points.items()} == {name: want[name] for name in vstar.columns}


def replace_score(each: Any) -> Record:
    vote = each.predictions[0]
    return Record(task="vstar", version=2, sample=each.sample, vote=vote, score=vstar.score(each.sample, vote))


def test_means_have_the_clustered_error() -> None:
    table = curves.table(made(30, 9), 3)
    rows = [n for n, each in enumerate(table.pool.samples) if each.sample.kind == "when_1"]
    scores = table.scores[rows, :, table.metrics.index("tiou")].mean(1)
    want = stats.mean(scores, [table.pool.samples[row].video for row in rows])
    point = columns.Columns(table).points(table.first())["tiou_1"]
    assert (point.value, point.low, point.high) == pytest.approx((want.value, want.low, want.high))


def test_the_jackknife_agrees_with_a_bootstrap_over_videos() -> None:
    table = curves.table(made(120, 60), 3)
    found, values = columns.Columns(table), table.first().values
    points = found.points(table.first())
    by_video: dict[str, list[int]] = {}
    for row, each in enumerate(table.pool.samples):
        by_video.setdefault(each.video, []).append(row)
    rng, drawn = np.random.default_rng(0), []
    for _ in range(300):
        records = []
        for copy, video in enumerate(rng.choice(list(by_video), len(by_video))):
            for row in by_video[video]:
                record = found._record(values, None, row)
                records.append(replace(record, sample=replace(record.sample, item=f"{record.sample.item}.{copy}")))
        drawn.append(vstar.overall(records))
    for name in ("am_1", "lgm_1", "mam", "mlgm"):
        half = 2.02 * np.std([each[name] for each in drawn])
        assert name not in found.means
        assert (points[name].high - points[name].low) / 2 == pytest.approx(half, rel=0.25)


def test_a_column_of_the_votes_themselves_is_there_with_all_rollouts_only() -> None:
    rollouts = pool.Pool(shapes)
    for number, grade in enumerate("0202"):
        sample = Sample(id=str(number), item="i", kind="relevance", video=f"v{number}", question="?", answer=grade)
        said = Prediction(answer=grade, rollout=0, signals={"grade": float(grade)})
        rollouts.samples.append(pool.Rollouts(sample, (said,), (1,), 1.0))
    found = columns.Columns(curves.table(rollouts, 1))
    votes = [each.predictions[0] for each in rollouts.samples]
    values = found.table.first()
    assert found.points(values)["auroc"].value is None
    assert found.points(values, votes)["auroc"].value == metrics.auroc([2.0, 2.0], [0.0, 0.0])


def test_one_video_tells_no_interval() -> None:
    point = columns.Columns(curves.table(made(4, 1), 3)).points(curves.table(made(4, 1), 3).first())
    assert all(each.low is None and each.high is None for each in point.values())
