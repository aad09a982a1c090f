"""The reward of the paper: its cases one by one, what always holds of it, and what a model could make of it."""

from __future__ import annotations

import math
import re
import time
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import UsageError
from harness.records import View
from harness.training import rows as stgr
from harness.training.rewards import NAMES, Rule, earn

FRAME = (420, 224)
VIEW = View(video="", times=(), duration=0, width=420, height=224, size=FRAME, family="qwen2_5_vl")
GRID = View(video="", times=(), duration=0, width=420, height=224, size=FRAME, family="qwen3_vl")
CLAIM = "<obj>dog</obj><box>[42,56,168,112]</box>at<t>{}</t>s"


def row(task: str, answer: str, **more: Any) -> stgr.Row:
    media = {"image_path": "a.jpg"} if task == stgr.VISUAL else {"video_path": "a.mp4"}
    told = {"id": 1, "source": "x", "task": task, "question": "q", "answer": answer, **media, **more}
    return stgr.row(told, "here", Counter())


GROUNDED = row(
    stgr.GROUNDED,
    "The dog sniffs the bench.",
    key_frames=[{"idx": 0, "time": 2.0}, {"idx": 1, "time": 9.5}, {"idx": 2, "time": 20}],
    key_items={"0": {"dog": [[0.1, 0.25, 0.4, 0.5]]}, "1": {"dog": [[0.5, 0, 1, 0.5], [0, 0, 0.1, 0.1]]}},
)
SPAN = row(stgr.TEMPORAL, "[4.0, 10.0]")
BOTH = row(stgr.TEMPORAL_CHOICE, "B\n[4.0, 10.0]")
CHOICE = row(stgr.CHOICE, "B")
OPEN = row(stgr.OPEN, "A man sits down on the sofa.")
IMAGE = row(stgr.VISUAL, "<obj>mug</obj><box>[64,120,256,240]</box>", image_size=[640, 480])
TOLD = row(stgr.VISUAL, "on the desk", image_size=[640, 480])
ALL = (GROUNDED, SPAN, BOTH, CHOICE, OPEN, IMAGE, TOLD)
APPLIES = ("1111", "1101", "1101", "1001", "1001", "1011", "1001")


def text(think: str, answer: str = "dog") -> str:
    return f"<think>{think}</think>\n<answer>{answer}</answer>"


def value(row: stgr.Row, completion: str, name: str, progress: float = 1.0, view: View = VIEW, **rule: Any) -> float:
    return float(earn(row, completion, view, progress, Rule(**rule))[name].value)


ANSWERS: list[tuple[stgr.Row, str, float]] = [
    (CHOICE, "B", 1),
    (CHOICE, "(b)", 1),
    (CHOICE, "[B]", 1),
    (CHOICE, "B. a red cup", 1),
    (CHOICE, "A", 0),
    (CHOICE, "A or B", 0),
    (CHOICE, "", 0),
    (SPAN, "From <t>4</t>s to <t>10.0</t>s", 1),
    (SPAN, "7 to 10", 0.5),
    (SPAN, "From <t>7</t>s to <t>13</t>s", 1 / 3),
    (SPAN, "From <t>10</t>s to <t>4</t>s", 0),
    (SPAN, "at 4", 0),
    (BOTH, "From <t>4</t>s to <t>10</t>s.\nCorrect Option: B", 1),
    (BOTH, "B\nFrom <t>4</t>s to <t>10</t>s.", 1),
    (BOTH, "From <t>4</t>s to <t>7</t>s. Correct Option: (B).", 0.75),
    (BOTH, "From <t>4</t>s to <t>10</t>s.\nCorrect Option: A", 0.5),
    (BOTH, "B", 0.5),
    (OPEN, "a man SITS down, on the sofa", 1),
    (OPEN, "", 0),
    (TOLD, "on a desk", (2 / 3 + 0 + 2 / 3) / 3),
    (IMAGE, "<obj>mug</obj><box>[42,56,168,112]</box>", 1),
    (IMAGE, "<box>[42,56,105,112]</box> or <box>[42,56,168,112]</box>", 0.5),
    (IMAGE, "[42,56,168,112]", 0),
    (IMAGE, "<box>[168,56,42,112]</box>", 0),
]


@pytest.mark.parametrize(("row", "answer", "expected"), ANSWERS)
def test_the_answer(row: stgr.Row, answer: str, expected: float) -> None:
    assert value(row, text("", answer), "r_acc") == pytest.approx(expected)
    assert value(row, text("", answer).replace("answer>", "final>"), "r_acc") == 0


TIMES: list[tuple[stgr.Row, str, float]] = [
    (SPAN, "<t>4</t>s and <t>10.0</t>s", 1),
    (SPAN, "<t>3.9</t>s, <t>5</t>s, <t>5</t>s", 2 / 3),
    (BOTH, "<t>01:02</t>s or <t>5</t>s", 1 / 2),
    (SPAN, "<t>nan</t>s <t>-5</t>s <t>5</t>s", 1),
    (SPAN, "5 s", 0),
    (GROUNDED, "<t>3.5</t>s", math.exp(-1.125)),
    (GROUNDED, "<t>1</t>s and <t>9.5</t>s", (math.exp(-0.5) + 1) / 2),
    (GROUNDED, "<t>1e308</t>s", 0),
]


