"""Reading of responses: tables of cases, hostile text, and what was written read back."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from harness import parse
from harness.geometry import Box, Span
from harness.records import Evidence, View

VIEW = View(video="v.mp4", times=(), duration=10, width=100, height=100, size=(100, 100), family="qwen2_5_vl")
BOX = Box(1, 2, 3, 4)

SPANS: list[tuple[str, Span | None]] = [
    ("From <t>3</t>s to <t>7.5</t>s", Span(3, 7.5)),
    ("From 3s to 7s", Span(3, 7)),
    ("12.5s to 20.25s", Span(12.5, 20.25)),
    ("01:02 to 01:30", Span(62, 90)),
    ("1:02:03 to 1:02:09", Span(3723, 3729)),
    ("00:03.5 - 00:07", Span(3.5, 7)),
    (".5 to 1.5", Span(0.5, 1.5)),
    ("1e1 to 2e1", Span(10, 20)),
    ("3.0-7.0 seconds in 1 video", Span(3, 7)),
    ("3 to 7 (frame 2)", Span(3, 7)),
    ("The 2 dogs run from <t>3</t>s to <t>7</t>s.", Span(3, 7)),
    ("between 3 and 7 seconds", Span(3, 7)),
    ("[3, 7]", Span(3, 7)),
    ("From 3.0 to 7.0.", Span(3, 7)),
    ("１ to ２", Span(1, 2)),
    ("7 to 3", Span(7, 3)),
    ("-3 to 7", None),
    ("3 to nan", None),
    ("inf to 7", None),
    ("1e99 to 1e999", None),
    ("12345678901 to 3", None),
    ("3,000 to 4,000", None),
    ("3 to 7, 8 to 9", None),
    ("3", None),
    ("", None),
    ("in the end", None),
]


@pytest.mark.parametrize(("text", "expected"), SPANS)
def test_span(text: str, expected: Span | None) -> None:
    span, problems = parse.span(text)
    assert span == expected
    assert bool(problems) == (expected is None or expected.end < expected.start)


BOXES: list[tuple[str, list[float], bool]] = [
    ('{"3": [1,2,3,4], "4": [1,2,3,4]}', [3, 4], False),
    ('{"3":[1,2,3,4]} {"4":[1,2,3,4]}', [3, 4], False),
    ("{3: [1,2,3,4]}", [3], False),
    ('{"3.0":[1,2,3,4]}', [3], False),
    ('{"3s": [1, 2, 3, 4], "00:04": [1.0, 2.0, 3.0, 4.0]}', [3, 4], False),
    ("```json\n{'3': [1, 2, 3, 4]}\n```", [3], False),
    ('[{"3":[1,2,3,4]}, {"4":[1,2,3,4]}]', [3, 4], False),
    ('[[3,[1,2,3,4]], ["4",[1,2,3,4]]]', [3, 4], False),
    ('{"3":[1,2,3,4], "4":[1,2', [3], True),
    ('{"3":[1,2,3,4], "4":[1,2,3,4,5], "5":[1,2,3]}', [3], True),
    ('{"3":[[1,2,3,4]]}', [3], False),
    ('{"3":[[1,2,3,4],[5,6,7,8]]}', [3], True),
    ('{"3":[3,2,1,4]}', [], True),
    ('{"3":[NaN,2,3,4]}', [], True),
    ('{"nan":[1,2,3,4]}', [], True),
    ('{"-3":[1,2,3,4]}', [], True),
    ('{"bbox_2d":[1,2,3,4],"label":"x"}', [], True),
    ("[[1,2,3,4]]", [], True),
    ('{"3": 7}', [], True),
    ("[1,2,3,4]", [], True),
    ("", [], True),
    ("__import__('os').system('true')", [], True),
]


@pytest.mark.parametrize(("text", "seconds", "trouble"), BOXES)
def test_boxes(text: str, seconds: list[float], trouble: bool) -> None:
    boxes, problems = parse.boxes(VIEW, text)
    assert boxes == dict.fromkeys(seconds, BOX)
    assert bool(problems) == trouble


CLAIM = "<obj>dog</obj><box>[1,2,3,4]</box>at<t>3.0</t>s"
CLAIMS: list[tuple[str, list[tuple[str, float | None, Box | None]], tuple[str, ...]]] = [
    (CLAIM, [("dog", 3.0, BOX)], ()),
    (f"A {CLAIM} and a {CLAIM}.", [("dog", 3.0, BOX), ("dog", 3.0, BOX)], ()),
    ("<obj>dog</obj> <box>[1, 2, 3, 4]</box> at <t>3</t>s", [("dog", 3.0, BOX)], ()),
    ("<obj>dog</obj><box>[1,2,3,4]</box>at<t>0:03</t>s", [("dog", 3.0, BOX)], ()),
    (
        f"<obj>cat</obj> and {CLAIM}",
        [("cat", None, None), ("dog", 3.0, BOX)],
        ("claims without a box: 1", "claims without a time: 1"),
    ),
    ("<obj>dog</obj>at<t>3</t>s", [("dog", 3.0, None)], ("claims without a box: 1",)),
    ("<obj>dog</obj><box>[1,2,3,4]</box>", [("dog", None, BOX)], ("claims without a time: 1",)),
    ("<obj>dog</obj><box>[1,2,3,4],[1,2,3,4]</box>at<t>3</t>s", [], ("claims with several boxes: 1",)),
    ("<obj>dog</obj><box>[[1,2,3,4],[1,2,3,4]]</box>at<t>3</t>s", [], ("claims with several boxes: 1",)),
    ("<obj>dog</obj><box>[1,2,3,4]</box><box>[1,2,3,4]</box>at<t>3</t>s", [], ("claims with several boxes: 1",)),
    ("<obj>dog</obj><box>[3,2,1,4]</box>at<t>3</t>s", [], ("claims with an inverted box: 1",)),
    ("<obj>dog</obj><box>[1,2,3]</box>at<t>3</t>s", [], ("claims with a malformed box: 1",)),
    ("<obj>dog</obj><box>[1,2,3,4]</box>at<t>nan</t>s", [], ("claims with a malformed time: 1",)),
    ("<obj>dog</obj><box>[1,2,3,4]</box>at<t>inf</t>s", [], ("claims with a malformed time: 1",)),
    ("<obj>dog</obj><box>[1,2,3,4]</box>at<t>-1</t>s", [], ("claims with a malformed time: 1",)),
    ("<obj>dog</obj><box>[1,2,3,4]</box>at<t>-0:05</t>s", [], ("claims with a malformed time: 1",)),
    ("<obj>dog", [], ("claims without a label: 1",)),
    ("<obj></obj><box>[1,2,3,4]</box>at<t>3</t>s", [], ("claims without a label: 1",)),
    ("no claim", [], ()),
]


@pytest.mark.parametrize(("text", "expected", "problems"), CLAIMS)
def test_evidence(text: str, expected: list[tuple[str, float | None, Box | None]], problems: tuple[str, ...]) -> None:
    claims, found = parse.evidence(VIEW, text)
    assert [(c.label, c.time, c.box) for c in claims] == expected
    assert found == problems


def test_claims_are_capped() -> None:
    claims, problems = parse.evidence(VIEW, CLAIM * 1000)
    assert len(claims) == parse.MAX_CLAIMS
    assert problems == (f"claims over the limit: {1000 - parse.MAX_CLAIMS}",)


ANSWERS: list[tuple[str, str | None, str]] = [
    ("<think>a</think><answer>b</answer>", "b", ""),
    ("<answer>\nb\n</answer>", "b", ""),
    ("<answer>b</answer><answer>c</answer>", "b", ""),
    ("<think>say <answer>x</answer></think><answer>b</answer>", "b", ""),
    ("<think>a</think><answer>b", "b", "answer tag not closed"),
    ("<answer></answer> 3 to 7", "", "empty answer"),
    ("<think>a</think> b", None, "no answer tag"),
    ("", None, "no answer tag"),
]


@pytest.mark.parametrize(("text", "expected", "problem"), ANSWERS)
def test_answer(text: str, expected: str | None, problem: str) -> None:
    content, problems = parse.answer(text)
    assert content == expected
    assert problems == ((problem,) if problem else ())


OPTIONS = ("a dog", "pear", "fig", "plum")
LETTERS: list[tuple[str, str | None]] = [
    ("B", "B"),
    (" B\n", "B"),
    ("(B)", "B"),
    ("B.", "B"),
    ("b", "B"),
    ("B. pear", "B"),
    ("B) pear", "B"),
    ("(B) pear", "B"),
    ("B. it is a pear", "B"),
    ("A. a dog", "A"),
    ("B. A fine pear", "B"),
    ("B pear", "B"),
    ("A dog", "A"),
    ("B. fig", None),
    ("B or C", None),
    ("B, C", None),
    ("B. C", None),
    ("B. or C.", None),
    ("A and B", None),
    ("E", None),
    ("Definitely", None),
    ("This is Clear", None),
    ("C, because the man in a CAR drives", None),
    ("The answer is (C) because D. is wrong", None),
    ("pear", None),
    ("", None),
]


@pytest.mark.parametrize(("text", "expected"), LETTERS)
def test_letter(text: str, expected: str | None) -> None:
    letter, problems = parse.letter(text, OPTIONS)
    assert letter == expected
    assert bool(problems) == (expected is None)


HOSTILE = [
    "1",
    "9:",
    "[",
    "<obj>",
    "<obj>a</obj><box>[",
    " ",
    "1 to ",
    '"1": [1,2,3,4',
    "-1",
    "[ 1 ,",
    "<answer>",
    "1e",
]
READERS: list[Callable[[str], object]] = [
    parse.answer,
    parse.remainder,
    parse.span,
    lambda text: parse.boxes(VIEW, text),
    lambda text: parse.evidence(VIEW, text),
    lambda text: parse.letter(text, OPTIONS),
]


@pytest.mark.parametrize("unit", HOSTILE)
def test_a_megabyte_is_read_in_time_linear_in_its_length(unit: str) -> None:
    text = unit * (1_000_000 // len(unit))
    for read in READERS:
        start = time.process_time()
        read(text)
        assert time.process_time() - start < 2


def test_random_text_is_never_an_error() -> None:
    rng = random.Random(0)
    pieces = [
        *HOSTILE,
        CLAIM,
        "</obj>",
        "</box>",
        "</answer>",
        "nan",
        "inf",
        "1e99",
        "]",
        "}",
        '"',
        ",",
        "é",
        "\0",
        "s",
    ]
    for _ in range(2000):
        text = "".join(rng.choices(pieces, k=rng.randint(0, 30)))
        for read in READERS:
            read(text)


@pytest.mark.parametrize("family", ["qwen2_5_vl", "qwen3_vl"])
def test_what_is_written_is_read_back(family: str) -> None:
    view = replace(VIEW, width=320, height=240, size=(364, 252), family=family)
    boxes = {1.0: Box(10, 20, 110, 200), 2.5: Box(0, 0, 320, 240)}
    claim = Evidence(label="red star", time=1.0, box=boxes[1.0])
    text = parse.write_think(view, [claim, claim]) + f"<answer>{parse.write_boxes(view, boxes)}</answer>"
    claims, problems = parse.evidence(view, text)
    assert [(c.label, c.time) for c in claims] == [("red star", 1.0)] * 2
    assert claims[0].box is not None
    assert claims[0].box.iou(boxes[1.0]) > 0.97
    found, more = parse.boxes(view, parse.answer(text)[0] or "")
    assert found.keys() == boxes.keys()
    assert all(found[t].iou(boxes[t]) > 0.97 for t in boxes)
    assert problems == more == ()
    assert parse.span(parse.write_span(Span(3, 7.5))) == (Span(3, 7.5), ())
