"""A V-STaR result file of 120 items with every oddity of the format; the same whenever it is made.

`results()` is the annotation with answers added, as the published inference program leaves it. What the two published
evaluators print for it, with the ratings below in place of their judge, is in vstar_printed.json.
"""

from __future__ import annotations

import copy
import json
import random
from pathlib import Path
from typing import Any

Row = dict[str, Any]
MISSING = object()

SPAN_TEXTS = [
    "From <t>3</t>s to <t>7.5</t>s",
    "From 3s to 7s",
    "12.5s to 20.25s",
    "<think>at 5.0 seconds</think><answer>3 to 7</answer>",
    "01:02 to 01:30",
    "1:02:03 to 1:02:09",
    "-3 to 7",
    ".5 to 1.5",
    "3.0-7.0 seconds in 1 video",
    "3 to 7 (frame 2)",
    "1e1 to 2e1",
    "3,000 to 4,000",
    "7 to 3",
    "<answer></answer> 3 to 7",
    "\uff13 to \uff17",
    "I cannot tell.",
]
"""Answers to "when"; a stored span beside each is what the published inference program makes of it."""

STORED_SPANS: list[Any] = [
    "[3, 7]", "3, 7", "3 to 7", "[3, 7", [3], [3, 7, 9], [None, 5], ["3", "7"], [True, 6], [7, 3], [5, 5], None, 0, {},
    {"start": 3, "end": 7}, [float("inf"), 5], [3, float("inf")], [-4, 60], MISSING,
]  # fmt: skip

BOX_TEXTS = [
    '{"3":[100,60,260,200]} {"4":[100,60,260,200]}',
    "{3: [100,60,260,200]}",
    "[[100,60,260,200]]",
    '{"3":[100,60,260,200], "4":[100,60',
    '{"3.0":[100,60,260,200]}',
    '{"bbox_2d":[100,60,260,200],"label":"cup"}',
    "```json\n{'3': [100,60,260,200]}\n```",
    'Here: [{"3":[100,60,260,200]},{"4":[100,60,260,200]}]',
    "[[3,[100,60,260,200]]]",
    '[{"3":[100,60,260,200]},[4,[100,60,260,200]]]',
    '<think>[1]</think><answer>{"3":[100,60,260,200]}</answer>',
    '{"3":[100,60,260,200],"4":{"a":1}',
    '```json {"3":[100,60,260,200]} ```',
    '```json\n{"3":[100,60,260,200]}\n``` and {"4":[1,2,3,4]}',
    "nowhere",
    "[]",
]
"""Answers to "where"."""

BOX_VALUES: list[Any] = [
    [[0, 0, 5, 5], [100, 60, 260, 200]],
    [[0, 0, 5, 5], [100, 60, 260, 200], "x", 3, [1, 2]],
    [[100, 60, 260, 200], ["a", 1, 2, 3]],
    7,
    "[100,60,260,200]",
    {"box": [100, 60, 260, 200]},
    [float("nan"), 60, 260, 200],
    [],
    None,
    [100, 60, 260],
    [260, 200, 100, 60],
    [260, 60, 100, 200],
    ["100", "60", "260", "200"],
    [100.0, 60.0, 260.0, 200.0],
    [[100, 60, 260, 200]],
    [100, 60, float("inf"), 200],
    [True, 0, 400, 300],
]
"""What stands beside a second of the reference."""

STORED_BOXES: list[Any] = [None, [], [100, 60, 260, 200], {}, "nothing", [[3, [100, 60, 260, 200]]], MISSING]
LENGTHS = [(1499, 25.0), (1500, 25.0), (59.996 * 25, 25.0), (4499, 25.0), (4500, 25.0), (900, 29.97), (9000, 30.0)]
ANSWERED = ("answer_temporal", "answer_spatial", "answer_spatial_2", "answer_temporal_2")
READINGS = json.loads((Path(__file__).parent / "vstar_readings.json").read_text(encoding="utf-8"))
"""Text -> what the published inference program stores for it."""


