"""V-STaR: published tables, both parsers' published behaviour, prompts, chains and joint rates."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.contracts import Task
from harness.errors import UsageError
from harness.geometry import Box, Span
from harness.records import Evidence, Frame, Record, Response, Sample, Score, View
from harness.tasks._vstar_metrics import chain_summary
from harness.tasks._vstar_rows import length_class
from harness.tasks.vstar import VStar

PUBLISHED = json.loads((Path(__file__).parent / "data" / "published_chains.json").read_text(encoding="utf-8"))
PARTS = ("acc", "tiou_1", "viou_1", "tiou_2", "viou_2")
KINDS = ("what", "when_1", "where_1", "where_2", "when_2")
VIEW = View(video="v.mp4", times=(0.0, 1.0), duration=10.04, width=200, height=100, size=(100, 50), family="qwen2_5_vl")
BOXES = {3.0: Box(20, 20, 100, 80), 4.0: Box(40, 20, 120, 80)}


def _sample(kind: str = "what", **changes: Any) -> Sample:
    told: dict[str, Any] = {
        "id": f"a:0/{kind}",
        "item": "a:0",
        "kind": kind,
        "video": "v.mp4",
        "question": "Where is it?",
        "answer": "A red star." if kind == "what" else None,
        "span": Span(2.5, 4.5),
        "boxes": BOXES,
        "evidence": tuple(Evidence(label="red star", time=t, box=b) for t, b in BOXES.items()),
    }
    return Sample(**told | changes)


def _read(text: str, kind: str, task: Task | None = None) -> Any:
    task = task or VStar()
    return task.read(_sample(kind), VIEW, Response(rollout=0, text=text, finish="stop"))


def _text(sample: Sample, task: VStar | None = None) -> str:
    last = (task or VStar()).request(sample, VIEW).parts[-1]
    assert isinstance(last, str)
    return last


@pytest.mark.parametrize("row", PUBLISHED["rows"], ids=lambda row: f"{row['source'][-8:]}-{row['model']}")
def test_published_rows_recompute_within_rounding(row: Mapping[str, Any]) -> None:
    half = row["step"] / 2 + 1e-9
    low = chain_summary(*(max(0.0, row[p] - half) / 100 for p in PARTS))
    high = chain_summary(*((row[p] + half) / 100 for p in PARTS))
    for name, printed in row["published"].items():
        one, two = low[name], high[name]
        assert one is not None
        assert two is not None
        assert one * 100 - half <= printed <= two * 100 + half, name


def test_cells_left_out_are_those_that_do_not_recompute() -> None:
    rows = {(r["source"], r["model"]): r for r in PUBLISHED["rows"]}
    assert sum(len(r["published"]) for r in PUBLISHED["rows"]) + len(PUBLISHED["left_out"]) == 14 * 6 + 17 * 2
    for cell in PUBLISHED["left_out"]:
        row = rows[cell["source"], cell["model"]]
        found = chain_summary(*(row[p] / 100 for p in PARTS))[cell["cell"]]
        assert found is not None
        assert abs(found * 100 - cell["printed"]) > row["step"]


def test_a_missing_part_leaves_its_chain_out() -> None:
    found = chain_summary(0.5, 0.5, 0.5, None, 0.5)
    assert found["am_1"] == 0.5
    assert found["am_2"] is found["mam"] is found["mlgm"] is None


# What the published program and a tolerant reader make of the same text (None: nothing).
SPANS: list[tuple[str, tuple[float, float] | None, tuple[float, float] | None]] = [
    ("From <t>3</t>s to <t>7.5</t>s", (3, 7.5), (3, 7.5)),
    ("From 3s to 7s", None, (3, 7)),
    ("12.5s to 20.25s", (12, 20), (12.5, 20.25)),
    ("<think>at 5.0 seconds</think><answer>3 to 7</answer>", None, (3, 7)),
    ("01:02 to 01:30", None, (62, 90)),
    ("1:02:03 to 1:02:09", None, (3723, 3729)),
    ("-3 to 7", (3, 7), None),
    (".5 to 1.5", (5, 1.5), (0.5, 1.5)),
    ("3.0-7.0 seconds in 1 video", None, (3, 7)),
    ("3 to 7 (frame 2)", None, (3, 7)),
    ("1e1 to 2e1", None, (10, 20)),
    ("3,000 to 4,000", None, None),
    ("7 to 3", (7, 3), (7, 3)),
    ("<answer></answer> 3 to 7", (3, 7), None),
    ("１ to ２", (1, 2), (1, 2)),
    ("", None, None),
]


@pytest.mark.parametrize(("text", "official", "tolerant"), SPANS)
def test_spans(text: str, official: tuple[float, float] | None, tolerant: tuple[float, float] | None) -> None:
    for parser, expected in (("official", official), ("tolerant", tolerant)):
        span = _read(text, "when_1", VStar(parser=parser)).span
        assert span == (None if expected is None else Span(*expected)), parser


BOX_TEXTS: list[tuple[str, list[float], list[float]]] = [
    ('{"3":[1,2,3,4]} {"4":[1,2,3,4]}', [], [3, 4]),
    ("{3: [1,2,3,4]}", [], [3]),
    ("[[1,2,3,4]]", [], []),
    ('{"3":[1,2,3,4], "4":[1,2', [], [3]),
    ('{"3.0":[1,2,3,4]}', [], [3]),
    ('{"bbox_2d":[1,2,3,4],"label":"x"}', [], []),
    ("```json\n{'3': [1,2,3,4]}\n```", [3], [3]),
    ('Here: [{"3":[1,2,3,4]},{"4":[1,2,3,4]}]', [3, 4], [3, 4]),
    ("[[3,[1,2,3,4]]]", [3], [3]),
    ('{"3":"[1,2,3,4]", "4":[1,2,3,4]}', [4], [4]),
    ('{"3":NaN, "4":[NaN,2,3,4]}', [], []),
    ("[" * 3000, [], []),
]


@pytest.mark.parametrize(("text", "official", "tolerant"), BOX_TEXTS)
def test_boxes(text: str, official: list[float], tolerant: list[float]) -> None:
    for parser, expected in (("official", official), ("tolerant", tolerant)):
        assert sorted(_read(text, "where_1", VStar(parser=parser)).boxes) == expected, parser


@pytest.mark.parametrize(
    ("text", "answer", "problems"),
    [
        ("<think>x</think><answer>a star</answer>", "a star", ()),
        ("<think>x</think> a star", "a star", ("no answer tag",)),
        ("a star", "a star", ("no answer tag",)),
        ("<think>x and x and", None, ("no answer tag",)),
        ("<think>x</think><answer></answer>", None, ("empty answer",)),
        ("", None, ("no answer tag",)),
    ],
)
def test_what(text: str, answer: str | None, problems: tuple[str, ...]) -> None:
    prediction = _read(text, "what")
    assert (prediction.answer, prediction.problems) == (answer, problems)
    assert _read(text.replace("no", ""), "what", VStar(prompt="direct")).answer == answer


def test_frames_come_first_so_that_questions_on_a_video_share_them() -> None:
    requests = [VStar().request(_sample(kind), VIEW) for kind in KINDS]
    assert len({r.parts[:-1] for r in requests}) == 1
    assert [p.time for p in requests[0].parts if isinstance(p, Frame)] == [0.0, 1.0]
    assert len({r.parts[-1] for r in requests}) == 5


def test_the_chains_are_given_what_was_published() -> None:
    assert "seconds: 3, 4.\n" in _text(_sample("where_1"))
    assert "2 boxes in all" in _text(_sample("where_2"))
    assert "[10,10,50,40], [20,10,60,40]." in _text(_sample("when_2"))
    for kind in ("what", "when_1", "where_2"):
        assert "[10,10" not in _text(_sample(kind))
    for kind in ("when_1", "when_2"):
        text = _text(_sample(kind))
        assert "The video is 10.0 seconds long." in text
        assert "3" not in text and "2.5" not in text
    assert "<think>" not in "".join(_text(_sample(kind), VStar(prompt="direct")) for kind in KINDS)


def test_a_span_without_a_whole_second_asks_for_the_seconds_of_the_boxes() -> None:
    assert "seconds: 3, 4.\n" in _text(_sample("where_1", span=Span(3.2, 3.8)))


@pytest.mark.parametrize(("prompt", "parser"), [("think", "tolerant"), ("direct", "tolerant"), ("direct", "official")])
@pytest.mark.parametrize("kind", KINDS)
def test_the_reference_scores_one(kind: str, prompt: str, parser: str) -> None:
    task = VStar(parser=parser, prompt=prompt)
    sample = _sample(kind)
    text = task.reference(sample, VIEW)
    prediction = task.read(sample, VIEW, Response(rollout=0, text=text, finish="stop"))
    assert prediction.problems == ()
    assert len(prediction.evidence) == (2 if prompt == "think" else 0)
    assert set(task.score(sample, prediction).values.values()) == {1.0}


def test_the_reference_cites_its_evidence_in_the_coordinates_of_the_model() -> None:
    assert VStar().reference(_sample(), VIEW) == (
        "<think>The <obj>red star</obj><box>[10,10,50,40]</box>at<t>3.0</t>s. "
        "The <obj>red star</obj><box>[20,10,60,40]</box>at<t>4.0</t>s.</think><answer>A red star.</answer>"
    )
    assert VStar().reference(_sample(evidence=()), VIEW).startswith("<think>I look at the frames.</think>")


def test_an_abstention_scores_zero_and_no_reference_scores_none() -> None:
    for kind in KINDS:
        sample = _sample(kind)
        assert set(VStar().score(sample, _read("", kind)).values.values()) == {0.0}
    score = VStar().score(_sample("where_1", boxes={}), _read("", "where_1"))
    assert set(score.values.values()) == {None}
    assert score.reason


def _record(item: str, kind: str, **values: float | None) -> Record:
    return Record(task="vstar", version=1, sample=_sample(kind, item=item), score=Score(values=values))


def _item(item: str, acc: float, tiou: float, viou: float) -> list[Record]:
    parts = [_record(item, "what", acc=acc)]
    parts += [_record(item, f"when_{c}", tiou=tiou, r1_03=float(tiou >= 0.3)) for c in "12"]
    return parts + [_record(item, f"where_{c}", viou=viou, ap_01=0.5) for c in "12"]


def test_joint_rates_and_means_by_hand() -> None:
    records = [*_item("a", 1, 0.3, 0.1), *_item("b", 1, 0.29, 0.5), *_item("c", 0, 0.9, 0.9), *_item("d", 1, 0.5, 0)]
    found = VStar().aggregate(records)
    assert found["acc"] == 0.75
    assert found["tiou_1"] == found["tiou_2"] == pytest.approx((0.3 + 0.29 + 0.9 + 0.5) / 4)
    assert found["r1_03_1"] == 0.75
    assert found["ap_01_2"] == 0.5
    for chain in "12":
        rates = [found[f"joint_{name}_{chain}"] for name in ("what_when", "what_where", "when_where", "all")]
        assert rates == [0.5, 0.5, 0.5, 0.25]
    summary = chain_summary(*(found[p] for p in PARTS))
    assert {k: found[k] for k in summary} == summary
    assert VStar().aggregate(records[::-1]) == pytest.approx(found)


def test_items_without_a_part_are_left_out_of_the_joint_rates_that_need_it() -> None:
    broken = [r for r in _item("b", 0, 0, 0) if r.sample.kind != "where_1"]
    unscored = Record(task="vstar", version=1, sample=_sample("where_1", item="b"), error="no video")
    found = VStar().aggregate([*_item("a", 1, 1, 1), *broken, unscored])
    assert found["viou_1"] == 1.0
    assert found["viou_2"] == 0.5
    assert found["joint_all_1"] == found["joint_when_where_1"] == 1.0
    assert found["joint_what_when_1"] == found["joint_all_2"] == 0.5


def test_nothing_gives_none_everywhere_and_all_columns_exist() -> None:
    found = VStar().aggregate([])
    assert set(found.values()) == {None}
    assert found.keys() >= VStar.columns.keys()


@pytest.mark.parametrize(("length", "expected"), [(59.99, "short"), (60, "medium"), (179.99, "medium"), (180, "long")])
def test_length_class(length: float, expected: str) -> None:
    assert length_class(length) == expected


@pytest.mark.parametrize("option", ["prompt", "parser"])
def test_unknown_options_are_one_sentence(option: str) -> None:
    changes: dict[str, Any] = {option: "x"}
    with pytest.raises(UsageError, match=f"vstar has no {option} 'x'; there are: "):
        replace(VStar(), **changes)
