"""Questions about a clip whose answers follow from its facts. Deterministic by the generator that is passed in."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from harness.geometry import Box
from harness.records import Evidence
from harness.shapes.clip import COLOURS, SHAPES, Clip, Thing

LETTERS = "ABCD"
CORNERS = ("top left", "top right", "bottom left", "bottom right")


@dataclass(frozen=True, slots=True)
class Question:
    """A question with its answer and the things that it is about."""

    text: str
    answer: str
    """Words, or a letter when there are options."""
    things: tuple[Thing, ...]
    """What the answer rests on: the evidence."""
    topic: str = ""
    """The task type of Video-MME that it is of."""
    options: tuple[str, ...] = ()


def evidence(clip: Clip, thing: Thing, most: int = 2) -> tuple[Evidence, ...]:
    """Where a thing is when it appears and, with two claims, in the middle of its stay."""
    first, last = thing.span.start, thing.span.end
    times = [first, float(round((first + last) / 2))][:most]
    return tuple(Evidence(label=thing.name, time=time, box=clip.box(thing, time)) for time in times)


def when(thing: Thing) -> str:
    """The temporal question about a thing."""
    return f"When is the {thing.name} visible?"


def where(thing: Thing) -> str:
    """The spatial question about a thing."""
    return f"Where is the {thing.name}?"


def what(clip: Clip, rng: random.Random) -> Question:
    """An open question whose answer is words: "red circle", "red" or "circle"."""
    return rng.choice([q for make in (_first, _last, _colour, _shape) for q in make(clip)] or _any(clip))


def choice(clip: Clip, rng: random.Random) -> Question:
    """A question with four options of which one is right."""
    makers: list[Callable[[Clip, random.Random], Question | None]]
    makers = [_which_appears, _attribute, _order, _count, _corner]
    rng.shuffle(makers)
    return next(q for q in (make(clip, rng) for make in makers) if q is not None)


def lookalike(clip: Clip, thing: Thing, rng: random.Random) -> Question:
    """Which object appears, with three options that are not in the clip but share its colour or shape."""
    asked = Question("Which of these objects appears in the video?", thing.name, (thing,), "Object Recognition")
    return with_options(asked, rng.sample(absent(clip, thing), 3), rng)


def exists(clip: Clip, rng: random.Random) -> Question:
    """A yes/no question about the clip; "no" names a thing that is like one that is there."""
    thing = rng.choice(clip.things)
    yes = rng.random() < 0.5
    name = thing.name if yes else rng.choice(absent(clip, thing))
    return Question(f"Is there a {name} in the video?", "Yes" if yes else "No", (thing,))


def absent(clip: Clip, like: Thing) -> list[str]:
    """Names of things that are not in the clip and share colour or shape with one that is."""
    there = {thing.name for thing in clip.things}
    close = [f"{like.colour} {s}" for s in SHAPES] + [f"{c} {like.shape}" for c in COLOURS]
    return [name for name in close if name not in there]


def view_of(clip: Clip, rng: random.Random) -> tuple[Thing, float, Box, int]:
    """A crop to grade: the thing it is said to show, when, where, and its relevance.

    2 shows the thing, 1 shows less than half of it, 0 shows something else.
    """
    said = rng.choice(clip.things)
    grade = rng.choice((2, 2, 1, 0, 0))
    time = float(rng.randint(int(said.span.start), int(said.span.end)))
    box = clip.box(said, time)
    if grade == 2:
        return said, time, _shift(clip, box, rng, 0.12), 2
    if grade == 1:
        part = _part(box, rng)
        return said, time, part, 1
    others = [thing for thing in clip.things if thing is not said and thing.visible(time)]
    away = [clip.box(thing, time) for thing in others if clip.box(thing, time).iou(box) < 0.05]
    if away and rng.random() < 0.7:
        return said, time, _shift(clip, rng.choice(away), rng, 0.12), 0
    return (*_elsewhere(clip, said, box, time, rng), 0)


def _elsewhere(clip: Clip, said: Thing, box: Box, time: float, rng: random.Random) -> tuple[Thing, float, Box]:
    width, height = box.x2 - box.x1, box.y2 - box.y1
    tries = []
    for _ in range(12):
        x, y = rng.uniform(0, clip.width - width), rng.uniform(0, clip.height - height)
        tries.append(Box(x, y, x + width, y + height))
    return said, time, min(tries, key=lambda other: box.iou(other))


def _shift(clip: Clip, box: Box, rng: random.Random, by: float) -> Box:
    width, height = (box.x2 - box.x1) * by, (box.y2 - box.y1) * by
    moved = Box(
        box.x1 + rng.uniform(-width, width),
        box.y1 + rng.uniform(-height, height),
        box.x2 + rng.uniform(-width, width),
        box.y2 + rng.uniform(-height, height),
    )
    return moved.clip(clip.width, clip.height)


def _part(box: Box, rng: random.Random) -> Box:
    """A side of the box, between a quarter and two fifths of it."""
    share = rng.uniform(0.25, 0.4)
    width, height = (box.x2 - box.x1) * share, (box.y2 - box.y1) * share
    return rng.choice(
        [
            Box(box.x1, box.y1, box.x1 + width, box.y2),
            Box(box.x2 - width, box.y1, box.x2, box.y2),
            Box(box.x1, box.y1, box.x2, box.y1 + height),
            Box(box.x1, box.y2 - height, box.x2, box.y2),
        ]
    )


def _first(clip: Clip) -> list[Question]:
    things = sorted(clip.things, key=lambda thing: thing.span.start)
    if len(things) < 2 or things[0].span.start == things[1].span.start:
        return []
    return [Question("Which object appears first?", things[0].name, (things[0],), "Temporal Reasoning")]


def _last(clip: Clip) -> list[Question]:
    things = sorted(clip.things, key=lambda thing: thing.span.start)
    if len(things) < 2 or things[-1].span.start == things[-2].span.start:
        return []
    return [Question("Which object appears last?", things[-1].name, (things[-1],), "Temporal Reasoning")]


def _any(clip: Clip) -> list[Question]:
    return [
        Question("Which object appears in the video?", clip.things[0].name, (clip.things[0],), "Object Recognition")
    ]


def _colour(clip: Clip) -> list[Question]:
    shapes = [thing.shape for thing in clip.things]
    return [
        Question(f"What colour is the {thing.shape}?", thing.colour, (thing,), "Attribute Perception")
        for thing in clip.things
        if shapes.count(thing.shape) == 1
    ]


def _shape(clip: Clip) -> list[Question]:
    colours = [thing.colour for thing in clip.things]
    return [
        Question(f"What shape is the {thing.colour} object?", thing.shape, (thing,), "Attribute Perception")
        for thing in clip.things
        if colours.count(thing.colour) == 1
    ]


def _which_appears(clip: Clip, rng: random.Random) -> Question | None:
    return lookalike(clip, rng.choice(clip.things), rng)


def _attribute(clip: Clip, rng: random.Random) -> Question | None:
    found = _colour(clip) + _shape(clip)
    if not found:
        return None
    asked = rng.choice(found)
    pool = list(COLOURS) if asked.answer in COLOURS else list(SHAPES)
    return with_options(asked, rng.sample([word for word in pool if word != asked.answer], 3), rng)


def _order(clip: Clip, rng: random.Random) -> Question | None:
    found = _first(clip) + _last(clip)
    if not found:
        return None
    asked = rng.choice(found)
    wrong = [thing.name for thing in clip.things if thing.name != asked.answer]
    wrong += rng.sample(absent(clip, asked.things[0]), 3)
    return with_options(asked, wrong[:3], rng)


def _count(clip: Clip, rng: random.Random) -> Question | None:
    asked = Question("How many objects appear in the video?", str(len(clip.things)), clip.things, "Counting Problem")
    return with_options(asked, [str(n) for n in range(1, 5) if n != len(clip.things)], rng)


def _corner(clip: Clip, rng: random.Random) -> Question | None:
    thing = rng.choice(clip.things)
    box = clip.box(thing, thing.span.start)
    x, y = (box.x1 + box.x2) / 2 / clip.width, (box.y1 + box.y2) / 2 / clip.height
    if min(abs(x - 0.5), abs(y - 0.5)) < 0.08:
        return None
    answer = CORNERS[2 * (y > 0.5) + (x > 0.5)]
    text = f"In which part of the frame does the {thing.name} appear?"
    asked = Question(text, answer, (thing,), "Spatial Perception")
    return with_options(asked, [corner for corner in CORNERS if corner != answer], rng)


def with_options(asked: Question, wrong: list[str], rng: random.Random) -> Question:
    """The question with the right answer among wrong ones, in an order drawn from the generator."""
    options = [asked.answer, *wrong]
    rng.shuffle(options)
    letter = LETTERS[options.index(asked.answer)]
    return Question(asked.text, letter, asked.things, asked.topic, tuple(options))
