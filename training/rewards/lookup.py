"""What the released program of arXiv 2510.20579 finds in a completion, in time linear in its length.

Its patterns try all ways to split a text, which takes exponential time for some texts; what they find in the end is
described and found here by going forward alone. Numbers are read as Python and JSON read them, as there.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from harness.geometry import Box
from harness.prompt import read_box
from harness.records import View

_TIME = re.compile(r"<t>([.\d]+)</t>s")
_SPAN = re.compile(r"<t>(\d+(?:\.\d*)?)</t>s to <t>(\d+(?:\.\d*)?)</t>s")
_NAMED = re.compile(r"<obj>\w+</obj><box>\[")


class Claim(NamedTuple):
    """Boxes that are said to be somewhere at a time."""

    time: float
    boxes: tuple[Box | None, ...]
    """None for a list that is no box."""


def tagged(text: str, name: str) -> str | None:
    """What stands in the first closed tag of that name, wherever it is.

    >>> tagged("<think><answer> A </answer></think><answer>B</answer>", "answer")
    ' A '
    """
    start, end = _between(text, f"<{name}>", f"</{name}>", 0)
    return text[start:end] if end >= 0 else None


def span(text: str) -> tuple[float, float] | None:
    """The first "<t>a</t>s to <t>b</t>s"; None when it ends before it starts.

    >>> span("From <t>4</t>s to <t>7.5</t>s"), span("<t>7</t>s to <t>4</t>s"), span("4 to 7")
    ((4.0, 7.5), None, None)
    """
    found = _SPAN.search(text)
    start, end = map(float, found.groups()) if found else (1.0, 0.0)
    return (start, end) if start <= end else None


def times(text: str) -> list[float]:
    """Every "<t>number</t>s"; none at all when one of them is no number.

    >>> times("at <t>3</t>s, <t>4.5</t>s and <t>-1</t>s"), times("<t>3</t>s <t>1.2.3</t>s")
    ([3.0, 4.5], [])
    """
    try:
        return [float(each) for each in _TIME.findall(text)]
    except ValueError:
        return []


def lists(text: str) -> Iterator[str]:
    """What looks like "<box>[..]</box>" and stands on one line, from the first bracket to the next "]</box>".

    >>> list(lists("<box>[1]</box> <box>[2] </box><box>[3]</box>"))
    ['[1]', '[2] </box><box>[3]']
    """
    for line in text.split("\n"):
        at = 0
        while True:
            start, end = _between(line, "<box>[", "]</box>", at)
            if end < 0:
                break
            yield line[start - 1 : end + 1]
            at = end + len("]</box>")


def claims(view: View, text: str) -> list[Claim]:
    """Every "<obj>..</obj><box>[..]</box>at<t>..</t>s", where each of the parts may run over tags of others.

    >>> view = View(video="", times=(), duration=0, width=9, height=9, size=(9, 9), family="qwen2_5_vl")
    >>> claims(view, "<obj>a</obj> and <obj>b</obj><box>[1,2,3,4]</box>at<t>5</t>s")
    [Claim(time=5.0, boxes=(Box(x1=1.0, y1=2.0, x2=3.0, y2=4.0),))]
    """
    found: list[Claim] = []
    at = 0
    while True:
        _, boxes = _between(text, "<obj>", "</obj><box>[", at)
        start, end = _between(text, "</obj><box>[", "]</box>at<t>", boxes) if boxes >= 0 else (-1, -1)
        told, at = _between(text, "]</box>at<t>", "</t>s", end) if end >= 0 else (-1, -1)
        if at < 0:
            return found
        try:
            time = float(text[told:at])
            read = [json.loads(each) for each in _brackets(text[start - 1 : end + 1])]
        except (ValueError, RecursionError):
            continue
        found.append(Claim(time, tuple(box(view, each) for each in read)))


def named(text: str) -> bool:
    """Whether an object of one word is followed by a box on the same line.

    >>> named("<obj>mug</obj><box>[1,2,3,4]</box>"), named("<obj>red mug</obj><box>[1,2,3,4]</box>")
    (True, False)
    """
    for line in text.split("\n"):
        found = _NAMED.search(line)
        if found and line.find("]</box>", found.end()) >= 0:
            return True
    return False


def loaded(text: str) -> Any:
    """What a list says; None when it is no JSON."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def box(view: View, numbers: Any) -> Box | None:
    """Four numbers in the model's own coordinates as a box of the source; None when they are not."""
    if not isinstance(numbers, list) or len(numbers) != 4:
        return None
    try:
        corners = [float(each) for each in numbers]
    except (TypeError, ValueError, OverflowError):
        return None
    return read_box(view, corners) if all(map(math.isfinite, corners)) else None


def _brackets(text: str) -> Iterator[str]:
    """Each "[" up to the next "]" on its line."""
    for line in text.split("\n"):
        at = 0
        while True:
            start, end = _between(line, "[", "]", at)
            if end < 0:
                break
            yield line[start - 1 : end + 1]
            at = end + 1


def _between(text: str, opening: str, closing: str, at: int) -> tuple[int, int]:
    """Where what follows the next `opening` begins and where the next `closing` stands; -1 for either that is not."""
    start = text.find(opening, at)
    if start < 0:
        return -1, -1
    start += len(opening)
    return start, text.find(closing, start)
