"""The rules of a construction against brute force, and what they make of annotations."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.geometry import Box, Span
from harness.training.construct import claims, reading, rules
from harness.training.construct.claims import Claim
from harness.training.construct.draft import Draft, Drop, Moment
from harness.training.construct.recipe import Rules
from harness.training.construct.sources import Caption, Item

GROUNDED = Item(id="a", video="a.mp4", source="s", segment=Span(2.0, 8.0), description="it happens")
CAPTIONED = Item(id="b", video="b.mp4", source="s", captions=(Caption(start=5, end=30, text="it happens"),))

tenths = st.integers(0, 10).map(lambda n: n / 10)
boxes = st.builds(
    lambda x, y, w, h: Box(x, y, round(x + w, 1), round(y + h, 1)),
    tenths,
    tenths,
    tenths.filter(bool),
    tenths.filter(bool),
)
names = st.sampled_from(["dog", "The Dog", "red cup", "a cup", "Cup"])
times = st.integers(0, 12).map(lambda n: n / 4)
moments = st.lists(
    st.builds(Moment, times, st.dictionaries(names, st.lists(boxes, min_size=1, max_size=2).map(tuple), min_size=1)),
    min_size=1,
    max_size=3,
    unique_by=lambda moment: moment.time,
)
cited = st.lists(st.builds(Claim, names, boxes, times), min_size=1, max_size=4)


def draft(found: list[Moment], said: str) -> Draft:
    return Draft(
        item=GROUNDED, width=10, height=10, question="q", answer="a", moments=rules.one_spelling(found), reasoning=said
    )


def word(name: str) -> str:
    return re.sub(r"^(the|an|a) ", "", name.lower())


@settings(deadline=None, max_examples=200)
@given(moments, cited, st.lists(times, max_size=2), st.sampled_from([0.0, 0.25, 0.5]), st.sampled_from([0.5, 0.9]))
def test_reasoning_is_consistent_when_all_it_cites_is_there(
    found: list[Moment], said: list[Claim], alone: list[float], slack: float, iou: float
) -> None:
    options = Rules(time_tolerance=slack, box_iou=iou)
    text = " ".join([f"The {claims.write(each)}." for each in said] + [f"From <t>{each}</t>s on." for each in alone])
    every = [(m.time, word(name), box) for m in found for name, several in m.items.items() for box in several]
    fits = all(
        any(abs(t - c.time) <= slack and n == word(c.name) and box.iou(c.box) >= iou - 1e-9 for t, n, box in every)
        for c in said
    )
    fits = fits and all(any(abs(m.time - t) <= slack for m in found) for t in alone)
    fits = fits and {n for _, n, _ in every} <= {word(c.name) for c in said}
    made = draft(found, text)
    assert (rules.inconsistent(made, options) is None) == fits
    if fits:
        settled = claims.cited(rules.aligned(made, options).reasoning)
        exact = {(m.time, name, box) for m in made.moments for name, several in m.items.items() for box in several}
        assert all((c.time, c.name, c.box) in exact for c in settled.claims)
        assert set(settled.times) <= {m.time for m in found}
        assert rules.inconsistent(rules.aligned(made, options), Rules(time_tolerance=0, box_iou=1)) is None


@settings(deadline=None, max_examples=60)
@given(boxes, st.sampled_from([0.5, 0.8]))
def test_a_large_box_covers_too_many_points_of_a_grid(box: Box, most: float) -> None:
    cells = [(x / 20 + 0.025, y / 20 + 0.025) for x in range(20) for y in range(20)]
    inside = sum(box.x1 < x < box.x2 and box.y1 < y < box.y2 for x, y in cells)
    assert rules.large(box, most) == (inside > most * len(cells))


@settings(deadline=None, max_examples=60)
@given(moments)
def test_names_that_differ_in_case_and_article_become_one_and_no_box_is_lost(found: list[Moment]) -> None:
    made = rules.one_spelling(found)
    spelled = {name for moment in made for name in moment.items}
    assert len(spelled) == len({word(name) for name in spelled})
    for before, after in zip(found, made, strict=True):
        had = {(word(name), box) for name, several in before.items.items() for box in several}
        assert had == {(word(name), box) for name, several in after.items.items() for box in several}
        assert before.time == after.time and all(len(set(each)) == len(each) for each in after.items.values())


@settings(deadline=None, max_examples=60)
@given(moments, st.data())
def test_an_object_that_fails_leaves_with_its_sentences(found: list[Moment], data: Any) -> None:
    base = draft(found, "")
    said = [Claim(name, box, time) for time, name, box in base.boxes]
    made = draft(found, " ".join(f"There is a {claims.write(each)}." for each in said))
    failed = data.draw(st.lists(st.sampled_from(made.boxes), unique=True))
    drop = Drop("large", "too large")
    assert rules.without(made, failed, drop, Rules()) == (drop if failed else made)
    left = rules.without(made, failed, drop, Rules(failed_box="object"))
    gone = {(time, name) for time, name, _ in failed}
    kept = {each for each in made.boxes if each[:2] not in gone}
    if not kept:
        assert isinstance(left, Drop)
        return
    assert isinstance(left, Draft) and set(left.boxes) == kept and len(left.lost) == len(gone)
    assert {(c.time, c.name, c.box) for c in claims.cited(left.reasoning).claims} == kept
    assert all(moment.items for moment in left.moments)


@settings(deadline=None, max_examples=60)
@given(st.text(max_size=80) | st.text("<>/objtx []0123456789.,sa", max_size=80))
def test_any_text_is_read_and_what_is_left_of_tags_is_told(text: str) -> None:
    said = claims.cited(text)
    tags = re.findall(r"</?(?:obj|box|t)>", text)
    if not said.broken:
        assert len(tags) == 6 * len(said.claims) + 2 * len(said.times)
    assert isinstance(claims.rewrite(text, lambda c: c, lambda t: t), str) and claims.plain(text) is not None


def annotation(**changes: Any) -> dict[str, Any]:
    thing = {"name": "The Cup", "boxes": [[100, 200, 300, 400]]}
    return {
        "question": "What falls?",
        "answer": "A cup",
        "key_frames": [{"time": 4.0, "objects": [thing]}],
        "reasoning_process": "The <obj>cup</obj><box>[100, 200, 300, 400]</box>at<t>4.0</t>s falls.",
        **changes,
    }


SEEN = reading.Seen(width=640, height=480, times=tuple(k / 10 for k in range(100)), unit=(1000, 1000))


@pytest.mark.parametrize(
    "around",
    [
        "{}",
        "```json\n{}\n```",
        "Sure:\n```\n{}\n```\nIs {{that}} fine?",
        "<think>{{no}}</think>\n{} and so on }}",
        "{}{}",
    ],
)
def test_json_is_found_in_whatever_is_around_it(around: str) -> None:
    made = reading.read(around.format(*[json.dumps(annotation())] * 2), GROUNDED, SEEN, Rules())
    assert isinstance(made, Draft)
    assert made.moments == (Moment(4.0, {"Cup": (Box(0.1, 0.2, 0.3, 0.4),)}),)
    assert made.reasoning == "The <obj>Cup</obj><box>[0.1,0.2,0.3,0.4]</box>at<t>4.0</t>s falls."


def frame(time: float = 4.0, **thing: Any) -> list[dict[str, Any]]:
    return [{"time": time, "objects": [{"name": "cup", "boxes": [[100, 200, 300, 400]], **thing}]}]


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"question": " "}, "unreadable"),
        ({"answer": None}, "unreadable"),
        ({"key_frames": []}, "unreadable"),
        ({"key_frames": frame() * 6}, "unreadable"),
        ({"key_frames": frame() * 2}, "unreadable"),
        ({"key_frames": [{"frame": 40, "objects": frame()[0]["objects"]}]}, "unreadable"),
        ({"key_frames": [{"time": 4.0, "objects": frame()[0]["objects"] * 4}]}, "unreadable"),
        ({"key_frames": frame(boxes=[[1, 2, 3]])}, "unreadable"),
        ({"key_frames": frame(boxes=[["1", "2", "3", "4"]])}, "unreadable"),
        ({"key_frames": frame(name="<obj>")}, "unreadable"),
        ({"reasoning_process": "<obj>x</obj><box>[1,2,3,4]</box>at<t>4</t>s " * 46}, "unreadable"),
        ({"key_frames": frame(1.5)}, "outside"),
        ({"key_frames": frame(8.2)}, "outside"),
        ({"key_frames": frame(boxes=[[100, 200, 300, 1100]])}, "outside"),
        ({"key_frames": frame(boxes=[[300, 200, 100, 400]])}, "outside"),
    ],
)
def test_what_is_not_as_asked_for_is_dropped_with_a_reason(changes: dict[str, Any], rule: str) -> None:
    made = reading.read(json.dumps(annotation(**changes)), GROUNDED, SEEN, Rules())
    assert isinstance(made, Drop) and made.rule == rule and made.why


@pytest.mark.parametrize(
    "text", ["", "no", "{", '{"key_frames": [', "{" * 5000, "[" * 9000 + "{", '{"key_frames": NaN}']
)
def test_what_is_not_json_is_dropped(text: str) -> None:
    made = reading.read(text, GROUNDED, SEEN, Rules())
    assert isinstance(made, Drop) and made.rule == "unreadable"


def test_frames_become_their_times_in_key_frames_and_reasoning() -> None:
    told = annotation(
        key_frames=[{"frame": 12, "objects": frame()[0]["objects"]}],
        reasoning_process="A <obj>cup</obj><box>[100,200,300,400]</box>at<t>12</t>s falls at <t>12</t>s.",
    )
    uneven = reading.Seen(width=9, height=9, times=tuple(k * k / 10 for k in range(40)), unit=(1000, 1000))
    made = reading.read(json.dumps(told), CAPTIONED, uneven, Rules())
    assert isinstance(made, Draft) and made.moments[0].time == 14.4
    assert made.reasoning.count("<t>14.4</t>s") == 2 and rules.inconsistent(made, Rules()) is None
    for index in (4, 31, 400):
        told["key_frames"][0]["frame"] = index
        made = reading.read(json.dumps(told), CAPTIONED, uneven, Rules())
        assert isinstance(made, Drop) and made.rule == "outside"
