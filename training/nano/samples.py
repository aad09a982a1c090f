"""Samples on a clip, with the evidence that their answers rest on."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from harness.records import Evidence, Sample
from harness.shapes import events, questions
from harness.shapes.clip import Clip, Thing

EXISTS, CHOICES, EVENTS = 5, 2, 2
"""Questions of a kind a clip: a yes or a letter is little to learn from."""
IN_VIEW = 0.3
"""Share of a thing that is in the picture where it is cited."""


def of(clip: Clip, rng: random.Random) -> list[Sample]:
    """One of each kind and several of some."""
    asked = questions.what(clip, rng)
    thing = rng.choice(clip.things)
    found = [sample(clip, "what", asked.text, asked.things[0], answer=asked.answer)]
    found += [choice(clip, questions.choice(clip, rng)) for _ in range(CHOICES)]
    found += [exists(clip, questions.exists(clip, rng)) for _ in range(EXISTS)]
    found.append(sample(clip, "when_1", questions.when(thing), thing))
    found.append(sample(clip, "where_1", questions.where(thing), thing))
    made = [question for make in events.MAKERS if (question := make(clip, rng)) is not None]
    found += [happening(clip, question) for question in rng.sample(made, min(EVENTS, len(made)))]
    seen = events.events(clip)
    found += [event(clip, known) for known in rng.sample(seen, min(EVENTS, len(seen)))]
    other = rng.choice(clip.things)
    kind, ask = rng.choice((("when_2", questions.when), ("where_2", questions.where)))
    return [*found, sample(clip, kind, ask(other), other)]


def choice(clip: Clip, asked: questions.Question) -> Sample:
    """A question of harness/shapes/questions.py with options."""
    thing = asked.things[0] if len(asked.things) == 1 else None
    told: dict[str, Any] = {"answer": asked.answer, "options": asked.options, "things": asked.things}
    return sample(clip, "mcq", asked.text, thing, **told)


def exists(clip: Clip, asked: questions.Question) -> Sample:
    """A question of yes or no about a clip."""
    return sample(clip, "exists", asked.text, asked.things[0], answer=asked.answer)


def sample(
    clip: Clip,
    kind: str,
    question: str,
    thing: Thing | None,
    *,
    answer: str | None = None,
    options: tuple[str, ...] = (),
    things: tuple[Thing, ...] = (),
    cited: Sequence[Evidence] = (),
) -> Sample:
    """A sample about one thing, or about several when `thing` is None."""
    shown = [] if cited else [thing] if thing else list(things)
    cited = [*cited, *(claim for t in shown for claim in _cite(clip, t, kind if thing else "count"))]
    return Sample(
        id="",
        item="",
        kind=kind,
        video="",
        question=question,
        options=options,
        answer=answer,
        span=thing.span if thing else None,
        boxes=clip.boxes(thing) if thing else {},
        evidence=tuple(cited),
    )


def _cite(clip: Clip, thing: Thing, kind: str) -> list[Evidence]:
    """First and last sight of a thing when time is asked for, else one look at it."""
    span = thing.span
    times = [span.start, span.end] if kind.startswith("when") else [span.start]
    if kind in ("what", "mcq"):
        times = [float(round((span.start + span.end) / 2))]
    return [Evidence(label=thing.name, time=t, box=clip.box(thing, t)) for t in times]


def happening(clip: Clip, asked: questions.Question) -> Sample:
    """A question of harness/shapes/events.py with options."""
    told: dict[str, Any] = {"answer": asked.answer, "options": asked.options}
    return sample(clip, "mcq", asked.text, asked.things[0], cited=_rests(clip, asked), **told)


def event(clip: Clip, found: events.Event) -> Sample:
    """When an event takes place: it rests on the first and the last sight of each of its things."""
    cited = [claim for thing in found.things for claim in _cite(clip, thing, "when")]
    told = sample(clip, "when_1", happens(found), found.things[0], cited=cited)
    return replace(told, span=found.span)


def happens(event: events.Event) -> str:
    """The temporal question about an event."""
    return f"When does this happen: {event.text}"


def camera(clip: Clip, asked: questions.Question, times: Sequence[float]) -> Sample:
    """What the camera does: it rests on where a thing is at first and at last, as far as it is in the picture."""
    sights = [[claim for time in (times[0], times[-1]) for claim in _sight(clip, t, time)] for t in clip.things]
    told: dict[str, Any] = {"answer": asked.answer, "options": asked.options}
    return sample(clip, "mcq", asked.text, None, cited=max(sights, key=len), **told)


def _rests(clip: Clip, asked: questions.Question) -> list[Evidence]:
    first, *others = asked.things
    if asked.topic == "Motion":
        return _cite(clip, first, "when")
    if asked.topic == "Sequence":
        return [claim for thing in asked.things for claim in _cite(clip, thing, "count")]
    if asked.topic == "Feasibility":
        return _cite(clip, first, "when")[1:]
    if asked.topic == "Interaction":
        times = range(int(max(t.span.start for t in asked.things)), int(min(t.span.end for t in asked.things)) + 1)
        meeting = (t for t in times if clip.box(first, t).iou(clip.box(others[0], t)) > events.MET)
        time = float(next(meeting, times[0]) if "meet" in asked.text else times[0])
        return [Evidence(label=thing.name, time=time, box=clip.box(thing, time)) for thing in asked.things]
    return _cite(clip, first, "mcq")


def _sight(clip: Clip, thing: Thing, time: float) -> list[Evidence]:
    whole = clip.box(thing, time)
    box = whole.clip(clip.width, clip.height)
    return [Evidence(label=thing.name, time=time, box=box)] if box.area > IN_VIEW * whole.area else []
