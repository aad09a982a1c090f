"""What the thinking of a completion cites: times, boxes, and boxes at times (arXiv 2510.20579, Sec. 4.3).

Reading takes time linear in the text and never raises, as in harness/parse.py, which reads each number.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from harness import parse
from harness.geometry import Box
from harness.records import View

_TAG = re.compile(r"<(/?)(obj|box|t)>")
_BOX = re.compile(r"<box>([^<]{0,200})</box>")
_TIME = re.compile(r"<t>([^<]{0,40})</t>")
_OBJECT = re.compile(
    r"<obj>\s{0,3}[^<\s][^<]{0,200}</obj>((?:\s{0,3}<box>[^<]{0,200}</box>)*)"
    r"(?:\s{0,3}(?:at\s{0,3})?<t>([^<]{0,40})</t>)?"
)


@dataclass(frozen=True, slots=True)
class Cited:
    """What a text cites, in seconds and in pixels of the source."""

    times: tuple[float, ...] = ()
    """Every time, of a claim or alone, in the order of the text, one said twice twice."""
    boxes: tuple[Box, ...] = ()
    """Every box, with a time or without."""
    at: Mapping[float, tuple[Box, ...]] = field(default_factory=dict)
    """The boxes of claims <obj>..</obj><box>..</box>at<t>..</t>, which may have several, by their time."""
    claims: int = 0
    """Claims with a name, boxes and a time that can all be read."""
    objects: int = 0
    """Names, with the rest of a claim or without."""
    clean: bool = True
    """Whether every tag has its partner and what stands between them can be read."""


def thinking(text: str) -> str | None:
    """What stands in the first think tag that is closed; None without one.

    >>> thinking("<think>The cup.</think><answer>B</answer>"), thinking("<think>The cup.")
    ('The cup.', None)
    """
    start = text.find("<think>")
    end = text.find("</think>", start)
    return text[start + len("<think>") : end] if 0 <= start < end else None


def read(view: View, text: str) -> Cited:
    """All that a text cites.

    >>> view = View(video="", times=(), duration=0, width=20, height=20, size=(10, 10), family="qwen2_5_vl")
    >>> read(view, "The <obj>cup</obj><box>[1,2,3,4]</box>at<t>3.0</t>s.").at
    {3.0: (Box(x1=2.0, y1=4.0, x2=6.0, y2=8.0),)}
    >>> read(view, "It is <t>4</t>s, not <t>nan</t>s.").times
    (4.0,)
    """
    told = _BOX.findall(text)
    known = {numbers: _box(view, numbers) for numbers in set(told)}
    at: dict[float, list[Box]] = {}
    claims = objects = 0
    for found in _OBJECT.finditer(text):
        objects += 1
        boxes = [known[each] for each in _BOX.findall(found[1])]
        time = parse.seconds(found[2]) if found[2] else None
        if time is not None and boxes and None not in boxes:
            claims += 1
            at.setdefault(time, []).extend(box for box in boxes if box is not None)
    times = tuple(time for each in _TIME.findall(text) if (time := parse.seconds(each)) is not None)
    placed = tuple(box for each in told if (box := known[each]) is not None)
    return Cited(
        times=times,
        boxes=placed,
        at={time: tuple(each) for time, each in at.items()},
        claims=claims,
        objects=objects,
        clean=_clean(text, Counter(obj=objects, box=len(placed), t=len(times))),
    )


def _box(view: View, numbers: str) -> Box | None:
    claims, _ = parse.evidence(view, f"<obj>it</obj><box>{numbers}</box>")
    return claims[0].box if claims else None


def _clean(text: str, read: Counter[str]) -> bool:
    """Whether tags alternate between opening and closing one name, and as many were read as were opened."""
    opened: Counter[str] = Counter()
    waiting = None
    for closing, name in _TAG.findall(text):
        if waiting != (name if closing else None):
            return False
        waiting = None if closing else name
        opened[name] += not closing
    return waiting is None and opened == read
