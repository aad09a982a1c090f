"""What is odd about a row, in a few words each: it can be used all the same, but somebody should know."""

from __future__ import annotations

import re
from collections.abc import Iterator

from .rows import GROUNDED, VISUAL, Row, numbers_of

LARGEST = 0.8
"""Share of the frame above which a box says little (arXiv 2510.20579, A.4)."""
LATE = 0.05
"""Seconds by which a time may lie after the end of its video: times are written with one decimal."""
SECONDS = 0.051
"""Seconds by which a time in the reasoning may differ from that of its key frame, for the same reason."""
SIDES = 0.011
"""Part of the frame by which a box in the reasoning may differ from the item it cites: written with two decimals."""

_TIME = re.compile(r"<t>([^<]{1,40})</t>")
_PLACE = re.compile(r"<box>([^<]{1,400})</box>")
_BOX = re.compile(r"\[([^\[\]]{1,200})\]")


def of(row: Row, seconds: float | None = None) -> Iterator[str]:
    """Everything odd about a row, each kind once; `seconds` is the length of its video, where that is known."""
    yield from dict.fromkeys((*_answers(row), *_items(row), *_times(row, seconds), *_reasoning(row)))


def _answers(row: Row) -> Iterator[str]:
    """In what is asked for."""
    span = row.span
    if span is not None and span.end <= span.start:
        yield "spans that end before they begin, or at once"
    if row.task == VISUAL and "<box>" in row.answer:
        box = row.box
        if box is None:
            yield "answers whose box cannot be read, or without image_size"
        elif not (0 <= box.x1 <= box.x2 <= 1 and 0 <= box.y1 <= box.y2 <= 1):
            yield "answers whose box is inverted or leaves the image"
    if row.task == VISUAL and row.reasoning is None and "<box>" not in row.answer:
        yield "visual QA without reasoning whose answer has no box"


def _items(row: Row) -> Iterator[str]:
    """In key frames and what they show."""
    shown = {frame.idx for frame in row.key_frames}
    if len(shown) < len(row.key_frames):
        yield "key frames that share an idx"
    if any(not row.key_items.get(idx) for idx in shown):
        yield "key frames without items"
    if row.task == GROUNDED and row.key_items.keys() - shown:
        yield "items of no key frame"
    for box in (box for items in row.key_items.values() for boxes in items.values() for box in boxes):
        if min(box) < 0 or max(box) > 1:
            yield "items whose box is not in fractions of the frame"
        elif box.area > LARGEST:
            yield f"boxes over {LARGEST:.0%} of the frame"
        if box.x1 == box.x2 or box.y1 == box.y2:
            yield "items whose box has no area"


def _times(row: Row, seconds: float | None) -> Iterator[str]:
    """In when things happen."""
    last = (seconds if seconds is not None else float("inf")) + LATE
    if any(frame.time > last for frame in row.key_frames):
        yield "key frames after the end of the video"
    if row.span is not None and max(row.span) > last:
        yield "spans that go on after the end of the video"


def _reasoning(row: Row) -> Iterator[str]:
    """In what the reasoning about key frames cites (arXiv 2510.20579, A.4, consistency)."""
    if row.task != GROUNDED or row.reasoning is None:
        return
    times, places = _TIME.findall(row.reasoning), _PLACE.findall(row.reasoning)
    if not times or not places:
        yield "reasoning that cites no time or no box"
    there = [frame.time for frame in row.key_frames]
    if not all(any(abs(time - each) <= SECONDS for each in there) for time in map(_number, times)):
        yield "reasoning that cites a time of no key frame"
    items = [box for named in row.key_items.values() for boxes in named.values() for box in boxes]
    for found in (numbers_of(text) for place in places for text in _BOX.findall(place) or [place]):
        if not found or not any(max(abs(a - b) for a, b in zip(found, box, strict=True)) <= SIDES for box in items):
            yield "reasoning that cites a box of no key item"


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")