def results() -> list[Row]:
    """The 120 rows."""
    rng = random.Random(20250314)
    rows = [_row(rng, number) for number in range(120)]
    numbers = iter(range(120))
    for text in SPAN_TEXTS:
        _set(rows[next(numbers)], answer_temporal_pre=text, answer_temporal=READINGS["official"]["spans"][text])
    for value in STORED_SPANS:
        _set(rows[next(numbers)], answer_temporal_2=value)
    for text in BOX_TEXTS:
        _set(rows[next(numbers)], answer_spatial_pre=text, answer_spatial=READINGS["official"]["boxes"][text])
    for value in BOX_VALUES:
        number = next(numbers)
        _set(rows[number], answer_spatial_2={**rows[number]["answer_spatial_2"], "3": value})
    for value in STORED_BOXES:
        _set(rows[next(numbers)], answer_spatial_2=value)
    for timestamp in (3.0, 3.5, 3):
        number = next(numbers)
        rows[number]["bboxes"][0]["timestamp"] = timestamp
        _set(
            rows[number], answer_spatial={"3": _corners(rows[number])}, answer_spatial_2={"3.0": _corners(rows[number])}
        )
    for answer in ("", None, MISSING, "", ""):
        _set(rows[next(numbers)], answer_vqa=answer, VQA_score=MISSING)
    rows[next(numbers)]["bboxes"] = []
    for frames, rate in LENGTHS:
        rows[next(numbers)].update(frame_count=frames, fps=rate)
    for row in rows[-2:]:
        row["domain"] = "Perfect"
        _set(row, VQA_score=3, answer_temporal=row["timestamps"], answer_temporal_2=row["timestamps"])
        exact = {str(box["timestamp"]): [box[c] for c in ("xmin", "ymin", "xmax", "ymax")] for box in row["bboxes"]}
        _set(row, answer_spatial=exact, answer_spatial_2=exact)
    return rows


def _set(row: Row, **values: Any) -> None:
    for name, value in values.items():
        if value is MISSING:
            row.pop(name, None)
        else:
            row[name] = copy.deepcopy(value)


def _corners(row: Row) -> list[int]:
    return [row["bboxes"][0][corner] for corner in ("xmin", "ymin", "xmax", "ymax")]


def _row(rng: random.Random, number: int) -> Row:
    start = rng.randrange(1, 4)
    end = start + rng.choice([3.5, 4.0, 6.25])
    boxes = []
    for second in range(3, rng.randrange(5, 8)):
        x, y = rng.randrange(60, 140), rng.randrange(40, 90)
        boxes.append({"timestamp": second, "frame_index": 25 * second, "xmin": x, "ymin": y,
                      "xmax": x + rng.randrange(80, 200), "ymax": y + rng.randrange(70, 150)})  # fmt: skip
    row: Row = {
        "vid": f"{number:04d}", "domain": ("Indoor", "Sports", "Vehicles")[number % 3],
        "fps": 25.0, "width": 640, "height": 360, "frame_count": rng.choice([500, 2000, 6000]),
        "question": f"What is number {number}?", "chain": "what, when, where", "object": "cup", "answer": "A cup.",
        "temporal_question": "When is it?", "timestamps": [float(start), end],
        "spatial_question": "Where is the cup?", "spatial_question_2": "Where is it?", "bboxes": boxes,
        "answer_vqa": rng.choice(["a cup", "The cup.", "a plate"]), "VQA_score": rng.choice([-1, 0, 1, 2, 2, 3, 3]),
    }  # fmt: skip
    for chain in ("", "_2"):
        span = [max(0.0, start + rng.choice([-1, 0, 0.5, 2])), end + rng.choice([-1, 0, 1.5, 4])]
        row[f"answer_temporal{chain}"] = span
        row[f"answer_temporal_pre{chain}"] = f"From <t>{span[0]}</t>s to <t>{span[1]}</t>s"
        found = {
            str(box["timestamp"]): [box[c] + rng.randrange(-25, 26) for c in ("xmin", "ymin", "xmax", "ymax")]
            for box in boxes
            if rng.random() < 0.85
        }
        row[f"answer_spatial{chain}"] = found
        row[f"answer_spatial_pre{chain}"] = json.dumps(found)
    return row
