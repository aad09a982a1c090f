"""Questions about what happens in a clip: how things and the camera move, what comes when, and together with what.

Answers follow from the clip's facts. Deterministic by the generator that is passed in.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise

from harness.geometry import Span
from harness.shapes.clip import CAMERAS, COLOURS, Clip, Thing
from harness.shapes.questions import Question, absent, with_options

DIRECTIONS = ("left", "right", "up", "down")
MOVED = 0.15
"""Share of the picture that a thing must cross so that it is said to move."""
MET = 0.02
"""Overlap from which on two things are said to meet."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that takes place once in a clip."""

    text: str
    """As a caption: "the red circle is visible"."""
    span: Span
    things: tuple[Thing, ...]
    kind: str
    """The query type of TVGBench that it is of."""


def events(clip: Clip) -> list[Event]:
    """All events of a clip that take place once."""
    found = [Event(f"the {t.name} is visible", t.span, (t,), "Object Existence - Simple") for t in clip.things]
    for thing in clip.things:
        way = direction(clip, thing)
        if way is not None:
            found.append(Event(f"the {thing.name} moves {way}", thing.span, (thing,), "Object Transition"))
        if sum(other.colour == thing.colour for other in clip.things) == 1:
            text = f"the {thing.colour} object is visible"
            found.append(Event(text, thing.span, (thing,), "Object Attribute"))
    for one, other in _pairs(clip):
        shared = _shared(one, other)
        if shared is not None:
            text = f"both the {one.name} and the {other.name} are visible"
            found.append(Event(text, shared, (one, other), "Object Existence - Complex"))
    return [*found, *_crowds(clip)]


def direction(clip: Clip, thing: Thing) -> str | None:
    """Where a thing moves, from its first sight to its last; None when it does not, or not straight."""
    seconds = range(int(thing.span.start), int(thing.span.end) + 1)
    boxes = [clip.box(thing, second) for second in seconds]
    steps = [(b.x1 - a.x1, b.y1 - a.y1) for a, b in pairwise(boxes)]
    right, down = sum(x for x, _ in steps), sum(y for _, y in steps)
    across = abs(right) >= 2 * abs(down) and abs(right) > MOVED * clip.width
    along = abs(down) >= 2 * abs(right) and abs(down) > MOVED * clip.height
    axis = 0 if across else 1
    if not (across or along) or not all(step[axis] * (right, down)[axis] > 0 for step in steps):
        return None
    return DIRECTIONS[2 * axis + ((right, down)[axis] > 0)]


def moves(clip: Clip, rng: random.Random) -> Question | None:
    """In which direction a thing moves, with four options."""
    moving = [(thing, way) for thing in clip.things for way in [direction(clip, thing)] if way is not None]
    if not moving:
        return None
    thing, way = rng.choice(moving)
    asked = Question(f"In which direction does the {thing.name} move?", way, (thing,), "Motion")
    return with_options(asked, [other for other in DIRECTIONS if other != way], rng)


def camera(clip: Clip, rng: random.Random) -> Question | None:
    """What the camera does, with four options; None for a clip without a ground."""
    if clip.camera is None:
        return None
    asked = Question("What does the camera do?", clip.camera, clip.things, "Camera")
    return with_options(asked, rng.sample([other for other in CAMERAS if other != clip.camera], 3), rng)


def does(camera: str) -> str:
    """The yes/no question whether the camera does that.

    >>> does("pan left"), does("still")
    ('Does the camera pan left?', 'Does the camera keep still?')
    """
    return f"Does the camera {'keep still' if camera == 'still' else camera}?"


def follows(clip: Clip, rng: random.Random) -> Question | None:
    """Which thing appears next after another one, with options."""
    order = sorted(clip.things, key=lambda thing: thing.span.start)
    known = [
        (one, other)
        for index, (one, other) in enumerate(pairwise(order))
        if one.span.start < other.span.start
        and (index + 2 == len(order) or other.span.start < order[index + 2].span.start)
        and (index == 0 or order[index - 1].span.start < one.span.start)
    ]
    return _which(clip, rng, known, "Which object appears next after the {}?", "Sequence")


def together(clip: Clip, rng: random.Random) -> Question | None:
    """Which thing is to be seen at the same time as another one, with options."""
    known = [(a, b) for a, b in _both_ways(clip) if _shared(a, b) is not None]
    known = [(a, b) for a, b in known if sum(first is a for first, _ in known) == 1]
    return _which(clip, rng, known, "Which object is seen together with the {}?", "Interaction")


