"""What an annotator wrote, read: tolerantly as JSON, strictly in content (harness/schemas/annotation.json)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from typing import Any

from harness import schema
from harness.errors import DataError
from harness.geometry import Box

from . import claims, rules
from .claims import Claim
from .draft import Draft, Drop, Moment
from .recipe import Rules
from .sources import CAPTIONS, Item

TRIES = 64
"""Opening braces from which an object is tried to be read."""
MOST_CLAIMS = 45
"""Claims of a reasoning: as many as there may be boxes."""
OVER = 0.01
"""How far a box may reach past the frame, as a fraction of it: it is clipped. Beyond, its coordinates are others."""
DIGITS = 3
"""Decimals of a time that is a frame's: with so many it finds its frame again (harness/video.py)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What an annotator was shown, and in what it counts."""

    width: int
    """Of the source video in pixels."""
    height: int
    times: tuple[float, ...]
    """When each frame of the video is on screen, in seconds."""
    unit: tuple[float, float]
    """What is the whole width and height in the annotator's coordinates."""


def unit(coordinates: str, image: tuple[int, int], width: int, height: int) -> tuple[float, float]:
    """What is the whole width and height in coordinates of that name.

    >>> unit("0-1000", (448, 224), 1280, 640), unit("pixels", (448, 224), 1280, 640)
    ((1000.0, 1000.0), (448, 224))
    """
    return {
        "0-1000": (1000.0, 1000.0),
        "0-1": (1.0, 1.0),
        "pixels": image,
        "source-pixels": (float(width), float(height)),
    }[coordinates]


def found(text: str) -> Any:
    """The JSON object with key frames in an answer: after its thinking, in a fence of code or not, whatever follows.

    >>> found('<think>{}</think>Here: ```json\\n{"key_frames": []}\\n``` Done {1}')
    {'key_frames': []}
    """
    said = text.rpartition("</think>")[2]
    decoder = json.JSONDecoder(parse_constant=_refuse)
    first = "there is no { in it"
    for brace in islice(re.finditer(r"\{", said), TRIES):
        try:
            data, _ = decoder.raw_decode(said, brace.start())
        except (ValueError, RecursionError) as error:
            first = str(error) if first.startswith("there") else first
            continue
        if isinstance(data, dict) and "key_frames" in data:
            return data
    raise DataError(f"no JSON object with key_frames can be read: {first}")


def read(text: str, item: Item, seen: Seen, options: Rules) -> Draft | Drop:
    """The draft that an answer is, or why it is none."""
    try:
        data = found(text)
        schema.validate("annotation", data, "it")
    except DataError as error:
        return Drop("unreadable", str(error))
    moments = []
    for number, frame in enumerate(data["key_frames"], 1):
        key = "frame" if item.kind == CAPTIONS else "time"
        if key not in frame:
            return Drop("unreadable", f"key frame {number} has no {key!r}")
        if not _inside(frame[key], item, options):
            return Drop("outside", f"the key frame at {key} {frame[key]:g} is outside of what is described")
        time = round(seen.times[frame[key]], DIGITS) if item.kind == CAPTIONS else float(frame[key])
        items: dict[str, tuple[Box, ...]] = {}
        for thing in frame["objects"]:
            boxes = [_box(corners, seen) for corners in thing["boxes"]]
            bad = next((corners for corners, box in zip(thing["boxes"], boxes, strict=True) if box is None), None)
            if bad is not None:
                return Drop("outside", f"the box {bad} of {thing['name']!r} is empty or outside of the frame")
            items[thing["name"]] = (*items.get(thing["name"], ()), *(box for box in boxes if box))
        moments.append(Moment(time, items))
    if len({moment.time for moment in moments}) < len(moments):
        return Drop("unreadable", "two key frames are at the same time")
    if len(claims.cited(data["reasoning_process"]).claims) > MOST_CLAIMS:
        return Drop("unreadable", f"the reasoning makes more than {MOST_CLAIMS} claims")
    spelled = rules.one_spelling(sorted(moments, key=lambda moment: moment.time))
    return Draft(
        item=item,
        width=seen.width,
        height=seen.height,
        question=data["question"].strip(),
        answer=data["answer"].strip(),
        moments=spelled,
        reasoning=claims.rewrite(data["reasoning_process"].strip(), _claim(spelled, seen, item), _clock(seen, item)),
    )


def _inside(told: float, item: Item, options: Rules) -> bool:
    """Whether a key frame, by its time or index, is where something is described; captions are all of the video's."""
    if item.segment is None:
        return any(caption.start <= told <= caption.end for caption in item.captions)
    slack = options.time_tolerance + rules.EDGE
    return item.segment.start - slack <= told <= item.segment.end + slack


def _box(corners: tuple[float, float, float, float], seen: Seen) -> Box | None:
    box = Box(*corners).scale(1 / seen.unit[0], 1 / seen.unit[1])
    clipped = Box(*(round(value, 4) for value in box.clip(1, 1)))
    fits = all(-OVER <= value <= 1 + OVER for value in box)
    return clipped if fits and clipped.x1 < clipped.x2 and clipped.y1 < clipped.y2 else None


def _clock(seen: Seen, item: Item) -> Callable[[float], float]:
    """Turns a time as the annotator wrote it, seconds or the index of a frame, into seconds."""

    def seconds(told: float) -> float:
        if item.kind != CAPTIONS:
            return told
        last = len(seen.times) - 1
        return round(seen.times[round(told)], DIGITS) if told <= last else seen.times[last] + (told - last)

    return seconds


def _claim(moments: tuple[Moment, ...], seen: Seen, item: Item) -> Callable[[Claim], Claim]:
    """Turns a claim as the annotator wrote it into seconds, fractions and the spelling of its key item."""
    seconds = _clock(seen, item)
    names = {claims.bare(name).casefold(): name for moment in moments for name in moment.items}

    def turn(claim: Claim) -> Claim:
        name = names.get(claims.bare(claim.name).casefold(), claims.bare(claim.name))
        return Claim(name, claim.box.scale(1 / seen.unit[0], 1 / seen.unit[1]), seconds(claim.time))

    return turn


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")