@pytest.mark.parametrize(("row", "think", "expected"), TIMES)
def test_the_times_of_the_thinking(row: stgr.Row, think: str, expected: float) -> None:
    assert value(row, text(think), "r_t") == pytest.approx(expected)
    assert value(row, f"{think}<think></think><answer>{think}</answer>", "r_t") == 0, "only thinking counts"


BOXES: list[tuple[str, float]] = [
    (CLAIM.format(2), 1),
    (CLAIM.format(5), 1),
    (CLAIM.format(5.1), 0),
    (CLAIM.format(2) + CLAIM.format(50), 1 / 2),
    (CLAIM.format(2) + "<t>2.5</t>s", 1 / 2),
    (CLAIM.format(2) + "<t>2</t>s", 1),
    (CLAIM.format(2).replace("]</box>", "]</box><box>[0,0,9,9]</box>"), 1),
    ("<obj>it</obj><box>[210,0,420,112]</box>at<t>9.5</t>s", 1),
    ("<obj>it</obj><box>[210,0,315,112]</box>at<t>9.5</t>s", 1 / 2),
    (CLAIM.format(20), 0),
    ("<obj>dog</obj><box>[42,56,168]</box>at<t>2</t>s", 0),
    ("<box>[42,56,168,112]</box>at<t>2</t>s", 0),
    ("", 0),
]


@pytest.mark.parametrize(("think", "expected"), BOXES)
def test_the_boxes_of_the_thinking(think: str, expected: float) -> None:
    assert value(GROUNDED, text(think), "r_s") == pytest.approx(expected)
    on_grid = re.sub(
        r"\[([\d,]+)\]",
        lambda m: str([int(n) * 1000 / FRAME[i % 2] for i, n in enumerate(m[1].split(","))]),
        text(think),
    )
    assert value(GROUNDED, on_grid, "r_s", view=GRID) == pytest.approx(expected)


FORMS: list[tuple[stgr.Row, str, float]] = [
    (GROUNDED, text(CLAIM.format(2)), 1),
    (GROUNDED, text("<t>2</t>s " + CLAIM.format(2)), 1),
    (GROUNDED, text("The dog."), 0.5),
    (GROUNDED, text("<obj>cat</obj> " + CLAIM.format(2)), 0.5),
    (GROUNDED, text("<t>soon</t>s " + CLAIM.format(2)), 0.5),
    (GROUNDED, text(CLAIM.format(2).replace("</box>", "")), 0.5),
    (GROUNDED, text(CLAIM.format(2)) + " Yes.", 0),
    (GROUNDED, text(CLAIM.format(2)) + "<answer>", 0),
    (GROUNDED, "<answer>dog</answer><think>" + CLAIM.format(2) + "</think>", 0),
    (GROUNDED, "dog", 0),
    (SPAN, text("<t>2</t>s"), 1),
    (SPAN, text("2 s"), 0.5),
    (IMAGE, text("<box>[1,2,3,4]</box>"), 1),
    (IMAGE, text("<box>[1,2,3]</box>"), 0.5),
    (CHOICE, text(CLAIM.format(2)), 1),
    (CHOICE, text("The dog."), 0.5),
]


@pytest.mark.parametrize(("row", "completion", "expected"), FORMS)
def test_the_form(row: stgr.Row, completion: str, expected: float) -> None:
    assert value(row, completion, "r_fmt") == expected
    assert value(row, completion, "r_fmt", evidence=False) == math.ceil(expected)


def test_an_image_is_a_frame_without_a_time() -> None:
    think = "<box>[0,0,9,9]</box> no, <obj>mug</obj><box>[42,56,168,112]</box>"
    found = earn(IMAGE, text(think), VIEW, 0, Rule())
    assert found["r_s"].value == pytest.approx(1) and not found["r_t"].applies
    assert not earn(TOLD, text(think), VIEW, 0, Rule())["r_s"].applies


@pytest.mark.parametrize(("row", "applies"), list(zip(ALL, APPLIES, strict=True)))
def test_what_a_row_can_earn(row: stgr.Row, applies: str) -> None:
    found = earn(row, text(CLAIM.format(2)), VIEW, 0.5, Rule())
    assert [each.applies for each in found.values()] == [flag == "1" for flag in applies]
    plain = earn(row, text(CLAIM.format(2)), VIEW, 0.5, Rule(evidence=False))
    assert [each.applies for each in plain.values()] == [True, False, False, True]


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"preset": "best"}, "paper, released"),
    ({"gate": -1.0}, "gate"),
    ({"gate": math.nan}, "gate"),
    ({"gate": math.inf}, "gate"),
    ({"sigma": 0.0}, "sigma"),
    ({"sigma": math.nan}, "sigma"),
    ({"preset": "released", "gate": None}, "preset paper"),
    ({"preset": "released", "adaptive": False}, "preset paper"),
]