def meets(clip: Clip, rng: random.Random) -> Question | None:
    """Which thing overlaps with another one on the screen, with options."""
    known = [(a, b) for a, b in _both_ways(clip) if _meet(clip, a, b)]
    known = [(a, b) for a, b in known if sum(first is a for first, _ in known) == 1]
    return _which(clip, rng, known, "Which object does the {} meet?", "Interaction")


def remains(clip: Clip, rng: random.Random) -> Question | None:
    """Which thing is still there when the clip ends, with options; None unless it is one."""
    last = max((thing.span.end for thing in clip.things), default=None)
    staying = [thing for thing in clip.things if thing.span.end == last]
    if len(staying) != 1 or len(clip.things) < 2:
        return None
    asked = Question("Which object is seen last of all?", staying[0].name, (staying[0],), "Feasibility")
    return with_options(asked, _wrong(clip, staying[0], rng), rng)


def pictured(clip: Clip, rng: random.Random) -> tuple[Question, Clip] | None:
    """What colour a thing has in a clip, asked with a picture of its shape: the picture is a clip of its own."""
    shapes = [thing.shape for thing in clip.things]
    known = [thing for thing in clip.things if shapes.count(thing.shape) == 1 and thing.colour != "white"]
    if not known:
        return None
    thing = rng.choice(known)
    text = "The picture shows a shape. What colour does it have in the video?"
    colours = [colour for colour in COLOURS if colour not in (thing.colour, "white")]
    asked = with_options(Question(text, thing.colour, (thing,), "Adaptation"), rng.sample(colours, 3), rng)
    side = 0.5 * min(clip.width, clip.height)
    shown = replace(
        thing,
        colour="white",
        width=side,
        height=side * thing.height / thing.width,
        x=clip.width / 2,
        y=clip.height / 2,
        speed_x=0.0,
        speed_y=0.0,
        span=Span(0.0, 1.0),
    )
    return asked, replace(clip, rate=4.0, duration=1, things=(shown,))


def _which(clip: Clip, rng: random.Random, known: list[tuple[Thing, Thing]], text: str, topic: str) -> Question | None:
    if not known:
        return None
    one, other = rng.choice(known)
    asked = Question(text.format(one.name), other.name, (one, other), topic)
    return with_options(asked, _wrong(clip, other, rng, one), rng)


def _wrong(clip: Clip, right: Thing, rng: random.Random, *without: Thing) -> list[str]:
    """Three names that are wrong: first of the other things of the clip, then of things that are not in it."""
    others = [thing.name for thing in clip.things if thing not in (right, *without)]
    return [*others, *rng.sample(absent(clip, right), 3)][:3]


def _shared(one: Thing, other: Thing) -> Span | None:
    """When both are there, if at two whole seconds at least."""
    start, end = max(one.span.start, other.span.start), min(one.span.end, other.span.end)
    return Span(start, end) if end > start else None


def _meet(clip: Clip, one: Thing, other: Thing) -> bool:
    shared = _shared(one, other)
    seconds = range(int(shared.start), int(shared.end) + 1) if shared else ()
    return any(clip.box(one, second).iou(clip.box(other, second)) > MET for second in seconds)


def _pairs(clip: Clip) -> list[tuple[Thing, Thing]]:
    return [(one, other) for number, one in enumerate(clip.things) for other in clip.things[number + 1 :]]


def _both_ways(clip: Clip) -> list[tuple[Thing, Thing]]:
    return [pair for one, other in _pairs(clip) for pair in ((one, other), (other, one))]


def _crowds(clip: Clip) -> list[Event]:
    """When so many things are visible, where that is for one stretch of two whole seconds or more."""
    seconds = range(clip.duration)
    counts = [sum(thing.visible(second) for thing in clip.things) for second in seconds]
    found = []
    for number, word in ((2, "two"), (3, "three")):
        there = [second for second in seconds if counts[second] == number]
        if len(there) > 1 and there[-1] - there[0] + 1 == len(there):
            span, text = Span(float(there[0]), float(there[-1])), f"exactly {word} objects are visible"
            found.append(Event(text, span, clip.things, "Object Counting"))
    return found


MAKERS: tuple[Callable[[Clip, random.Random], Question | None], ...] = (moves, follows, together, meets, remains)
"""The questions with options that a clip may or may not have."""
