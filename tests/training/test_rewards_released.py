"""The released preset against what the released program gives (tests/training/data/released_rewards.jsonl).

docs/rewards.md says how the file was made.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from harness.records import View
from harness.training import rows as stgr
from harness.training.rewards import NAMES, Component, Rule, earn

VIEW = View(video="", times=(), duration=0, width=420, height=224, size=(420, 224), family="qwen2_5_vl")
CASES: list[dict[str, Any]] = [
    json.loads(line)
    for line in (Path(__file__).parent / "data/released_rewards.jsonl").read_text(encoding="utf-8").split("\n")[:-1]
]
GROUNDED = CASES[0]["row"]


def earned(data: dict[str, Any], completion: str, progress: float = 1.0, view: View = VIEW) -> dict[str, Component]:
    found: dict[str, Component] = earn(
        stgr.row(data, "here", Counter()), completion, view, progress, Rule(preset="released")
    )
    return found


@pytest.mark.parametrize("case", CASES, ids=range(len(CASES)))
def test_every_part_is_what_the_program_gives(case: dict[str, Any]) -> None:
    found = earned(case["row"], case["completion"], case["progress"])
    assert tuple(found) == NAMES["released"] == tuple(case["theirs"])
    for name, theirs in case["theirs"].items():
        if theirs is not None:
            assert found[name].value == pytest.approx(theirs, abs=1e-9), (name, found[name].why)


def test_the_cases_are_of_all_kinds() -> None:
    assert {case["row"]["task"] for case in CASES} == set(stgr.TASKS)
    values = {name: {round(case["theirs"][name] or 0, 3) for case in CASES} for name in NAMES["released"]}
    assert all(len(each) >= 3 for each in values.values()) and values["format"] == {0, 0.5, 1}


@pytest.mark.parametrize(("progress", "expected"), [(0, 0.932), (0.5, 0.755), (0.75, 0.325), (1, 0.325)])
def test_sigma_follows_the_progress(progress: float, expected: float) -> None:
    found = earned(GROUNDED, "<think>at <t>3.5</t>s</think><answer>dog</answer>", progress)
    assert round(found["thk_temporal_point"].value, 3) == expected


@pytest.mark.parametrize(("time", "point", "spatial"), [(60, 0.0, 1.0), (0.5, 0.325, 0.0), (1.01, 0.613, 1.0)])
def test_a_claim_may_be_late_but_not_early(time: float, point: float, spatial: float) -> None:
    box = "[42,44.8,168,134.4]" if time < 60 else "[126,44.8,252,134.4]"
    claim = f"<obj>dog</obj><box>{box}</box>at<t>{time}</t>s"
    found = earned(GROUNDED, f"<think>{claim}</think><answer>dog</answer>")
    assert round(found["thk_temporal_point"].value, 3) == point
    assert found["thk_spatial"].value == pytest.approx(spatial)


ENDS_THE_PROGRAM: list[tuple[str, str, float]] = [
    ("a time whose square is no number", "<t>2</t>s <t>1" + "0" * 160 + "</t>s", 0.5),
    ("a corner that is no number", f"<obj>d</obj><box>[1,2,3,1{'0' * 400}]</box>at<t>2</t>s", 0.0),
    ("a list in lists", "<obj>d</obj><box>" + "[" * 50_000 + "]</box>at<t>2</t>s", 0.0),
]


@pytest.mark.parametrize(("think", "expected"), [case[1:] for case in ENDS_THE_PROGRAM], ids=lambda _: "")
def test_what_ends_the_program_counts_nothing(think: str, expected: float) -> None:
    found = earned(GROUNDED, f"<think>{think}</think><answer>dog</answer>")
    assert found["thk_temporal_point"].value + found["thk_spatial"].value in (expected, 1 + expected)


def test_a_key_frame_without_items_counts_nothing() -> None:
    row = {**GROUNDED, "key_items": {"1": GROUNDED["key_items"]["1"]}}
    found = earned(row, "<think><obj>d</obj><box>[1,2,3,4]</box>at<t>2</t>s</think><answer>dog</answer>")
    assert found["thk_spatial"].applies and found["thk_spatial"].value == 0


def test_boxes_on_a_grid_are_read_as_such() -> None:
    grid = View(video="", times=(), duration=0, width=420, height=224, size=(420, 224), family="qwen3_vl")
    claim = "<obj>d</obj><box>[100,200,400,600]</box>at<t>2</t>s"
    assert earned(GROUNDED, f"<think>{claim}</think><answer>x</answer>", view=grid)["thk_spatial"].value == (
        pytest.approx(1)
    )


def test_the_form_of_rows_for_the_first_stage_is_read_too() -> None:
    row = {**GROUNDED, "task": stgr.TEMPORAL, "answer": "From <t>4</t>s to <t>10</t>s"}
    found = earned(row, "<think><t>5</t>s</think><answer><t>4</t>s to <t>7</t>s</answer>")
    assert found["ans_tiou"].value == 0.5 and found["thk_temporal_segment"].value == 1


def test_whatever_is_cut_out_of_a_completion_it_is_read() -> None:
    rng = random.Random(0)
    for case in CASES:
        text = case["completion"]
        start, end = sorted(rng.choices(range(len(text) + 1), k=2))
        found = earned(case["row"], text[:start] + text[end:])
        assert all(0 <= each.value <= 1 and each.why for each in found.values())