@pytest.mark.parametrize(("asked", "told"), WRONG)
def test_rules_without_meaning(asked: dict[str, Any], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        Rule(**asked)


@pytest.mark.parametrize("progress", [-0.1, 1.1, math.nan, math.inf])
def test_progress_goes_from_0_to_1(progress: float) -> None:
    with pytest.raises(UsageError, match="from 0 to 1"):
        earn(GROUNDED, "", VIEW, progress, Rule())


PIECES = ["<think>", "</think>", "<answer>", "</answer>", CLAIM.format(2), "<t>5</t>s", "<obj>", "</obj>", "<box>"]
PIECES += [
    "</box>",
    "<t>",
    "</t>",
    "at<t>9</t>s",
    "[42,56,168,112]",
    "nan",
    "1e308",
    "[1e308,nan,-1,inf]",
    "B",
    " ",
    "4",
]
texts = st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=24).map("".join) | st.lists(
    st.sampled_from(PIECES[4:]), max_size=12
).map(lambda parts: text("".join(parts), "".join(parts[:2])))
rules = st.sampled_from([Rule(), Rule(adaptive=False, gate=None), Rule(evidence=False), Rule(preset="released")])


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(ALL), texts, st.floats(0, 1), rules)
def test_every_component_is_between_0_and_1_and_says_why(
    row: stgr.Row, completion: str, progress: float, rule: Rule
) -> None:
    found = earn(row, completion, VIEW, progress, rule)
    assert tuple(found) == NAMES[rule.preset]
    for each in found.values():
        assert 0 <= each.value <= 1 and type(each.value) is float
        assert each.why and "\n" not in each.why and len(each.why) < 300
        assert each.applies or each.value == 0


gaps = st.integers(0, 500).map(lambda gap: gap / 100)


@settings(deadline=None)
@given(gaps, gaps, st.sampled_from([-1, 1]), st.floats(0, 1), st.floats(0, 1))
def test_less_is_earned_further_off_and_later_in_training(
    one: float, other: float, side: int, now: float, later: float
) -> None:
    (near, far), (now, later) = sorted((one, other)), sorted((now, later))
    close, off = (text(f"<t>{20 + side * gap:.2f}</t>s") for gap in (near, far))
    assert Rule().sigma_at(now) >= Rule().sigma_at(later) >= 1
    assert value(GROUNDED, close, "r_t", now) >= value(GROUNDED, off, "r_t", now)
    assert value(GROUNDED, close, "r_t", now) >= value(GROUNDED, close, "r_t", later)


@settings(deadline=None)
@given(st.lists(st.integers(0, 300), min_size=1, max_size=5), gaps, gaps)
def test_a_wider_gate_lets_no_less_through(tenths: list[int], one: float, other: float) -> None:
    completion = text(" ".join(CLAIM.format(each / 10) for each in tenths))
    narrow, wide = sorted((one, other))
    through = [value(GROUNDED, completion, "r_s", gate=gate) for gate in (narrow, wide, None)]
    assert through == sorted(through)


def test_one_safe_claim_earns_as_much_as_all_evidence() -> None:
    one = text(CLAIM.format(2))
    more = text(CLAIM.format(2) + "<obj>dog</obj><box>[210,0,400,112]</box>at<t>9</t>s")
    assert value(GROUNDED, one, "r_t") == value(GROUNDED, one, "r_s") == 1
    assert value(GROUNDED, more, "r_t") < 1 and value(GROUNDED, more, "r_s") < 1, "both are means over what is cited"
    many = "".join(f"<box>[{x},{y},{x + 126},{y + 56}]</box>" for x in range(0, 300, 42) for y in range(0, 168, 28))
    spray = text(f"<obj>dog</obj>{many}at<t>2</t>s")
    assert value(GROUNDED, spray, "r_s") == 1, "the best box at a time counts, however many there are"


HOSTILE = [
    "<obj>a</obj>" + "<box>[1,2,3,4]</box>" * 4_000,
    "<obj>a</obj><box>[" * 4_000,
    "<obj>" * 15_000,
    "<think>" * 10_000,
    "<t>" + "9" * 60_000 + "</t>s",
    "<t>nan</t>s<t>1e308</t>s" * 4_000,
    CLAIM.format(2) * 2_000,
    "[" * 60_000,
    "y" * 60_000,
    "<box>[" + "1," * 30_000 + "]</box>",
    "\n".join(["<box>["] * 10_000),
    "B\n" * 30_000,
    "1 to " * 15_000,
    "a dog " * 10_000,
]


@pytest.mark.parametrize("preset", NAMES)
@pytest.mark.parametrize("hostile", range(len(HOSTILE)))
def test_hostile_texts_take_no_time(hostile: int, preset: str) -> None:
    earn(GROUNDED, text("", "dog"), VIEW, 1, Rule())
    said = HOSTILE[hostile]
    begun = time.process_time()
    for each in (said, text(said, said), f"<think>{said}", f"<answer>{said}"):
        for asked in (GROUNDED, BOTH, IMAGE):
            earn(asked, each, VIEW, 1, Rule(preset=preset))
    assert time.process_time() - begun < 4
