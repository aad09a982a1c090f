"""Rows of STGR: the six tasks, what is refused and in which words, and the way to a file and back."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.errors import DataError
from harness.geometry import Box, Span
from harness.training import rows
from harness.training.rows import KeyFrame, Row

GROUNDED: dict[str, Any] = {
    "id": "g",
    "source": "STR_plm_rdcap",
    "task": "temporal-spatial free-form QA",
    "question": "What does the cat do at the sofa?",
    "answer": "It scratches the arm rest.",
    "video_path": "sav_7.mp4",
    "key_frames": [{"idx": 0, "time": 1.5, "path": "sav_7/0.jpg"}, {"idx": 1, "time": 8, "path": None}],
    "key_items": {"0": {"cat": [[0.1, 0.2, 0.4, 0.6]], "sofa": None}, "1": None},
}
VISUAL: dict[str, Any] = {
    "id": 1,
    "source": "gqa",
    "task": "visual QA",
    "question": "Where is the jug?",
    "answer": "<obj>jug</obj><box>[64, 120,320,240]</box>",
    "image_path": "1.jpg",
    "image_size": [640, 480],
}
CHOICE: dict[str, Any] = {**GROUNDED, "task": "General video QA MCQ", "answer": "B", "key_frames": None}


def _row(data: object) -> Row:
    return rows.row(data, "the row", Counter())


def _temporal(answer: str, task: str = "temporal QA") -> Row:
    data = {"id": 2, "source": "timerft", "task": task, "question": "When?", "answer": answer, "video_path": "v.mp4"}
    return _row(data)


def test_a_grounded_row_has_frames_and_items() -> None:
    row = _row(GROUNDED)
    assert [(f.idx, f.time, f.path) for f in row.key_frames] == [(0, 1.5, "sav_7/0.jpg"), (1, 8, None)]
    assert row.key_items == {0: {"cat": (Box(0.1, 0.2, 0.4, 0.6),)}, 1: {}}
    assert (row.letter, row.span, row.box, row.label) == (None, None, None, None)


def test_an_image_row_has_a_box_in_fractions() -> None:
    row = _row(VISUAL)
    assert row.box == Box(0.1, 0.25, 0.5, 0.5)
    assert row.label == "jug"
    assert _row({**VISUAL, "answer": "on the desk"}).box is None


@pytest.mark.parametrize(
    ("answer", "span"),
    [
        ("[12.0, 18.5]", Span(12, 18.5)),
        ("From <t>4.0</t>s to <t>10.0</t>s", Span(4, 10)),
        ("From <t>0.0</t>s to <t>120.25</t>s", Span(0, 120.25)),
    ],
)
def test_a_temporal_row_has_a_span(answer: str, span: Span) -> None:
    assert _temporal(answer).span == span
    both = _temporal(f"C\n{answer}", "temporal QA (MCQ)")
    assert (both.letter, both.span) == ("C", span)


@pytest.mark.parametrize(("answer", "letter"), [("B", "B"), ("b.", "B"), ("(D)", "D"), ("[A]", "A"), ("C. plum", "C")])
def test_a_row_with_options_has_a_letter(answer: str, letter: str) -> None:
    assert _row({**CHOICE, "answer": answer}).letter == letter


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ([], r"at \$: \[\] is not of type 'object'"),
        ({**VISUAL, "task": "video QA"}, r"at \$\.task: 'video QA' is not one of"),
        ({k: v for k, v in VISUAL.items() if k != "answer"}, "'answer' is a required property"),
        ({**VISUAL, "question": ""}, r"at \$\.question"),
        ({**VISUAL, "id": 1.5}, r"at \$\.id"),
        ({**VISUAL, "image_size": [0, 480]}, r"at \$\.image_size\[0\]: 0 is less than the minimum of 1"),
        ({**VISUAL, "image_size": [640]}, r"at \$\.image_size"),
        ({**VISUAL, "image_path": None}, "is 'visual QA' but has no image_path"),
        ({**GROUNDED, "video_path": ""}, "is 'temporal-spatial free-form QA' but has no video_path"),
        ({**GROUNDED, "key_frames": []}, "is 'temporal-spatial free-form QA' but has no key_frames"),
        ({**GROUNDED, "key_frames": [{"idx": 0, "time": -1}]}, r"at \$\.key_frames\[0\]\.time"),
        ({**GROUNDED, "key_frames": [{"idx": 0, "time": float("inf")}]}, "time of a key frame that is not finite"),
        ({**GROUNDED, "key_items": {"0": {"cat": [[0, 0, 1]]}}}, r"at \$\.key_items"),
        ({**GROUNDED, "key_items": {"0": {"cat": [[0, 0, 1, float("inf")]]}}}, "key_items 0 that is not finite"),
        ({**GROUNDED, "key_items": {"first": {}}}, "has the key_items 'first'; expected the idx of a key frame"),
        ({**GROUNDED, "key_items": {"²": {}}}, "has the key_items '²'"),
        ({**GROUNDED, "key_items": {"--1": {}}}, "has the key_items '--1'"),
        ({**GROUNDED, "key_items": {"1": {}, "01": {}}}, "has the key_items '01'; expected .* each once"),
        ({**CHOICE, "answer": "plum"}, "has no letter: 'plum'"),
        ({**CHOICE, "task": "temporal QA", "answer": "soon"}, "has no span: 'soon'"),
        ({**CHOICE, "task": "temporal QA (MCQ)", "answer": "B"}, "has no span: 'B'"),
        ({**CHOICE, "task": "temporal QA (MCQ)", "answer": "plum\n[1, 2]"}, "has no letter"),
    ],
)
def test_a_broken_row_is_named_with_what_is_wrong(data: object, told: str) -> None:
    with pytest.raises(DataError, match=f"^the row .*{told}"):
        _row(data)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{}", "is not a JSON array"),
        ("[", "is not JSON"),
        ('[{"id": NaN}]', "is not JSON"),
        (json.dumps([VISUAL, {**VISUAL, "task": "x"}]), "rows.json, row 1 does not fit"),
    ],
)
def test_a_broken_file_is_named(text: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "rows.json").write_text(text)
    with pytest.raises(DataError, match=told):
        rows.read(tmp_path / "rows.json")
    with pytest.raises(DataError, match=r"cannot read .*none.json: No such file"):
        rows.read(tmp_path / "none.json")


def test_what_is_odd_is_counted(tmp_path: Path) -> None:
    inverted = {**GROUNDED, "key_items": {"0": {"cat": [[0.5, 0, 0.1, 1], [0, 0, 1, 1]]}}}
    (tmp_path / "rows.json").write_text(json.dumps([inverted, {**VISUAL, "id": "1"}, VISUAL]))
    notes: Counter[str] = Counter()
    rows.read(tmp_path / "rows.json", notes)
    assert notes == {"key items with an inverted box": 1, "ids of several rows of one source, such as 1": 1}


TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
SIDE = st.integers(-10000, 20000).map(lambda number: number / 10000)
BOXES = st.lists(st.builds(Box, SIDE, SIDE, SIDE, SIDE), min_size=1, max_size=2).map(tuple)
SECOND = st.floats(0, 1e4)
FRAME = st.builds(KeyFrame, idx=st.integers(-5, 99), time=SECOND, path=st.none() | TEXT)


@st.composite
def any_row(draw: st.DrawFn) -> Row:
    task = draw(st.sampled_from(rows.TASKS))
    span = f"[{draw(SECOND):.3f}, {draw(SECOND):.3f}]"
    letter = draw(st.sampled_from("ABCDE"))
    answers = {rows.TEMPORAL: span, rows.TEMPORAL_CHOICE: f"{letter}\n{span}", rows.CHOICE: letter}
    size = st.integers(1, 5000) | st.floats(1, 5000)
    is_image = task == rows.VISUAL
    return Row(
        id=draw(st.integers() | st.text(st.characters(exclude_categories=["Cs"]))),
        source=draw(TEXT),
        task=task,
        question=draw(TEXT),
        answer=answers.get(task) or draw(TEXT),
        reasoning=draw(st.none() | st.text(st.characters(exclude_categories=["Cs"]))),
        video=None if is_image else draw(TEXT),
        image=draw(TEXT) if is_image else None,
        image_size=draw(st.none() | st.tuples(size, size)),
        key_frames=tuple(draw(st.lists(FRAME, min_size=task == rows.GROUNDED, max_size=3))),
        key_items=draw(st.dictionaries(st.integers(-5, 99), st.dictionaries(TEXT, BOXES, max_size=2), max_size=3)),
    )


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(made=st.lists(any_row(), max_size=4))
def test_rows_come_back_from_a_file(made: list[Row], tmp_path: Path) -> None:
    rows.write(made, tmp_path / "rows.json")
    assert rows.read(tmp_path / "rows.json") == made
