"""What is said to happen in a clip happens in it, by its boxes and by its pixels."""

from __future__ import annotations

import random

import numpy as np
import pytest

from harness.shapes import events
from harness.shapes.clip import CAMERAS, Clip, excerpt, film, make
from harness.shapes.render import frame

SEEDS = range(120)


def named(clip: Clip, name: str) -> int:
    return [thing.name for thing in clip.things].index(name)


@pytest.mark.parametrize("make_question", events.MAKERS, ids=lambda maker: str(maker.__name__))
def test_one_option_is_right_and_the_others_are_not(make_question: object) -> None:
    found = 0
    for seed in SEEDS:
        clip = make(seed)
        asked = make_question(clip, random.Random(seed)) if callable(make_question) else None
        if asked is None:
            continue
        found += 1
        assert len(set(asked.options)) == 4 and asked.answer in "ABCD"
        right = [option for option in asked.options if true(clip, asked.text, option)]
        assert right == [asked.options["ABCD".index(asked.answer)]], (seed, asked)
    assert found > 20


def true(clip: Clip, question: str, option: str) -> bool:
    """Whether an option holds, from the boxes at whole seconds alone."""
    seen = {t.name: [s for s in range(clip.duration) if t.visible(s)] for t in clip.things}
    things = {t.name: t for t in clip.things}
    name = next((n for n in seen if n in question), "")
    if question.startswith("In which direction"):
        one, other = clip.box(things[name], seen[name][0]), clip.box(things[name], seen[name][-1])
        moved = {"left": one.x1 - other.x1, "right": other.x1 - one.x1, "up": one.y1 - other.y1}
        return max(moved | {"down": other.y1 - one.y1}, key=lambda way: (moved | {"down": other.y1 - one.y1})[way]) == (
            option
        )
    if option not in seen:
        return False
    if "next after" in question:
        later = [n for n in seen if seen[n][0] > seen[name][0]]
        return bool(later) and option == min(later, key=lambda n: seen[n][0])
    if "together" in question:
        return len({*seen[option]} & {*seen[name]}) > 1
    if "meet" in question:
        both = {*seen[option]} & {*seen[name]}
        return any(clip.box(things[option], s).iou(clip.box(things[name], s)) > events.MET for s in both)
    return option == max(seen, key=lambda n: seen[n][-1])


def test_events_last_as_long_as_they_say() -> None:
    kinds = set()
    for seed in SEEDS:
        clip = make(seed)
        for event in events.events(clip):
            kinds.add(event.kind)
            inside = range(int(event.span.start), int(event.span.end) + 1)
            counts = [sum(t.visible(s) for t in clip.things) for s in range(clip.duration)]
            if event.kind == "Object Counting":
                number = 2 if "two" in event.text else 3
                assert [s for s, n in enumerate(counts) if n == number] == [*inside]
            else:
                there = [s for s in range(clip.duration) if all(t.visible(s) for t in event.things)]
                assert there == [*inside], (seed, event)
    assert len(kinds) == 5


@pytest.mark.parametrize("camera", CAMERAS)
def test_the_picture_moves_as_the_camera_says(camera: str) -> None:
    clip = film(3, camera)
    thing = clip.things[0]
    first, last = clip.box(thing, 0.0), clip.box(thing, clip.duration - 1.0)
    right, down = last.x1 + last.x2 - first.x1 - first.x2, last.y1 + last.y2 - first.y1 - first.y2
    grown = (last.x2 - last.x1) / (first.x2 - first.x1)
    told = {
        "still": right == 0 and down == 0 and grown == 1,
        "pan left": right > 0 and down == 0,
        "pan right": right < 0 and down == 0,
        "tilt up": down > 0 and right == 0,
        "tilt down": down < 0 and right == 0,
        "zoom in": grown > 1.2,
        "zoom out": grown < 0.8,
    }
    assert told[camera]
    changed = np.abs(frame(clip, 0.0).astype(int) - frame(clip, clip.duration - 1.0)).mean()
    assert (changed < 8) == (camera == "still")


def test_an_excerpt_is_the_clip_from_there_on() -> None:
    for seed in range(20):
        clip = make(seed, "medium")
        part = excerpt(clip, 10, 40)
        for thing in part.things:
            whole = clip.things[named(clip, thing.name)]
            for second in range(int(thing.span.start), int(thing.span.end) + 1):
                assert part.box(thing, second) == pytest.approx(clip.box(whole, second + 10)) and whole.visible(
                    second + 10
                )


def test_a_picture_shows_the_shape_in_another_colour() -> None:
    for seed in SEEDS:
        clip = make(seed)
        found = events.pictured(clip, random.Random(seed))
        if found is not None:
            asked, picture = found
            (shown,), (thing,) = picture.things, asked.things
            assert (
                shown.shape == thing.shape and shown.colour != thing.colour == asked.options["ABCD".index(asked.answer)]
            )
            assert sum(other.shape == thing.shape for other in clip.things) == 1
